"""The documents that the operator side writes for the Flink processes: job.json, start.json, taskmanager.json, ledger.

They are the contract between the two distributions, so parsing is strict (see strict_document). Pure: documents come
in decoded; `config_files` reads the files.
"""

from dataclasses import dataclass
from typing import Final, Self

from anomalyjob.strict_document import ConfigError, Section, decode_json

__all__ = [
    "ConfigError",
    "Detection",
    "JobConfig",
    "LedgerFloor",
    "SimulatedSource",
    "Sinks",
    "SlotResources",
    "SlotSharing",
    "StartConfig",
    "StartRule",
    "TaskManagerConfig",
    "decode_json",
]

EXECUTION_MODES: Final = ("thread", "process")
START_RULES: Final = ("latest", "empty", "path")


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """When to raise an alert: at `max_count` abnormal events of one user in a row and at each further one."""

    max_count: int

    def document(self) -> dict[str, object]:
        """Return the JSON form, as it stands in job.json and in start records."""
        return {"maxCount": self.max_count}


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedSource:
    """The events of the simulator: per user one every interval; `abnormal_ratio` is a share between 0 and 1."""

    users: tuple[str, ...]
    interval_milliseconds: int
    abnormal_ratio: float
    seed: int

    def document(self) -> dict[str, object]:
        """Return the JSON form, as it stands in job.json and in start records."""
        simulated = {
            "users": list(self.users),
            "intervalMilliseconds": self.interval_milliseconds,
            "abnormalRatio": self.abnormal_ratio,
            "seed": self.seed,
        }
        return {"simulated": simulated}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sinks:
    """Which sinks the job writes to; at least one of them is set."""

    log: bool
    files: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotResources:
    """What one slot of a slot sharing group asks of its TaskManager (see slots.py for why)."""

    cpu_cores: float
    task_heap_mebibytes: int
    task_off_heap_mebibytes: int
    managed_mebibytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotSharing:
    """The three slot sharing groups of the job."""

    source: SlotResources
    process: SlotResources
    sink: SlotResources


@dataclass(frozen=True, slots=True, kw_only=True)
class JobConfig:
    """job.json: what the job computes. The same for the JobManager and all TaskManagers."""

    namespace: str
    name: str
    parallelism: int
    python_execution_mode: str
    detection: Detection
    source: SimulatedSource
    sink: Sinks
    slot_sharing: SlotSharing | None

    @classmethod
    def parse(cls, document: object) -> Self:
        """Read a decoded job.json; raise ConfigError naming the path of the first thing that is wrong."""
        root = Section(document)
        config = cls(
            namespace=_folder_part(root, "namespace"),
            name=_folder_part(root, "name"),
            parallelism=root.integer("parallelism", minimum=1),
            python_execution_mode=root.choice("pythonExecutionMode", EXECUTION_MODES),
            detection=_detection(root.section("detection")),
            source=_source(root.section("source")),
            sink=_sinks(root.section("sink")),
            slot_sharing=_slot_sharing(root),
        )
        root.finish()
        return config


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRule:
    """From where an incarnation begins: `latest`, `empty`, or `path` with a checkpoint folder or savepoint folder."""

    kind: str
    path: str | None = None

    def document(self) -> dict[str, object]:
        """Return the JSON form, as it stands in start.json and in start records."""
        return {"from": self.kind} if self.path is None else {"from": self.kind, "path": self.path}


@dataclass(frozen=True, slots=True, kw_only=True)
class StartConfig:
    """start.json: how the JobManager's launcher has to begin. Folders and files are absolute paths.

    `allow_non_restored_state` lets Flink drop state that nothing takes over; `restore_nonce` is noted on the volume.
    """

    volume: str
    incarnation: int
    restart_counter: int
    spec_hash: str
    rule: StartRule
    ledger_file: str
    allow_older_checkpoints: int
    retained: int
    lock_timeout_seconds: int
    termination_log: str
    jvm_options: tuple[str, ...]
    allow_non_restored_state: bool = False
    restore_nonce: int | None = None

    @classmethod
    def parse(cls, document: object) -> Self:
        """Read a decoded start.json; raise ConfigError naming the path of the first thing that is wrong."""
        root = Section(document)
        config = cls(
            volume=_absolute_path(root, "volume"),
            incarnation=root.integer("incarnation", minimum=1),
            restart_counter=root.integer("restartCounter", minimum=0),
            spec_hash=root.text("specHash"),
            rule=_start_rule(root.section("rule")),
            ledger_file=_absolute_path(root, "ledgerFile"),
            allow_older_checkpoints=root.integer("allowOlderCheckpoints", minimum=0),
            retained=root.integer("retained", minimum=1),
            lock_timeout_seconds=root.integer("lockTimeoutSeconds", minimum=0),
            termination_log=_absolute_path(root, "terminationLog"),
            jvm_options=root.texts("jvmOptions"),
            allow_non_restored_state=_switch(root, "allowNonRestoredState"),
            restore_nonce=_optional_integer(root, "restoreNonce"),
        )
        root.finish()
        return config


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskManagerConfig:
    """taskmanager.json: how a TaskManager's launcher has to begin."""

    termination_log: str
    jvm_options: tuple[str, ...]

    @classmethod
    def parse(cls, document: object) -> Self:
        """Read a decoded taskmanager.json; raise ConfigError naming the path of the first thing that is wrong."""
        root = Section(document)
        config = cls(termination_log=_absolute_path(root, "terminationLog"), jvm_options=root.texts("jvmOptions"))
        root.finish()
        return config


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerFloor:
    """What the launcher reads of the ledger: the last completed checkpoint that the operator has recorded."""

    incarnation: int
    checkpoint_id: int | None
    path: str | None = None

    @classmethod
    def parse(cls, document: object) -> Self:
        """Read a decoded ledger. Its other keys are the operator's own and are not looked at."""
        root = Section(document)
        incarnation = root.integer("incarnation", minimum=1)
        if not root.has("floor"):
            return cls(incarnation=incarnation, checkpoint_id=None)
        floor = root.section("floor")
        path = floor.text("path") if floor.has("path") else None
        return cls(incarnation=incarnation, checkpoint_id=floor.integer("checkpointId", minimum=0), path=path)


