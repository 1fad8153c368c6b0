"""docs/volume.md tells of every refusal, in the very words of the launcher: each message is made here and looked up."""

import errno
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from anomalyjob import flink_installation, launch, volume_lock
from anomalyjob.checkpoint_choice import Candidate, Condition, IncarnationFacts, choose
from anomalyjob.checkpoint_volume import prepare_start
from anomalyjob.config import Detection, JobConfig, SimulatedSource, Sinks, StartConfig, StartRule
from anomalyjob.config_files import read_job_config
from anomalyjob.lineage import Lineage, read_lineage, write_lineage
from anomalyjob.refusal import Reason, Refusal, RefusedError
from anomalyjob.strict_document import ConfigError
from anomalyjob.volume_layout import JobFolder

DOCUMENT = Path(__file__).parents[2] / "docs" / "volume.md"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
JOB = JobConfig(
    namespace="default",
    name="demo",
    parallelism=1,
    python_execution_mode="thread",
    detection=Detection(max_count=3),
    source=SimulatedSource(users=("user1",), interval_milliseconds=1, abnormal_ratio=0, seed=7),
    sink=Sinks(log=True, files=False),
    slot_sharing=None,
)
GOOD = Candidate(path="/c/chk-4", checkpoint_id=4, start=1, condition=Condition.VERIFIED)
BAD = Candidate(path="/c/chk-5", checkpoint_id=5, start=1, condition=Condition.BROKEN, note="its state file is missing")


def chosen(
    *candidates: Candidate, floor: int | None = None, rule: StartRule | None = None, **facts: object
) -> Callable[[Path], Refusal]:
    """The refusal of a choice."""

    def refuse(_: Path) -> Refusal:
        refusal = choose(
            candidates,
            floor=floor,
            rule=rule or StartRule(kind="latest"),
            allow_older_checkpoints=0,
            facts=IncarnationFacts(incarnation=2, **facts),  # type: ignore[arg-type]
        )
        assert isinstance(refusal, Refusal)
        return refusal

    return refuse


def prepared(before: Callable[[JobFolder], None], incarnation: int = 1, volume: str = "") -> Callable[[Path], Refusal]:
    """The refusal of a start on a volume that `before` has spoilt."""

    def refuse(root: Path) -> Refusal:
        folder = JobFolder(volume=root, namespace="default", name="demo")
        folder.path.mkdir()
        before(folder)
        request = StartConfig(
            volume=volume or str(root),
            incarnation=incarnation,
            restart_counter=0,
            spec_hash="ab12",
            rule=StartRule(kind="latest"),
            ledger_file=str(root / "ledger.json"),
            allow_older_checkpoints=0,
            retained=1,
            lock_timeout_seconds=0,
            termination_log="/nowhere/log",
            jvm_options=(),
        )
        with pytest.raises(RefusedError) as caught:
            prepare_start(JOB, request, clock=lambda: NOW, log=print)
        return caught.value.refusal

    return refuse


def write_foreign_lineage(folder: JobFolder) -> None:
    write_lineage(folder.lineage_file, Lineage(namespace="default", name="other", incarnation=1))


def write_later_lineage(folder: JobFolder) -> None:
    write_lineage(folder.lineage_file, Lineage(namespace="default", name="demo", incarnation=2))


def write_damaged_ledger(folder: JobFolder) -> None:
    (folder.volume / "ledger.json").write_text("{", encoding="utf-8")


def damaged_lineage(root: Path) -> Refusal:
    file = root / "lineage.json"
    file.write_text("{", encoding="utf-8")
    with pytest.raises(RefusedError) as caught:
        read_lineage(file)
    return caught.value.refusal


def locked(root: Path) -> Refusal:
    file = root / "jobmanager.lock"
    descriptor = volume_lock.take_lock(file, timeout_seconds=0, now=NOW, log=print)
    try:
        with pytest.raises(RefusedError) as caught:
            volume_lock.take_lock(file, timeout_seconds=0, now=NOW, log=print)
    finally:
        os.close(descriptor)
    return caught.value.refusal


def without_locks(root: Path) -> Refusal:
    return Refusal(reason=Reason.NO_WORKING_LOCKS, message=volume_lock._no_locks_message(root / "lock", "it was given"))


def system(number: int) -> Callable[[Path], Refusal]:
    """What the launcher makes of an error of the system."""
    return lambda root: launch._refused_by_system(OSError(number, os.strerror(number), str(root))).refusal


