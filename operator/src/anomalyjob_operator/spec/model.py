"""The AnomalyJob model: what a resource may say, with every default and bound.

Pure. A field stands here only together with what it does; there is no field that is read and ignored. Rules that look
at more than one field are in `validation`, where a whole document is parsed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    StrictBool,
    StrictInt,
    StrictStr,
    model_validator,
)
from pydantic_core import PydanticCustomError

from anomalyjob.key_groups import MAX_PARALLELISM
from anomalyjob_operator.spec.base import Model, given_fields
from anomalyjob_operator.spec.durations import Duration, DurationRange
from anomalyjob_operator.spec.flink_keys import owner_reason
from anomalyjob_operator.spec.notifications import Notifications
from anomalyjob_operator.spec.pod_template import PodTemplate
from anomalyjob_operator.spec.quantities import CpuQuantity, Quantity, QuantityRange
from anomalyjob_operator.spec.storage import ClaimTemplate, Storage

API_VERSION: Final = "anomalyjob.dev/v1alpha1"
KIND: Final = "AnomalyJob"

NAME_PATTERN: Final = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"
NAMESPACE_PATTERN: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
USER_PATTERN: Final = r"^[^\x00-\x20\x7f-\xa0]([^\x00-\x1f\x7f-\x9f]*[^\x00-\x20\x7f-\xa0])?$"
RESTORE_PATTERN: Final = r"^(latest|empty|(file:)?/.*)$"
FLINK_KEY_PATTERN: Final = r"^[a-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$"
NAME_LENGTH: Final = 40
"""What objects of a job add to its name must still be a label, which has 63 characters."""
LARGEST_SEED: Final = 2**53 - 1
"""The largest whole number that every JSON reader keeps exactly."""

IMAGE_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$"

USER_TWICE_MESSAGE: Final = 'names "{user}" twice'
ONE_SOURCE_MESSAGE: Final = "must hold exactly one source, found {found}"
A_SINK_MESSAGE: Final = "must hold at least one sink: log or files"
OWNED_KEY_MESSAGE: Final = "is owned by the operator: {reason}"


def _refuse_owned(key: str) -> str:
    reason = owner_reason(key)
    if reason is None:
        return key
    message = OWNED_KEY_MESSAGE.format(reason=reason)
    raise PydanticCustomError("owned_key", "{message}", {"message": message})


def _refuse_repeated(users: tuple[str, ...]) -> tuple[str, ...]:
    for position, user in enumerate(users):
        if user in users[:position]:
            raise PydanticCustomError("user_twice", "{message}", {"message": USER_TWICE_MESSAGE.format(user=user)})
    return users


Name = Annotated[StrictStr, Field(pattern=NAME_PATTERN, max_length=NAME_LENGTH)]
Namespace = Annotated[StrictStr, Field(pattern=NAMESPACE_PATTERN, max_length=63)]
UserId = Annotated[StrictStr, Field(pattern=USER_PATTERN, min_length=1, max_length=64)]
UserIds = Annotated[
    tuple[UserId, ...],
    Field(min_length=1, max_length=100, json_schema_extra={"uniqueItems": True}),
    AfterValidator(_refuse_repeated),
]
Image = Annotated[StrictStr, Field(pattern=IMAGE_PATTERN, max_length=512)]
Ratio = Annotated[float, Strict(), Field(ge=0, le=1, allow_inf_nan=False)]
Nonce = Annotated[StrictInt, Field(ge=1, le=2**53 - 1)]
FlinkKey = Annotated[StrictStr, Field(pattern=FLINK_KEY_PATTERN, max_length=200), AfterValidator(_refuse_owned)]
FlinkValue = Annotated[StrictStr, Field(max_length=4_096)]


class Detection(Model):
    """The rule: an alert at `maxCount` abnormal events of one user in a row, and at each further one."""

    max_count: Annotated[StrictInt, Field(ge=1, le=1_000_000)] = 3


class SimulatedSource(Model):
    """Events made up from (seed, user, index): per user one every interval."""

    users: UserIds = ("user1", "user2", "user3")
    interval: Annotated[Duration, DurationRange("1ms", "24h")] = Duration("5s")
    abnormal_ratio: Ratio = 0.3
    seed: Annotated[StrictInt, Field(ge=0, le=LARGEST_SEED)] = 7


class Source(Model):
    """Where events come from: exactly one of the fields is set."""

    simulated: SimulatedSource | None = None

    @model_validator(mode="before")
    @classmethod
    def _exactly_one(cls, document: object) -> object:
        """Count before anything else: what else may be wrong inside two sources does not matter yet."""
        given = given_fields(document) if isinstance(document, Mapping) else [document]
        if len(given) == 1:
            return document
        found = f"{len(given)}: {', '.join(sorted(map(str, given)))}" if given else "none; write simulated: {}"
        raise PydanticCustomError("one_source", "{message}", {"message": ONE_SOURCE_MESSAGE.format(found=found)})


class LogSink(Model):
    """Records and alerts on standard output, as lines of JSON and the [ALERT] line; at least once."""


class FilesSink(Model):
    """Exactly-once part files on the volume."""


class Sink(Model):
    """Where records and alerts go: any of the fields, at least one."""

    log: LogSink | None = None
    files: FilesSink | None = None

    @model_validator(mode="before")
    @classmethod
    def _at_least_one(cls, document: object) -> object:
        if not isinstance(document, Mapping) or given_fields(document):
            return document
        raise PydanticCustomError("a_sink", "{message}", {"message": A_SINK_MESSAGE})


class Restore(Model):
    """Where to begin anew, once for each nonce: nothing (empty), or a checkpoint or savepoint at a path."""

    from_: Annotated[StrictStr, Field(alias="from", pattern=RESTORE_PATTERN, max_length=1_024)]
    nonce: Nonce


class Job(Model):
    """How the job runs, whether it does, and what becomes of its state when it is changed."""

    state: Literal["running", "suspended"] = "running"
    parallelism: Annotated[StrictInt, Field(ge=1, le=MAX_PARALLELISM)] = 3
    upgrade_mode: Literal["last-state", "savepoint", "stateless"] = "last-state"
    python_execution_mode: Literal["thread", "process"] = "thread"
    allow_non_restored_state: StrictBool = False
    restore: Restore | None = None
    restart_nonce: Nonce | None = None
    savepoint_trigger_nonce: Nonce | None = None


class JobManagerLimits(Model):
    """What the JobManager may use at most: the whole process, heap and everything else."""

    memory: Annotated[Quantity, QuantityRange("768Mi", "64Gi")] = Quantity("1Gi")
    cpu: Annotated[CpuQuantity, QuantityRange("100m", "256")] | None = None


class Requests(Model):
    """What a pod is sure to get on Kubernetes; memory is its limit when nothing is said."""

    memory: Annotated[Quantity, QuantityRange("128Mi", "64Gi")] | None = None
    cpu: Annotated[CpuQuantity, QuantityRange("10m", "256")] = CpuQuantity("100m")


class JobManagerResources(Model):
    """The part of a Kubernetes ResourceRequirements that means something here."""

    limits: JobManagerLimits = JobManagerLimits()
    requests: Requests = Requests()


class JobManager(Model):
    """The one JobManager."""

    resources: JobManagerResources = JobManagerResources()
    pod_template: PodTemplate | None = None


class TaskManagerLimits(Model):
    """What each TaskManager may use at most: the whole process, heap, Python and everything else."""

    memory: Annotated[Quantity, QuantityRange("1536Mi", "64Gi")] = Quantity("1728Mi")
    cpu: Annotated[CpuQuantity, QuantityRange("100m", "256")] | None = None


class TaskManagerResources(Model):
    """The part of a Kubernetes ResourceRequirements that means something here."""

    limits: TaskManagerLimits = TaskManagerLimits()
    requests: Requests = Requests()


class TaskManager(Model):
    """The TaskManagers: how many, with how many slots each. One more than needed stands by with its slots."""

    replicas: Annotated[StrictInt, Field(ge=1, le=100)] = 3
    slots: Annotated[StrictInt, Field(ge=1, le=64)] = 3
    resources: TaskManagerResources = TaskManagerResources()
    pod_template: PodTemplate | None = None


class Checkpointing(Model):
    """When and how checkpoints are taken.

    Without `minPause` it is half the interval: checkpoints triggered before all tasks run count as failed, and such a
    pause lets the first trigger come late enough. Unaligned checkpoints exist in mode EXACTLY_ONCE only.
    """

    interval: Annotated[Duration, DurationRange("1s", "24h")] = Duration("10s")
    timeout: Annotated[Duration, DurationRange("1s", "24h")] = Duration("1m")
    min_pause: Annotated[Duration, DurationRange("1ms", "24h")] | None = None
    mode: Literal["EXACTLY_ONCE", "AT_LEAST_ONCE"] = "EXACTLY_ONCE"
    unaligned: StrictBool = True
    retained: Annotated[StrictInt, Field(ge=1, le=100)] = 3
    tolerable_failures: Annotated[StrictInt, Field(ge=0, le=1_000)] = 3
    state_backend: Literal["hashmap", "rocksdb"] = "hashmap"
    storage: Storage = Storage(persistentVolumeClaim=ClaimTemplate())

    @property
    def min_pause_milliseconds(self) -> int:
        """The pause between the end of a checkpoint and the next trigger."""
        return self.interval.milliseconds // 2 if self.min_pause is None else self.min_pause.milliseconds


class Recovery(Model):
    """How patiently a job that failed is started again, and when it counts as not recovering."""

    max_restarts: Annotated[StrictInt, Field(ge=0, le=1_000)] = 6
    window: Annotated[Duration, DurationRange("1s", "24h")] = Duration("30m")
    initial_backoff: Annotated[Duration, DurationRange("100ms", "1h")] = Duration("5s")
    max_backoff: Annotated[Duration, DurationRange("100ms", "24h")] = Duration("5m")
    checkpoint_timeout_factor: Annotated[StrictInt, Field(ge=1, le=100)] = 3
    progress_deadline: Annotated[Duration, DurationRange("10s", "24h")] = Duration("10m")
    allow_older_checkpoints: Annotated[StrictInt, Field(ge=0, le=100)] = 0


class Spec(Model):
    """What is wanted. `spec: {}` is the reference system. `image`: on Kubernetes; else the operator's job image."""

    image: Image | None = None
    detection: Detection = Detection()
    source: Source = Source(simulated=SimulatedSource())
    sink: Sink = Sink(log=LogSink())
    job: Job = Job()
    job_manager: JobManager = JobManager()
    task_manager: TaskManager = TaskManager()
    checkpointing: Checkpointing = Checkpointing()
    recovery: Recovery = Recovery()
    notifications: Notifications = Notifications()
    flink_configuration: Annotated[dict[FlinkKey, FlinkValue], Field(default={}, max_length=100)]
    deletion_policy: Literal["Retain", "Delete"] = "Retain"

    def document(self) -> dict[str, object]:
        """Return the spec as it would stand in a resource, with every default written out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def content_hash(self) -> str:
        """Return 16 hex digits that are equal for specs that say the same.

        What equals a default is left out first, so a later version with one more field still knows the specs of today.
        Left out is also who is told of what happens: that makes no other job.
        """
        said = self.model_dump(
            mode="json", by_alias=True, exclude_none=True, exclude_defaults=True, exclude={"notifications"}
        )
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]

    def start_hash(self) -> str:
        """Return the content hash of what a start of the JobManager depends on.

        Left out is what may change while it runs: the number of TaskManagers, the patience with failures, the deletion,
        and what asks for something to be done once.
        """
        wishes = ("state", "upgrade_mode", "restore", "restart_nonce", "savepoint_trigger_nonce")
        job = self.job.model_copy(update={wish: getattr(Job(), wish) for wish in wishes})
        # The memory of a TaskManager says how large its slots are, which the job asks for; its processors say nothing.
        memory = TaskManagerLimits(memory=self.task_manager.resources.limits.memory)
        unset = {
            "task_manager": TaskManager(slots=self.task_manager.slots, resources=TaskManagerResources(limits=memory)),
            "checkpointing": self.checkpointing.model_copy(update={"storage": Checkpointing().storage}),
            "job": job,
            "recovery": Recovery(),
            "deletion_policy": "Retain",
        }
        return self.model_copy(update=unset).content_hash()


class Metadata(BaseModel):
    """What is read of the metadata; labels, annotations and what an API server adds are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Name
    namespace: Namespace = "default"


class AnomalyJob(BaseModel):
    """A whole resource. A status that comes along is not read: it is only ever written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    api_version: Annotated[Literal["anomalyjob.dev/v1alpha1"], Field(alias="apiVersion")]
    kind: Literal["AnomalyJob"]
    metadata: Metadata
    spec: Spec
    status: Annotated[Mapping[str, object] | None, Field(exclude=True)] = None
