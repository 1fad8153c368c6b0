"""The smallest cluster that runs the whole job: one TaskManager with three slots, four tasks, a checkpoint each second.

For tests in which the size does not matter; it needs half of the start-up time and memory of the reference system.
With it come the looks and blows that these tests share.
"""

from typing import Any

from tests.flink.local_job import LocalJob, fast_resource

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


def kill_supervisor(job: LocalJob) -> None:
    """`kill -9` of `up`, if it lives."""
    if job.process is not None and job.process.poll() is None:
        job.process.kill()
        job.process.wait(5)


def start_after(job: LocalJob, number: int) -> dict[str, Any]:
    """Wait for the next start of the JobManager after that number, and return its record."""
    job.wait(f"a start after {number}", lambda: max(job.start_records()) > number, 60)
    records = job.start_records()
    return records[min(record for record in records if record > number)]


def assert_audit_is_clean(job: LocalJob) -> str:
    """Fail unless every event is there once and counted right; return the audit's report."""
    result = job.run("audit", job.name)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 lost, 0 doubled, 0 wrong" in result.stdout
    return result.stdout


def condition(job: LocalJob, kind: str) -> tuple[str, str]:
    """Status and reason of a condition as `anomalyjob status` tells it."""
    found = {entry["type"]: (entry["status"], entry["reason"]) for entry in job.status()["conditions"]}
    return found[kind]


def failed_checkpoints(job: LocalJob) -> int:
    statistics = job.checkpoints()
    return int(statistics["counts"]["failed"]) if statistics else 0
