"""A job that ended: when it is started again, how often, and when no more."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from tests.unit.observations import at, checkpoints, completed, failed_job, flink, jobmanager, resource, seen

from anomalyjob_operator.decide import Plan, decide
from anomalyjob_operator.decide.restarts import backoff
from anomalyjob_operator.ledger import Ledger
from anomalyjob_operator.observed import Observed, Refusal


class Failing:
    """A job whose every start fails; each `fail` is one start that ended, each `wait` a pass at a later time."""

    def __init__(self, **spec: Any) -> None:
        self.job = resource(**spec)
        self.ledger = Ledger()
        self.plans: list[Plan] = []
        self.observed = seen()

    def see(self, seconds: float, observed: Observed) -> Plan:
        """Make one pass over what was seen."""
        self.observed = observed
        self.plans.append(decide(self.job, self.ledger, observed, at(seconds)))
        self.ledger = self.plans[-1].ledger
        return self.plans[-1]

    def fail(self, seconds: float, state: str = "FAILED", completed_checkpoints: int = 0) -> Plan:
        """See a new start, three seconds old, in this state."""
        newest = completed(completed_checkpoints, seconds - 1) if completed_checkpoints else None
        statistics = checkpoints(newest)
        return self.see(seconds, seen(flink=failed_job(statistics, job_state=state, job_started_at=at(seconds - 3))))

    def wait(self, seconds: float) -> Plan:
        """See the same again, later."""
        return self.see(seconds, self.observed)

    @property
    def events(self) -> list[str]:
        """The reasons of all events so far."""
        return [event.reason for plan in self.plans for event in plan.events]


@pytest.mark.parametrize("state", ["FAILED", "CANCELED"])
def test_the_first_failure_restarts_at_once_and_only_once(state: str) -> None:
    failing = Failing()

    assert failing.fail(100, state).ledger.restart_counter == 1
    for second in range(101, 200):
        assert failing.wait(second).ledger.restart_counter == 1
    assert failing.events.count("RestartUnhealthyJob") == 1
    assert failing.ledger.restarts == 1


@pytest.mark.parametrize("state", ["FAILED", "CANCELED"])
def test_a_job_that_failed_is_told_once_with_its_reason(state: str) -> None:
    failing = Failing(recovery={"maxRestarts": 0})
    failing.see(50, seen(flink=flink(job_started_at=at(97))))
    failing.fail(100, state)
    failing.wait(101)
    failing.see(102, seen(flink=None))
    failing.see(103, seen(flink=failed_job(job_state=state, job_started_at=at(97))))

    told = [event for plan in failing.plans for event in plan.events if event.reason == "JobFailed"]
    assert [(event.type, event.message) for event in told] == [
        ("Warning", f"Job changed from RUNNING to {state} (java.lang.Exception: broken)")
    ]


@pytest.mark.parametrize(
    "failures, seconds",
    [(0, 0), (1, 0), (2, 5), (3, 10), (4, 20), (7, 160), (8, 300), (9, 300), (1_000_000, 300)],
)
def test_the_backoff_begins_with_the_second_failure_and_doubles_up_to_its_bound(failures: int, seconds: float) -> None:
    assert backoff(resource().spec, failures).total_seconds() == seconds


def test_a_second_unproductive_start_waits_for_its_backoff() -> None:
    failing = Failing()
    failing.fail(100)
    planned = failing.fail(120)

    assert planned.ledger.restart_counter == 1
    assert planned.ledger.next_restart_at == at(125)
    assert planned.requeue_after_seconds == 1.0
    assert "is started again at 03:02:05 UTC" in planned.message
    assert failing.wait(124.5).requeue_after_seconds == 0.5
    assert failing.wait(124.999).ledger.restart_counter == 1
    assert failing.wait(125).ledger.restart_counter == 2


def test_a_completed_checkpoint_resets_backoff_and_budget() -> None:
    failing = Failing()
    for seconds in (100, 200, 300):
        failing.fail(seconds)
        failing.wait(seconds + 60)
    failing.fail(400, completed_checkpoints=3)

    assert failing.ledger.restart_counter == 4
    assert failing.ledger.unproductive_restarts == ()
    assert failing.ledger.unproductive_in_a_row == 0


def test_a_start_that_completed_a_checkpoint_never_counts() -> None:
    failing = Failing(recovery={"maxRestarts": 0})
    for number in range(1, 30):
        failing.fail(100.0 * number, completed_checkpoints=number)

    assert failing.ledger.restart_counter == 29
    assert not failing.ledger.budget_exhausted


def fail_until_the_budget_is_spent(failing: Failing) -> None:
    for number in range(7):
        failing.fail(400.0 * number)
        failing.wait(400.0 * number + 399)


def test_over_budget_nothing_is_restarted_any_more() -> None:
    failing = Failing(recovery={"window": "24h"})
    fail_until_the_budget_is_spent(failing)

    assert failing.ledger.restart_counter == 6
    assert failing.ledger.budget_exhausted
    last = failing.plans[-1]
    assert last.phase == "Failed"
    assert {verdict.reason for verdict in last.conditions if verdict.type == "Stalled"} == {"RestartBudgetExhausted"}
    assert failing.events.count("RestartBudgetExhausted") == 1
    failing.wait(10**6)
    failing.fail(10**6 + 100)
    assert failing.ledger.restart_counter == 6
    assert failing.events.count("RestartBudgetExhausted") == 1


def test_restarts_older_than_the_window_do_not_count() -> None:
    failing = Failing(recovery={"window": "10m"})
    fail_until_the_budget_is_spent(failing)

    assert failing.ledger.restart_counter == 7
    assert not failing.ledger.budget_exhausted


def test_a_changed_spec_gets_a_new_budget() -> None:
    failing = Failing(recovery={"window": "24h"})
    fail_until_the_budget_is_spent(failing)

    failing.job = resource(recovery={"window": "23h"})
    plan = failing.wait(5_000)

    assert plan.ledger.restart_counter == 7
    assert not plan.ledger.budget_exhausted


def test_a_job_that_a_user_started_again_over_budget_is_healthy_once_a_checkpoint_completes() -> None:
    failing = Failing(recovery={"window": "24h"})
    fail_until_the_budget_is_spent(failing)

    running = flink(checkpoints(completed(1, 5_020)), job_started_at=at(5_000), tasks_changed_at=at(5_010))
    plan = failing.see(5_021, seen(flink=running))

    assert plan.phase == "Running"
    assert not plan.ledger.budget_exhausted


def test_without_an_answer_of_rest_a_due_restart_waits() -> None:
    failing = Failing()
    failing.fail(100)
    failing.fail(120)
    failed = failing.observed

    assert failing.see(200, seen(flink=None)).ledger.restart_counter == 1
    assert failing.see(201, failed).ledger.restart_counter == 2


def test_an_answer_from_before_the_job_ended_drops_no_planned_restart() -> None:
    failing = Failing()
    failing.fail(100)
    failing.fail(120)
    failed = failing.observed
    failing.see(121, seen(flink=flink(job_started_at=at(117), tasks_changed_at=at(118))))

    assert failing.ledger.next_restart_at == at(125)
    assert failing.see(125, failed).ledger.restart_counter == 2
    assert failing.events.count("JobFailed") == 2


def test_a_planned_restart_is_dropped_when_the_job_was_started_otherwise() -> None:
    failing = Failing()
    failing.fail(100)
    failing.fail(120)
    failing.see(122, seen(flink=flink(job_started_at=at(121), job_state="CREATED", tasks_running=0)))

    assert failing.ledger.next_restart_at is None
    assert failing.ledger.restart_counter == 1


def test_an_answer_of_the_old_jobmanager_restarts_nothing_again() -> None:
    """The replaced JobManager may still answer after the new one did."""
    failing = Failing()
    old = failing.fail(100)
    assert old.ledger.restart_counter == 1
    stale = failing.observed
    failing.see(130, seen(flink=flink(job_started_at=at(120), tasks_changed_at=at(128))))

    assert failing.see(131, stale).ledger.restart_counter == 1


def test_a_finished_job_is_left_alone() -> None:
    failing = Failing()
    finished = seen(flink=flink(job_state="FINISHED", tasks_running=0))
    for seconds in range(100, 110):
        failing.see(seconds, finished)
        failing.see(seconds + 0.5, seen(flink=None))

    assert failing.ledger.restart_counter == 0
    assert failing.events.count("JobFinished") == 1


def test_zero_restarts_means_none() -> None:
    failing = Failing(recovery={"maxRestarts": 0})

    assert failing.fail(100).ledger.restart_counter == 0
    assert failing.ledger.budget_exhausted


def test_what_a_restart_begins_from_is_told() -> None:
    job = resource()
    ledger = decide(job, Ledger(), seen(checkpoints(completed(17, 30))), at(31)).ledger

    plan = decide(job, ledger, seen(flink=failed_job(checkpoints(completed(17, 30)))), at(50))

    told = [event.message for event in plan.events if event.reason == "RestartUnhealthyJob"]
    assert told == ["Job ended FAILED; starting it again from checkpoint 17 or newer (restart 1)"]


LOOP = Refusal(reason="CrashLoopBackOff", message="back-off 10s restarting failed container")


def crashing(pod: str, **changes: Any) -> Observed:
    """A JobManager's pod whose container ends again and again."""
    dead = jobmanager(alive=False, alive_since=None, content_hash=pod, waiting=LOOP)
    return seen(flink=None, jobmanager=replace(dead, **changes))