def bad_configuration(root: Path) -> Refusal:
    (root / "job.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_job_config(root)
    return Refusal(reason=Reason.BAD_CONFIGURATION, message=str(caught.value))


def installation(search: Callable[[], object]) -> Callable[[Path], Refusal]:
    """The refusal of a search for Flink or Java."""

    def refuse(_: Path) -> Refusal:
        with pytest.raises(RefusedError) as caught:
            search()
        return caught.value.refusal

    return refuse


REFUSALS: dict[str, tuple[Reason, Callable[[Path], Refusal]]] = {
    "a wrong file": (Reason.BAD_CONFIGURATION, bad_configuration),
    "a damaged ledger": (Reason.BAD_LEDGER, prepared(write_damaged_ledger)),
    "below the floor": (Reason.CHECKPOINT_BELOW_FLOOR, chosen(GOOD, floor=5)),
    "below the floor with a damaged one": (Reason.CHECKPOINT_BELOW_FLOOR, chosen(GOOD, BAD, floor=5)),
    "a floor and nothing": (Reason.CHECKPOINTS_MISSING, chosen(floor=5)),
    "output and nothing": (Reason.CHECKPOINTS_MISSING, chosen(has_output=True)),
    "a new incarnation without a rule": (Reason.CHECKPOINTS_MISSING, chosen(older_has_checkpoints=True)),
    "only damaged ones": (Reason.NO_USABLE_CHECKPOINT, chosen(BAD)),
    "a path to nothing": (Reason.RESTORE_PATH_UNUSABLE, chosen(rule=StartRule(kind="path", path="/x"), restore=BAD)),
    "an older incarnation": (Reason.OLDER_INCARNATION, prepared(write_later_lineage)),
    "another job": (Reason.VOLUME_OF_ANOTHER_JOB, prepared(write_foreign_lineage)),
    "a lock that is held": (Reason.VOLUME_LOCKED, locked),
    "no locks": (Reason.NO_WORKING_LOCKS, without_locks),
    "no volume": (Reason.VOLUME_MISSING, prepared(lambda _: None, volume="/nowhere/at/all")),
    "a read-only volume": (Reason.VOLUME_READ_ONLY, system(errno.EROFS)),
    "a full volume": (Reason.VOLUME_FULL, system(errno.ENOSPC)),
    "a damaged lineage": (Reason.VOLUME_DAMAGED, damaged_lineage),
    "a failing volume": (Reason.VOLUME_UNUSABLE, system(errno.EIO)),
    "no whole Flink": (Reason.FLINK_MISSING, installation(lambda: flink_installation._jars(Path("/nowhere")))),
    "no Java": (Reason.JAVA_MISSING, installation(lambda: flink_installation._java({"PATH": "/nowhere"}))),
}


def templates(reason: Reason) -> list[str]:
    """The messages of one reason in the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    found = re.search(rf"^### `{reason}`\n```\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL)
    return found[1].splitlines() if found else []


def matches(template: str, message: str) -> bool:
    """Whether the message is the template with something in each pair of angle brackets."""
    pattern = "".join(
        ".+?" if part.startswith("<") else re.escape(part) for part in re.split(r"(<[^<>]+>)", template) if part
    )
    return re.fullmatch(pattern, message, re.DOTALL) is not None


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_described_with_its_message(reason: Reason) -> None:
    assert templates(reason) != []


def test_the_document_describes_no_reason_that_is_gone() -> None:
    headings = re.findall(r"^### `(\w+)`$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)

    assert headings == list(dict.fromkeys(headings))
    assert set(headings) == {str(reason) for reason in Reason}


@pytest.mark.parametrize("name", REFUSALS)
def test_the_message_of_a_refusal_stands_in_the_document_word_for_word(name: str, tmp_path: Path) -> None:
    reason, make = REFUSALS[name]
    refusal = make(tmp_path)

    assert refusal.reason is reason
    assert any(matches(template, refusal.message) for template in templates(reason)), refusal.message


def test_without_pyflink_the_message_is_the_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RefusedError) as caught:
        flink_installation.find_installation({})

    assert any(matches(template, str(caught.value)) for template in templates(Reason.FLINK_MISSING))


def test_a_message_with_another_word_is_seen() -> None:
    assert matches("There is no <path>.", "There is no /volume.")
    assert not matches("There is no <path>.", "There was no /volume.")
    assert not matches("There is no <path>.", "There is no .")
