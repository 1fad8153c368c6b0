"""Strikes a job and watches it come back; then checks what has to hold after every recovery.

What to compare with is found out here: Flink is asked directly, the volume is read by the tests' own watcher. Only the
audit is the project's, since the project promises that whoever runs it sees what was lost.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.e2e import results
from tests.e2e.cluster_job import ClusterJob
from tests.e2e.flink_tasks import Checkpoints
from tests.e2e.results import Results, Row
from tests.e2e.volume_pod import VolumePod
from tests.e2e.volume_record import VolumeRecord, record_of
from tests.e2e.waiting import ConditionNotMetError, wait

from anomalyjob.audit import AuditReport
from anomalyjob.audit_output import audit_folder

POLL_SECONDS = 0.1
RECOVERY_SECONDS = 120.0
COMMITTED_SECONDS = 90.0
PROCESSED_SECONDS = 90.0
IN_FLIGHT_SECONDS = 1.0
TOLD_SECONDS = 60.0
COPIES = 3


@dataclass(kw_only=True)
class Watched:
    """A job with the pod that watches its volume, and where figures go; `checked_start` is the last one looked at."""

    job: ClusterJob
    volume: VolumePod
    results: Results
    checked_start: int = 0

    def record(self) -> VolumeRecord:
        """Return what was seen on the volume so far."""
        return record_of(self.job.namespace, self.job.name, self.volume.lines())


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What was measured of one recovery; `struck_at` in seconds since 1970, the others since the blow."""

    struck_at: float
    seconds_to_running: float
    seconds_to_safe: float
    checkpoints: Checkpoints


def recover(
    watched: Watched, case: str, what: str, strike: Callable[[], object], *, operator_there: bool = True
) -> Recovery:
    """Strike, wait for all tasks to run anew and for a newer checkpoint, check everything, and keep the figures."""
    recovery = strike_and_wait(watched.job, strike)
    check_recovered(watched, recovery.checkpoints, operator_there=operator_there)
    told = told_recovery(watched.job, recovery.struck_at) if operator_there else {}
    row = Row(
        case=case,
        what=what,
        seconds_to_running=recovery.seconds_to_running,
        seconds_to_safe=recovery.seconds_to_safe,
        from_checkpoint=recovery.checkpoints.restored,
        told_cause=told.get("cause"),
        told_seconds_to_running=told.get("secondsToRunning"),
        told_seconds_to_safe=told.get("secondsToSafe"),
        load=results.load(),
    )
    watched.results.add(row)
    return recovery


def told_recovery(job: ClusterJob, struck_at: float) -> dict[str, Any]:
    """Return what the status tells of the recovery from the blow, once it counts as over."""

    def told() -> dict[str, Any] | None:
        found = job.status().get("lastRecovery") or {}
        if not found.get("safeAt") or datetime.fromisoformat(found["safeAt"]).timestamp() < struck_at:
            return None
        return dict(found)

    return wait(f"the status of {job} to tell the recovery", told, TOLD_SECONDS, seen=job.status)


def strike_and_wait(job: ClusterJob, strike: Callable[[], object]) -> Recovery:
    """Strike a job that runs; return when every task ran anew, and when a newer checkpoint was complete."""
    before = job.wait_running()
    last_restore = job.checkpoints().restored_at
    struck, clock = time.time(), time.monotonic()
    strike()
    what = f"all tasks of {job} to run anew"
    wait(what, lambda: job.tasks().all_anew(before), RECOVERY_SECONDS, pause_seconds=POLL_SECONDS, seen=job.describe)
    to_running = time.monotonic() - clock
    restored = wait(f"{job} to tell its restore", lambda: _restored_after(job, last_restore), 30)
    newer = job.wait_checkpoint_after(restored.restored or 0)
    assert newer.completed_at is not None
    to_safe = newer.completed_at / 1000 - struck
    return Recovery(struck_at=struck, seconds_to_running=to_running, seconds_to_safe=to_safe, checkpoints=newer)


def check_recovered(watched: Watched, checkpoints: Checkpoints, *, operator_there: bool = True) -> AuditReport:
    """Fail unless the newest checkpoint was taken by all accounts, nothing is lost or doubled, and Ready=True again."""
    record = watched.record()
    assert record.wrong_starts(after=watched.checked_start) == []
    assert checkpoints.restored_at is not None
    assert checkpoints.restored == record.newest_by(checkpoints.restored_at)
    newest = record.starts[-1]
    # A failure of TaskManagers goes on from something newer than the start did; from older, never.
    assert newest.chosen is None or (checkpoints.restored or 0) >= newest.chosen[0]
    watched.checked_start = record.last_start
    report = check_output(watched)
    if operator_there:
        watched.job.wait_ready(60)
    return report


def check_output(watched: Watched) -> AuditReport:
    """Fail unless all that was processed before the last checkpoint gets committed, once each and right."""
    what = f"a checkpoint of {watched.job} taken after something was processed"
    minimum = wait(what, lambda: _processed_before_checkpoint(watched.job), PROCESSED_SECONDS, pause_seconds=1)
    reports: list[AuditReport] = []

    def is_committed() -> bool:
        reports.append(audited(watched, minimum))
        return reports[-1].clean and reports[-1].not_yet_committed == 0

    try:
        wait(f"everything up to {minimum} to be committed", is_committed, COMMITTED_SECONDS, pause_seconds=1)
    except ConditionNotMetError as error:
        raise AssertionError(f"{error}\n{reports[-1].describe()}") from None
    print(reports[-1].describe())
    return reports[-1]


def audited(watched: Watched, minimum: dict[str, int] | None = None) -> AuditReport:
    """Audit a copy of the output. One taken while output is committed may lack a file: then another one is taken."""
    for attempt in range(COPIES):
        with watched.volume.copy("lineage.json", "starts", "output") as folder:
            report = audit_folder(folder, minimum_last_index=minimum)
        if report.clean or attempt == COPIES - 1:
            return report
    raise AssertionError("no copy was audited")


def processed_until(job: ClusterJob, seconds: float) -> dict[str, int]:
    """Return per user the highest index that the living TaskManagers say they processed before a time (since 1970)."""
    last: dict[str, int] = {}
    for pod in job.task_managers():
        for line in job.log(pod, since_seconds=120).splitlines():
            if line.startswith('{"kind": "process"'):
                record = json.loads(line)
                if datetime.fromisoformat(record["processedTime"]).timestamp() < seconds:
                    last[record["userId"]] = max(int(record["index"]), last.get(record["userId"], -1))
    return last


def _processed_before_checkpoint(job: ClusterJob) -> dict[str, int] | None:
    """Return what was surely processed before the last checkpoint, None while that is nothing.

    The first checkpoint of a job may be older than its first event.
    """
    # A JobManager that has just started knows of no checkpoint of its own yet.
    latest = job.wait_checkpoint_after(0)
    assert latest.triggered_at is not None
    return processed_until(job, latest.triggered_at / 1000 - IN_FLIGHT_SECONDS) or None


def _restored_after(job: ClusterJob, last_restore: int | None) -> Checkpoints | None:
    found = job.checkpoints()
    return found if found.restored_at is not None and found.restored_at != last_restore else None