def test_a_crash_loop_is_left_by_a_new_pod_after_our_own_pauses() -> None:
    failing = Failing()
    restarted = []
    pod = 0
    for second in range(400):
        if failing.see(second, crashing(f"pod-{pod}")).ledger.restart_counter > pod:
            restarted.append(second)
            pod += 1

    assert [later - earlier for earlier, later in pairwise([0, *restarted])] == [5, 11, 21, 41, 81, 161]
    assert failing.events.count("RestartUnhealthyJob") == 6


def test_one_pod_in_a_crash_loop_counts_once_however_long_it_is_seen() -> None:
    failing = Failing()
    for second in range(100):
        failing.see(second, crashing("pod-0"))

    assert failing.ledger.restart_counter == 1
    assert failing.ledger.unproductive_in_a_row == 1


def test_a_crash_loop_ends_with_the_budget_and_says_so() -> None:
    failing = Failing(recovery={"maxRestarts": 2})
    for second in range(300):
        failing.see(second, crashing(f"pod-{failing.ledger.restart_counter}"))

    assert failing.ledger.restart_counter == 2
    assert failing.plans[-1].phase == "Failed"
    assert failing.events.count("RestartBudgetExhausted") == 1


def test_a_container_that_came_up_by_itself_is_not_restarted() -> None:
    failing = Failing()
    failing.see(0, crashing("pod-0"))
    failing.see(3, seen(jobmanager=jobmanager(content_hash="pod-0", alive_since=at(2))))

    assert failing.see(60, seen(jobmanager=jobmanager(content_hash="pod-0", alive_since=at(2)))).ledger.restarts == 0
    assert failing.ledger.next_restart_at is None
    failing.see(70, crashing("pod-0"))
    assert failing.ledger.next_restart_at is not None, "a later crash loop of the same pod is another one"


def test_a_pod_that_waits_for_something_else_is_not_restarted() -> None:
    failing = Failing()
    pulling = Refusal(reason="ImagePullBackOff", message="not found")
    for second in range(60):
        failing.see(second, crashing("pod-0", waiting=pulling))

    assert failing.ledger.restart_counter == 0
    assert failing.events.count("WorkloadWaiting") == 1
