"""The smallest cluster that runs the whole job: one TaskManager with three slots, four tasks, a checkpoint each second.

For tests in which the size does not matter; it needs half of the start-up time and memory of the reference system.
"""

from typing import Any

from tests.flink.local_job import fast_resource

TASKS = 4


def small_resource(name: str = "demo", **spec: Any) -> dict[str, Any]:
    """A resource document for that cluster; `spec` goes on top."""
    small: dict[str, Any] = {
        "job": {"parallelism": 1},
        "jobManager": {"resources": {"limits": {"memory": "768Mi"}}},
        "taskManager": {"replicas": 1, "slots": 3, "resources": {"limits": {"memory": "1536Mi"}}},
        "checkpointing": {"interval": "1s"},
    }
    return fast_resource(name, **{**small, **spec})
