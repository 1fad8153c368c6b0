"""What a job wrote, read without the project's own code: committed part files, and the log of the log sink."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tests.flink.local_job import LocalJob

Record = dict[str, Any]


def committed_records(job: LocalJob) -> Iterator[Record]:
    """Every record of the committed part files; a file that is being written begins with a dot."""
    for file in sorted((job.job_volume / "output").glob("*/*/part-*.jsonl")):
        yield from (json.loads(line) for line in file.read_text(encoding="utf-8").splitlines())


def logged_lines(job: LocalJob) -> list[str]:
    """What `anomalyjob logs` prints."""
    result = job.run("logs", job.name)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def logged_records(job: LocalJob, kind: str) -> list[Record]:
    """The records of one kind that `anomalyjob logs` prints; lines for people are left out."""
    records = (json.loads(line) for line in logged_lines(job) if line.startswith("{"))
    return [record for record in records if record["kind"] == kind]


def last_indexes(records: list[Record], *, until: float = float("inf")) -> dict[str, int]:
    """Per user the highest index that was processed before a time (seconds since 1970)."""
    last: dict[str, int] = {}
    for record in records:
        if datetime.fromisoformat(record["processedTime"]).timestamp() < until:
            last[record["userId"]] = max(record["index"], last.get(record["userId"], -1))
    return last