def _switch(root: Section, key: str) -> bool:
    root.skip(key)
    if not root.has(key):
        return False
    value = root.value(key)
    if not isinstance(value, bool):
        raise ConfigError(root.path_of(key), f"must be true or false, not {value!r}")
    return value


def _optional_integer(root: Section, key: str) -> int | None:
    root.skip(key)
    return root.integer(key, minimum=1) if root.has(key) else None


def _detection(section: Section) -> Detection:
    detection = Detection(max_count=section.integer("maxCount", minimum=1))
    section.finish()
    return detection


def _source(section: Section) -> SimulatedSource:
    simulated = section.section("simulated")
    section.finish()
    source = SimulatedSource(
        users=_users(simulated),
        interval_milliseconds=simulated.integer("intervalMilliseconds", minimum=1),
        abnormal_ratio=simulated.number("abnormalRatio", minimum=0, maximum=1),
        seed=simulated.integer("seed"),
    )
    simulated.finish()
    return source


def _users(section: Section) -> tuple[str, ...]:
    users = section.texts("users")
    if not users:
        raise ConfigError(section.path_of("users"), "must name at least one user")
    if len(set(users)) < len(users):
        raise ConfigError(section.path_of("users"), "must not name a user twice")
    return users


def _sinks(section: Section) -> Sinks:
    sinks = Sinks(log=_switched_on(section, "log"), files=_switched_on(section, "files"))
    section.finish()
    if not (sinks.log or sinks.files):
        raise ConfigError(section.path, "must hold at least one of log, files")
    return sinks


def _slot_sharing(root: Section) -> SlotSharing | None:
    root.skip("slotSharing")
    if not root.has("slotSharing"):
        return None
    section = root.section("slotSharing")
    sharing = SlotSharing(
        source=_slot_resources(section.section("source")),
        process=_slot_resources(section.section("process")),
        sink=_slot_resources(section.section("sink")),
    )
    section.finish()
    return sharing


def _slot_resources(section: Section) -> SlotResources:
    resources = SlotResources(
        cpu_cores=section.number("cpuCores", minimum=0, maximum=1024),
        task_heap_mebibytes=section.integer("taskHeapMebibytes", minimum=1),
        task_off_heap_mebibytes=section.integer("taskOffHeapMebibytes", minimum=1),
        managed_mebibytes=section.integer("managedMebibytes", minimum=0),
    )
    section.finish()
    return resources


def _switched_on(section: Section, key: str) -> bool:
    section.skip(key)
    if not section.has(key):
        return False
    section.section(key).finish()
    return True


def _start_rule(section: Section) -> StartRule:
    kind = section.choice("from", START_RULES)
    path = _path(section, "path") if kind == "path" else None
    section.finish()
    return StartRule(kind=kind, path=path)


def _path(section: Section, key: str) -> str:
    path = section.text(key)
    if "\0" in path:
        raise ConfigError(section.path_of(key), f"must be a path, and so without a null character, not {path!r}")
    return path


def _absolute_path(section: Section, key: str) -> str:
    path = _path(section, key)
    if not path.startswith("/"):
        raise ConfigError(section.path_of(key), f"must be an absolute path, not {path!r}")
    return path


def _folder_part(section: Section, key: str) -> str:
    """Return a text that can be part of the job folder's name: the folder must stay inside the volume."""
    text = section.text(key)
    if "/" in text or "\0" in text or text.startswith("."):
        raise ConfigError(section.path_of(key), f"must be a name without slashes, not {text!r}")
    return text
