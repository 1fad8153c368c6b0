"""From the pods of a job to what is observed of its workloads. Pure.

A workload may have several pods at once: a replacement starts while the deleted one still ends. The newest that is not
being deleted speaks for the workload; the others only tell when it died.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from anomalyjob_operator.cluster.kinds import Manifest
from anomalyjob_operator.names import COMPONENT_LABEL, CONTENT_HASH_ANNOTATION, FLINK_CONTAINER, WORKLOAD_LABEL
from anomalyjob_operator.observed import Refusal, Role, WorkloadObservation

PROVEN_SECONDS: Final = 10.0
"""A container without a readiness check is past its launcher after this time; the launcher itself takes about one."""

SCHEDULING_SECONDS: Final = 10.0
"""The scheduler says Unschedulable at first while a new claim is being bound."""

_NORMAL_WAITS: Final = frozenset({"ContainerCreating", "PodInitializing"})


def workloads_of(pods: Iterable[Manifest], now: datetime) -> tuple[WorkloadObservation, ...]:
    """Return what the pods tell, one observation a workload, in the order of names.

    A workload of which all pods have ended for good has no process any more. Such pods, evicted ones above all, stay
    for as long as nobody removes them: no Deployment does.
    """
    grouped: dict[str, list[Manifest]] = {}
    for pod in pods:
        labels = pod["metadata"].get("labels", {})
        if WORKLOAD_LABEL in labels and labels.get(COMPONENT_LABEL) in {"jobmanager", "taskmanager"}:
            grouped.setdefault(labels[WORKLOAD_LABEL], []).append(pod)
    present = (name for name in sorted(grouped) if not all(map(_has_ended, grouped[name])))
    return tuple(_workload(name, grouped[name], now) for name in present)


def living_address(pods: Iterable[Manifest], role: Literal["jobmanager", "taskmanager"]) -> str | None:
    """Return the address of the newest pod of the role that is not being deleted, None while it has none."""
    own = [pod for pod in pods if pod["metadata"].get("labels", {}).get(COMPONENT_LABEL) == role]
    pod = _speaker(own)
    if pod is None or _is_ending(pod):
        return None
    address: str | None = pod.get("status", {}).get("podIP")
    return address


def _workload(name: str, pods: Sequence[Manifest], now: datetime) -> WorkloadObservation:
    pod = _speaker(pods) or pods[0]
    role: Role = pod["metadata"]["labels"][COMPONENT_LABEL]
    container = _container(pod)
    started_at = _time(container.get("state", {}).get("running", {}).get("startedAt"))
    alive = started_at is not None and not _is_ending(pod)
    return WorkloadObservation(
        name=name,
        role=role,
        alive=alive,
        content_hash=pod["metadata"].get("annotations", {}).get(CONTENT_HASH_ANNOTATION),
        alive_since=started_at if alive else None,
        died_at=_died_at(pods),
        restarts=int(container.get("restartCount", 0)),
        refusal=_refusal(container, started_at, now),
        waiting=_waiting(pod, container, now),
    )


def _speaker(pods: Sequence[Manifest]) -> Manifest | None:
    """Return the newest pod, those that are being deleted last."""
    ordered = sorted(pods, key=lambda pod: (not _is_ending(pod), pod["metadata"].get("creationTimestamp", "")))
    return ordered[-1] if ordered else None


def _is_ending(pod: Manifest) -> bool:
    return "deletionTimestamp" in pod["metadata"] or _has_ended(pod)


def _has_ended(pod: Manifest) -> bool:
    return pod.get("status", {}).get("phase") in {"Failed", "Succeeded"}


def _container(pod: Manifest) -> dict[str, Any]:
    statuses = pod.get("status", {}).get("containerStatuses", [])
    return next((status for status in statuses if status.get("name") == FLINK_CONTAINER), {})


def _died_at(pods: Sequence[Manifest]) -> datetime | None:
    return max((time for pod in pods for time in _deaths(pod)), default=None)


def _deaths(pod: Manifest) -> list[datetime]:
    """Return when the pod was told to end, and when its container ended before."""
    metadata, container = pod["metadata"], _container(pod)
    ended = [container.get(state, {}).get("terminated", {}).get("finishedAt") for state in ("state", "lastState")]
    times = [_time(text) for text in ended]
    told = _time(metadata.get("deletionTimestamp"))
    if told is not None:
        # The time by which it has to be gone: its whole grace lies before.
        times.append(told - timedelta(seconds=int(metadata.get("deletionGracePeriodSeconds") or 0)))
    return [time for time in times if time is not None]


def _refusal(container: dict[str, Any], started_at: datetime | None, now: datetime) -> Refusal | None:
    """Return why the launcher would not start Flink; it holds until a later start got past the launcher."""
    if container.get("ready") and _seconds_since(started_at, now) >= PROVEN_SECONDS:
        return None
    ended = (container.get(state, {}).get("terminated", {}) for state in ("state", "lastState"))
    text = next((str(end["message"]).strip() for end in ended if end.get("message")), "")
    try:
        document = json.loads(text)
        return Refusal(reason=str(document["reason"]), message=str(document["message"]))
    except (ValueError, KeyError, TypeError):
        return None


def _seconds_since(started_at: datetime | None, now: datetime) -> float:
    return 0.0 if started_at is None else (now - started_at).total_seconds()


def _waiting(pod: Manifest, container: dict[str, Any], now: datetime) -> Refusal | None:
    """Return why the pod does not start, when that is not just a matter of seconds."""
    if _is_ending(pod):
        return None
    waiting = container.get("state", {}).get("waiting", {})
    if waiting.get("reason") and waiting["reason"] not in _NORMAL_WAITS:
        return Refusal(reason=str(waiting["reason"]), message=str(waiting.get("message") or waiting["reason"]))
    for condition in pod.get("status", {}).get("conditions", []):
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            if _seconds_since(_time(condition.get("lastTransitionTime")), now) < SCHEDULING_SECONDS:
                return None
            reason = str(condition.get("reason") or "Unschedulable")
            return Refusal(reason=reason, message=str(condition.get("message") or reason))
    return None


def _time(text: str | None) -> datetime | None:
    """Read a time as Kubernetes writes it: RFC 3339, whole seconds."""
    return None if text is None else datetime.fromisoformat(text)
