"""Pods as the API server lists them: a healthy one of each role, and how it differs."""

import copy
from datetime import datetime
from typing import Any, Final

from anomalyjob_operator.names import CONTENT_HASH_ANNOTATION, workload_labels

HASH: Final = "0123456789abcdef"


def rfc3339(time: datetime) -> str:
    """A time as Kubernetes writes it: whole seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def pod(workload: str, created: datetime, **changes: Any) -> dict[str, Any]:
    """A pod of a workload of `demo` whose container runs since it was created; a name with dots replaces one value.

    A value of None removes the field.
    """
    role = "jobmanager" if "jobmanager" in workload else "taskmanager"
    document: dict[str, Any] = {
        "metadata": {
            "name": f"{workload}-5d4f8-abcde",
            "namespace": "default",
            "uid": f"uid-of-{workload}",
            "creationTimestamp": rfc3339(created),
            "labels": workload_labels("demo", workload, role),
            "annotations": {CONTENT_HASH_ANNOTATION: HASH},
        },
        "spec": {"containers": [{"name": "flink"}]},
        "status": {
            "phase": "Running",
            "podIP": "10.1.0.7",
            "conditions": [{"type": "PodScheduled", "status": "True"}],
            "containerStatuses": [
                {"name": "mesh", "restartCount": 9, "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
                {
                    "name": "flink",
                    "ready": True,
                    "restartCount": 0,
                    "state": {"running": {"startedAt": rfc3339(created)}},
                },
            ],
        },
    }
    for path, value in changes.items():
        _change(document, path.split("__"), value)
    return copy.deepcopy(document)


def waits(reason: str, message: str | None = None) -> dict[str, Any]:
    """The state of a container that has not been started."""
    return {"waiting": {"reason": reason} | ({} if message is None else {"message": message})}


def ended(at: datetime, message: str | None = None) -> dict[str, Any]:
    """The state of a container that has ended, with what it left in its termination log."""
    return {
        "terminated": {"exitCode": 1, "finishedAt": rfc3339(at)} | ({} if message is None else {"message": message})
    }


def _change(document: Any, path: list[str], value: Any) -> None:
    *parents, last = path
    if parents[:1] == ["flink"]:
        document = document["status"]["containerStatuses"][1]
    else:
        for part in parents:
            document = document[part]
    if value is None:
        document.pop(last, None)
    else:
        document[last] = value
