"""From a document to an AnomalyJob, or to everything that is wrong with it.

Pure. The rules about more than one field stand here as a table, so that another checker can state the same rules with
the same messages. Like an API server's, they are looked at once every single field is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from pydantic import ValidationError

from anomalyjob_operator.spec.field_errors import FieldError, field_error
from anomalyjob_operator.spec.model import API_VERSION, KIND, AnomalyJob, Spec
from anomalyjob_operator.spec.pod_rules import refused_parts
from anomalyjob_operator.spec.wording import found_text

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["RULES", "FieldError", "InvalidResource", "Rule", "parse"]

SLOT_SHARING_GROUPS: Final = 3
"""Source, process and sink each have a slot of their own: see the vertices of the job."""

NOT_A_RESOURCE_MESSAGE: Final = "must be {expected}, found {found}"
SLOTS_MESSAGE: Final = (
    "needs {needed} slots (3 x {parallelism}: source, process and sink have slots of their own), but there are {slots} "
    "({replicas} TaskManagers x {each} slots); lower it, or raise spec.taskManager.replicas or spec.taskManager.slots"
)
MIN_PAUSE_MESSAGE: Final = "must not be longer than spec.checkpointing.interval ({interval}), found {min_pause}"
REQUESTS_MESSAGE: Final = "must not be larger than the limit ({limit}), found {found}"
DELETION_MESSAGE: Final = (
    "must be Retain with spec.checkpointing.storage.existingClaim: "
    "what the operator did not make it does not delete either"
)
ALERTS_MESSAGE: Final = "must be false without spec.sink.log: alerts are read from what that sink writes"
BACKOFF_MESSAGE: Final = "must not be shorter than spec.recovery.initialBackoff ({initial}), found {largest}"
PROGRESS_MESSAGE: Final = (
    "must be longer than spec.checkpointing.interval ({interval}), or no start could complete a checkpoint in time; "
    "found {deadline}"
)


class InvalidResource(ValueError):  # noqa: N818 - it says what the resource is
    """A document is not a valid AnomalyJob; `errors` holds everything that is wrong, never nothing."""

    def __init__(self, errors: Iterable[FieldError]) -> None:
        """Keep the errors in the order of their paths."""
        self.errors: Final = tuple(sorted(set(errors)))
        super().__init__("\n".join(error.line for error in self.errors))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule about several fields; its error stands at `path`. `broken` returns the message, or None when it holds."""

    path: str
    broken: Callable[[Spec], str | None]


def _slots(spec: Spec) -> str | None:
    needed = SLOT_SHARING_GROUPS * spec.job.parallelism
    slots = spec.task_manager.replicas * spec.task_manager.slots
    if needed <= slots:
        return None
    replicas, each = spec.task_manager.replicas, spec.task_manager.slots
    parallelism = spec.job.parallelism
    return SLOTS_MESSAGE.format(needed=needed, parallelism=parallelism, slots=slots, replicas=replicas, each=each)


def _min_pause(spec: Spec) -> str | None:
    interval, min_pause = spec.checkpointing.interval, spec.checkpointing.min_pause
    if min_pause is None or min_pause.milliseconds <= interval.milliseconds:
        return None
    return MIN_PAUSE_MESSAGE.format(interval=interval, min_pause=min_pause)


def _backoff(spec: Spec) -> str | None:
    initial, largest = spec.recovery.initial_backoff, spec.recovery.max_backoff
    if initial.milliseconds <= largest.milliseconds:
        return None
    return BACKOFF_MESSAGE.format(initial=initial, largest=largest)


def _progress(spec: Spec) -> str | None:
    interval, deadline = spec.checkpointing.interval, spec.recovery.progress_deadline
    if interval.milliseconds < deadline.milliseconds:
        return None
    return PROGRESS_MESSAGE.format(interval=interval, deadline=deadline)


