"""The specs that these tests run: fast ones, so that a case takes seconds. Each call gives a document of its own."""

from typing import Any

REFERENCE_TASKS = 12
SMALL_TASKS = 4


def fast_spec(**changes: Any) -> dict[str, Any]:
    """The reference system's size: three TaskManagers; an event per user each 200 ms, a checkpoint every 3 s."""
    simulated = {"users": ["user1", "user2", "user3"], "interval": "200ms", "abnormalRatio": 0.3, "seed": 7}
    spec: dict[str, Any] = {
        "source": {"simulated": simulated},
        "sink": {"log": {}, "files": {}},
        "checkpointing": {"interval": "3s"},
    }
    return {**spec, **changes}


def small_spec(**changes: Any) -> dict[str, Any]:
    """The smallest cluster that runs the whole job: one TaskManager with three slots, four tasks."""
    small: dict[str, Any] = {
        "job": {"parallelism": 1},
        "jobManager": {"resources": {"limits": {"memory": "768Mi"}}},
        "taskManager": {"replicas": 1, "slots": 3, "resources": {"limits": {"memory": "1536Mi"}}},
    }
    return fast_spec(**{**small, **changes})
