"""The phase and the five conditions: one table of moments, each with what must be told."""

from dataclasses import replace

import pytest
from tests.unit.decided_passes import history
from tests.unit.observations import (
    at,
    checkpoints,
    completed,
    failed_job,
    flink,
    jobmanager,
    resource,
    seen,
    start,
    taskmanager,
    taskmanagers,
)
from tests.unit.phase_moments import (
    BROKEN,
    HEALTHY,
    LOCKED,
    NOTHING,
    PROVEN,
    REFUSED,
    RESTARTING,
    RESTORED,
    SLOW,
    STARTING,
    UNSCHEDULABLE,
    Case,
    pending,
)

from anomalyjob_operator.decide import decide
from anomalyjob_operator.ledger import Floor, LastCheckpoint, Ledger

CASES = {
    "nothing has been started": Case(
        moments=((0, NOTHING),),
        phase="Pending",
        conditions={
            "Ready": ("False", "Pending"),
            "Reconciling": ("True", "Pending"),
            "Stalled": ("False", "Progressing"),
        },
    ),
    "processes live and REST does not answer yet": Case(
        moments=((0, NOTHING), (3, seen(flink=None))),
        phase="Deploying",
        conditions={"Ready": ("False", "Deploying"), "Reconciling": ("True", "Deploying")},
        says="4 of 4 processes live; Flink's REST endpoint does not answer yet",
    ),
    "some tasks are deployed": Case(
        moments=((0, NOTHING), (9, seen(flink=STARTING))),
        phase="Deploying",
        conditions={"CheckpointingHealthy": ("Unknown", "NotObserved"), "StateSafe": ("True", "NewestIsKept")},
        says="4 of 4 processes live; 4 of 12 tasks RUNNING",
    ),
    "all tasks run and no checkpoint completed yet": Case(
        moments=((13, seen()),),
        phase="Running",
        conditions={
            "Ready": ("False", "NoRecentCheckpoint"),
            "Reconciling": ("False", "Settled"),
            "CheckpointingHealthy": ("Unknown", "NoCheckpointYet"),
        },
    ),
    "a checkpoint completed": Case(
        moments=((13, seen()), HEALTHY),
        phase="Running",
        conditions={
            "Ready": ("True", "Running"),
            "Reconciling": ("False", "Settled"),
            "Stalled": ("False", "Progressing"),
            "CheckpointingHealthy": ("True", "CheckpointsComplete"),
            "StateSafe": ("True", "NewestIsKept"),
        },
        says="12 of 12 tasks RUNNING",
    ),
    "REST does not answer once, all processes live": Case(
        moments=(HEALTHY, (37, seen(flink=None))),
        phase="Running",
        conditions={"Ready": ("True", "Running"), "CheckpointingHealthy": ("True", "CheckpointsComplete")},
        says="Flink's REST endpoint did not answer; all processes live",
    ),
    "REST does not answer for longer than a checkpoint may take": Case(
        moments=(HEALTHY, (30 + 71, seen(flink=None))),
        phase="Running",
        conditions={
            "Ready": ("Unknown", "NoRecentCheckpoint"),
            "CheckpointingHealthy": ("Unknown", "NotObserved"),
            "Stalled": ("False", "Progressing"),
        },
    ),
    "the newest checkpoint is as old as it may be (10 s + 60 s)": Case(
        moments=(HEALTHY, (30 + 70, seen(checkpoints(completed(1, 30))))),
        phase="Running",
        conditions={"Ready": ("True", "Running"), "CheckpointingHealthy": ("True", "CheckpointsComplete")},
    ),
    "no checkpoint completed for too long": Case(
        moments=(HEALTHY, (30 + 70.001, seen(checkpoints(completed(1, 30))))),
        phase="Degraded",
        conditions={
            "Ready": ("False", "NoRecentCheckpoint"),
            "CheckpointingHealthy": ("False", "CheckpointOverdue"),
            "StateSafe": ("True", "NewestIsKept"),
        },
        says="No checkpoint completed for more than 70 s",
    ),
    "slow checkpoints may be older: three times their median": Case(
        moments=(HEALTHY, (30 + 119, seen(SLOW))),
        phase="Running",
        conditions={"Ready": ("True", "Running")},
    ),
    "as many checkpoints failed as are tolerated": Case(
        moments=(HEALTHY, (62, seen(checkpoints(completed(1, 30), failed=3, latest_failure="No space left")))),
        phase="Running",
        conditions={"Ready": ("True", "Running"), "CheckpointingHealthy": ("True", "CheckpointsComplete")},
        says="3 checkpoints failed since the last one that completed (No space left)",
    ),
    "more checkpoints failed than are tolerated": Case(
        moments=(HEALTHY, (72, seen(checkpoints(completed(1, 30), failed=4, latest_failure="No space left")))),
        phase="Degraded",
        conditions={"Ready": ("True", "Running"), "CheckpointingHealthy": ("False", "CheckpointsFail")},
        says="4 checkpoints failed since the last one that completed (No space left)",
    ),
    "checkpoints complete again after failures": Case(
        moments=(
            HEALTHY,
            (72, seen(checkpoints(completed(1, 30), failed=4))),
            (83, seen(checkpoints(completed(2, 82), failed=4))),
        ),
        phase="Running",
        conditions={"Ready": ("True", "Running"), "CheckpointingHealthy": ("True", "CheckpointsComplete")},
    ),
    "less than a tenth of the volume is free": Case(
        moments=((32, seen(checkpoints(completed(1, 30)), volume_free_ratio=0.099)),),
        phase="Running",
        conditions={"Ready": ("True", "Running"), "CheckpointingHealthy": ("False", "VolumeNearlyFull")},
    ),
    "a tenth of the volume is free": Case(
        moments=((32, seen(checkpoints(completed(1, 30)), volume_free_ratio=0.1)),),
        phase="Running",
        conditions={"CheckpointingHealthy": ("True", "CheckpointsComplete")},
    ),
    "a TaskManager died and Flink has not noticed": Case(
        moments=(
            HEALTHY,
            (35, seen(checkpoints(completed(1, 30)), taskmanagers=taskmanagers(alive=False, died_at=at(34.9)))),
        ),
        phase="Degraded",
        conditions={"Ready": ("False", "Degraded"), "Reconciling": ("False", "Settled")},
    ),
    "a TaskManager died and tasks restart": Case(
        moments=(HEALTHY, (41, seen(flink=RESTARTING, taskmanagers=taskmanagers(alive=False)))),
        phase="Recovering",
        conditions={
            "Ready": ("False", "Recovering"),
            "Reconciling": ("True", "Recovering"),
            "Stalled": ("False", "Progressing"),
            "StateSafe": ("True", "NewestIsKept"),
        },
        says="TaskManagerLost: demo-taskmanager-1; 0 of 12 tasks RUNNING",
    ),
    "the JobManager died": Case(
        moments=(HEALTHY, (41, seen(jobmanager=jobmanager(alive=False, alive_since=None), flink=None))),
        phase="Recovering",
        conditions={"Ready": ("False", "Recovering"), "Reconciling": ("True", "Recovering")},
        says="JobManagerLost: demo-jobmanager; Flink's REST endpoint does not answer",
    ),
    "a spare TaskManager is missing": Case(
        moments=(
            (32, seen(checkpoints(completed(1, 30)), flink=flink(checkpoints(completed(1, 30)), taskmanagers=3))),
        ),
        spec={"taskManager": {"replicas": 4}},
        phase="Degraded",
        conditions={"Ready": ("True", "Running")},
        says="Only 3 of 4 TaskManagers are ready",
    ),
    "the launcher refuses to lose state": Case(
        moments=(HEALTHY, (50, seen(flink=None, jobmanager=jobmanager(alive=False, refusal=REFUSED)))),
        phase="Failed",
        conditions={
            "Ready": ("False", "Failed"),
            "Reconciling": ("False", "Settled"),
            "Stalled": ("True", "CheckpointBelowFloor"),
            "StateSafe": ("False", "CheckpointBelowFloor"),
        },
        says=REFUSED.message,
    ),
    "the launcher refuses for another reason": Case(
        moments=((5, seen(flink=None, jobmanager=jobmanager(alive=False, refusal=LOCKED))),),
        phase="Failed",
        conditions={"Stalled": ("True", "VolumeLocked"), "StateSafe": ("True", "NewestIsKept")},
        says=LOCKED.message,
    ),
    "a TaskManager's launcher refuses": Case(
        moments=((5, seen(flink=None, taskmanagers=(taskmanager(1, refusal=LOCKED),))),),
        phase="Failed",
        conditions={"Stalled": ("True", "VolumeLocked")},
    ),
    "an old refusal is on display while the job runs": Case(
        moments=((32, seen(checkpoints(completed(1, 30)), jobmanager=jobmanager(refusal=REFUSED))),),
        phase="Running",
        conditions={
            "Ready": ("True", "Running"),
            "Stalled": ("False", "Progressing"),
            "StateSafe": ("True", "NewestIsKept"),
        },
    ),
    "the job FINISHED and nobody asked for it": Case(
        moments=(HEALTHY, (50, seen(flink=flink(job_state="FINISHED", tasks_running=0)))),
        phase="Failed",
        conditions={"Stalled": ("True", "JobFinished"), "StateSafe": ("True", "NewestIsKept")},
    ),
    "the job failed for the first time": Case(
        moments=(HEALTHY, (50, seen(flink=failed_job(checkpoints(completed(1, 30)))))),
        phase="Recovering",
        conditions={"Reconciling": ("True", "Recovering"), "Stalled": ("False", "Progressing")},
        says="The job ended FAILED and is started again at once",
    ),
    "the job failed before any task ran after a restore": Case(
        moments=(
            (50, seen(flink=failed_job(tasks_total=0), start=start(2, chosen_checkpoint_id=17, chosen_path="/chk-17"))),
        ),
        phase="Failed",
        conditions={"Stalled": ("True", "RestoreFailed"), "StateSafe": ("False", "RestoreFailed")},
        says="Checkpoint 17 could not be restored: java.lang.Exception: broken",
    ),
    "the job failed before any task ran, but began with nothing": Case(
        moments=((50, seen(flink=failed_job(tasks_total=0), start=start())),),
        phase="Deploying",
        conditions={"StateSafe": ("True", "NewestIsKept"), "Stalled": ("False", "Progressing")},
    ),
    "tasks fail at restore again and again": Case(
        moments=(
            HEALTHY,
            (
                45,
                seen(
                    flink=replace(
                        RESTARTING,
                        failures=(BROKEN, BROKEN),
                        checkpoints=checkpoints(completed(1, 30), latest_restored_id=1, latest_restored_at=at(40)),
                    )
                ),
            ),
        ),
        phase="Failed",
        conditions={"Stalled": ("True", "RestoreFailed"), "StateSafe": ("False", "RestoreFailed")},
    ),
    "all tasks run after failures at restore": Case(
        moments=(
            HEALTHY,
            (45, seen(flink=replace(RESTARTING, failures=(BROKEN, BROKEN), checkpoints=RESTORED))),
            (60, seen(flink=flink(RESTORED, failures=(BROKEN, BROKEN), tasks_changed_at=at(58)))),
        ),
        phase="Running",
        conditions={"StateSafe": ("True", "NewestIsKept"), "Stalled": ("False", "Progressing")},
    ),
    "tasks failed at restore once": Case(
        moments=(
            HEALTHY,
            (
                45,
                seen(
                    flink=replace(
                        RESTARTING,
                        failures=(BROKEN,),
                        checkpoints=checkpoints(completed(1, 30), latest_restored_id=1, latest_restored_at=at(40)),
                    )
                ),
            ),
        ),
        phase="Recovering",
        conditions={"StateSafe": ("True", "NewestIsKept")},
    ),
    "tasks failed as often as restarts are allowed": Case(
        moments=(
            HEALTHY,
            (90, seen(flink=replace(RESTARTING, failures=tuple(replace(BROKEN, message="x") for _ in range(6))))),
        ),
        phase="Recovering",
        conditions={"Stalled": ("False", "Progressing")},
    ),
    "tasks failed more often than that": Case(
        moments=(
            HEALTHY,
            (90, seen(flink=replace(RESTARTING, failures=tuple(replace(BROKEN, message="x") for _ in range(7))))),
        ),
        phase="Failed",
        conditions={"Stalled": ("True", "TasksFailAgainAndAgain"), "StateSafe": ("True", "NewestIsKept")},
    ),
    "a new spec made no checkpoint in time": Case(
        moments=((0, NOTHING), (601, seen(flink=STARTING))),
        phase="Failed",
        conditions={"Stalled": ("True", "ProgressDeadlineExceeded")},
        says="This spec completed no checkpoint within 10m. There is no earlier checkpoint",
    ),
    "a new spec still has time": Case(
        moments=((0, NOTHING), (600, seen(flink=STARTING))),
        phase="Deploying",
        conditions={"Stalled": ("False", "Progressing")},
    ),
    "a recovery takes longer than the deadline": Case(
        moments=(HEALTHY, PROVEN, (51, seen(flink=RESTARTING)), (652, seen(flink=RESTARTING))),
        phase="Recovering",
        conditions={"Stalled": ("True", "RecoveryStuck"), "Reconciling": ("False", "Settled")},
    ),
    "an image cannot be pulled": Case(
        moments=((13, seen(flink=None, jobmanager=pending("ErrImagePull"))),),
        phase="Deploying",
        conditions={"Stalled": ("True", "ImagePullBackOff"), "Reconciling": ("False", "Settled")},
        says="demo-jobmanager waits: ImagePullBackOff (it is not there)",
    ),
    "an image cannot be pulled and time is over": Case(
        moments=((0, NOTHING), (601, seen(flink=None, jobmanager=pending("ImagePullBackOff")))),
        phase="Failed",
        conditions={"Stalled": ("True", "ProgressDeadlineExceeded")},
        says="This spec completed no checkpoint within 10m (demo-jobmanager waits: ImagePullBackOff",
    ),
    "no node takes a TaskManager yet": Case(
        moments=(PROVEN, (60, seen(checkpoints(completed(2, 40)), taskmanagers=(*taskmanagers(), UNSCHEDULABLE)))),
        phase="Running",
        conditions={"Ready": ("True", "Running"), "Stalled": ("False", "Progressing")},
    ),
    "no node takes a TaskManager while all tasks run": Case(
        moments=(PROVEN, (103, seen(checkpoints(completed(2, 40)), taskmanagers=(*taskmanagers(), UNSCHEDULABLE)))),
        phase="Running",
        conditions={"Ready": ("True", "Running"), "Stalled": ("True", "Unschedulable")},
    ),
    "REST answers while the JobManager is dead": Case(
        moments=((13, seen(jobmanager=jobmanager(alive=False, alive_since=None))),),
        phase="Deploying",
        conditions={"Ready": ("False", "Deploying")},
    ),
    "REST answers for another job": Case(
        moments=((13, seen(flink=flink(job_id="f" * 32))),),
        phase="Deploying",
        conditions={"Ready": ("False", "Deploying")},
        says="4 of 4 processes live; the job has no tasks yet",
    ),
}


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_the_phase_and_the_conditions_say_it(case: Case) -> None:
    plan = history(case.moments, case.ledger, resource(**case.spec))[-1]

    told = {verdict.type: (verdict.status, verdict.reason) for verdict in plan.conditions}
    assert plan.phase == case.phase
    assert {kind: told[kind] for kind in case.conditions} == case.conditions  # type: ignore[index]
    assert case.says in plan.message


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_the_same_moment_once_more_changes_and_tells_nothing(case: Case) -> None:
    job = resource(**case.spec)
    seconds, observed = case.moments[-1]
    plan = history(case.moments, case.ledger, job)[-1]
    again = decide(job, plan.ledger, observed, at(seconds))

    if observed.jobmanager is not None:
        assert again.ledger == plan.ledger
    assert again.events == ()


def test_every_plan_has_one_verdict_of_each_type() -> None:
    for case in CASES.values():
        plan = history(case.moments, case.ledger, resource(**case.spec))[-1]
        kinds = [verdict.type for verdict in plan.conditions]
        assert kinds == ["Ready", "Reconciling", "Stalled", "CheckpointingHealthy", "StateSafe"]
        assert all(verdict.reason.isalnum() and verdict.message for verdict in plan.conditions)


def test_a_last_checkpoint_from_before_the_downtime_is_named_when_a_new_spec_fails() -> None:
    newest = LastCheckpoint(id=17, path="/chk-17", completed_at=at(-900), size_bytes=1, duration_milliseconds=1)
    ledger = Ledger(floor=Floor(checkpoint_id=17, path="/chk-17"), last_checkpoint=newest)

    plan = history([(0, NOTHING), (700, seen(flink=STARTING))], ledger)[-1]

    assert "The newest checkpoint 17 (/chk-17) is kept" in plan.message