def _requests(spec: Spec, role: Literal["job_manager", "task_manager"]) -> str | None:
    resources = getattr(spec, role).resources
    memory, limit = resources.requests.memory, resources.limits.memory
    if memory is None or memory.size_bytes <= limit.size_bytes:
        return None
    return REQUESTS_MESSAGE.format(limit=limit, found=memory)


def _cpu_requests(spec: Spec, role: Literal["job_manager", "task_manager"]) -> str | None:
    resources = getattr(spec, role).resources
    cpu, limit = resources.requests.cpu, resources.limits.cpu
    if limit is None or cpu.millicores <= limit.millicores:
        return None
    return REQUESTS_MESSAGE.format(limit=limit, found=cpu)


def _claim_of_others(spec: Spec) -> str | None:
    kept = spec.deletion_policy == "Retain" or spec.checkpointing.storage.existing_claim is None
    return None if kept else DELETION_MESSAGE


def _alerts_of_no_log(spec: Spec) -> str | None:
    return ALERTS_MESSAGE if spec.notifications.alerts and spec.sink.log is None else None


RULES: Final = (
    Rule(path="spec.job.parallelism", broken=_slots),
    Rule(path="spec.checkpointing.minPause", broken=_min_pause),
    Rule(path="spec.recovery.maxBackoff", broken=_backoff),
    Rule(path="spec.recovery.progressDeadline", broken=_progress),
    Rule(path="spec.deletionPolicy", broken=_claim_of_others),
    Rule(path="spec.notifications.alerts", broken=_alerts_of_no_log),
    Rule(path="spec.jobManager.resources.requests.memory", broken=lambda spec: _requests(spec, "job_manager")),
    Rule(path="spec.taskManager.resources.requests.memory", broken=lambda spec: _requests(spec, "task_manager")),
    Rule(path="spec.jobManager.resources.requests.cpu", broken=lambda spec: _cpu_requests(spec, "job_manager")),
    Rule(path="spec.taskManager.resources.requests.cpu", broken=lambda spec: _cpu_requests(spec, "task_manager")),
)


def parse(document: object) -> AnomalyJob:
    """Return the resource that a decoded document describes; raise InvalidResource with all that is wrong.

    A document of another kind or version is told so, and nothing else: its fields would be judged by the wrong rules.
    """
    _refuse(_identity_errors(document))
    try:
        resource = AnomalyJob.model_validate(document)
    except ValidationError as error:
        found = (details for details in error.errors() if not _is_about_length_alone(details))
        raise InvalidResource(field_error(details, AnomalyJob) for details in found) from None
    _refuse([*_broken_rules(resource.spec), *_refused_pods(resource.spec)])
    return resource


def _is_about_length_alone(details: ErrorDetails) -> bool:
    """Tell whether a list counts as too short only because what stands in it is wrong, which is told anyway."""
    return details["type"] == "too_short" and len(details["input"]) >= details["ctx"]["min_length"]


def _refuse(errors: list[FieldError]) -> None:
    if errors:
        raise InvalidResource(errors)


def _identity_errors(document: object) -> list[FieldError]:
    if not isinstance(document, Mapping):
        return [
            FieldError(
                "resource", f"must be a mapping with apiVersion, kind, metadata and spec, found {found_text(document)}"
            )
        ]
    wanted = {"apiVersion": API_VERSION, "kind": KIND}
    return [
        FieldError(key, NOT_A_RESOURCE_MESSAGE.format(expected=expected, found=found_text(document.get(key))))
        for key, expected in wanted.items()
        if document.get(key) != expected
    ]


def _broken_rules(spec: Spec) -> list[FieldError]:
    found = ((rule.path, rule.broken(spec)) for rule in RULES)
    return [FieldError(path, message) for path, message in found if message is not None]


def _refused_pods(spec: Spec) -> list[FieldError]:
    templates = {"jobManager": spec.job_manager.pod_template, "taskManager": spec.task_manager.pod_template}
    return [
        FieldError(f"spec.{role}.podTemplate.{path}", message)
        for role, template in templates.items()
        if template is not None
        for path, message in refused_parts(template)
    ]
