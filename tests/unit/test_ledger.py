import json
from datetime import UTC, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.observations import T0, at

from anomalyjob.config import LedgerFloor
from anomalyjob_operator.ledger import (
    Constellation,
    Counters,
    CurrentStart,
    Floor,
    LastCheckpoint,
    Ledger,
    Operation,
    Recovery,
    RestoreFailure,
    Savepoint,
    SavepointRequest,
    SpecProgress,
    ledger_write_due,
)

M = TypeVar("M")


def records(model: type[M], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[M]:
    """Instances of a model; not `builds`, which would go by the names in JSON."""
    return st.fixed_dictionaries(fields).map(lambda values: model(**values))


TIMES = st.datetimes(timezones=st.just(UTC))
COUNTS = st.integers(0, 10**9)
COUNTERS = records(Counters, completed=COUNTS, failed=COUNTS, failed_before_running=COUNTS, restored=COUNTS)
CAUSES = st.sampled_from(["TaskManagerLost", "JobManagerLost", "JobFailed", "TaskFailure"])
RECOVERIES = records(
    Recovery,
    cause=CAUSES,
    detected_at=TIMES,
    subject=st.text(),
    from_checkpoint=st.none() | COUNTS,
    running_at=st.none() | TIMES,
    safe_at=st.none() | TIMES,
)
LEDGERS = records(
    Ledger,
    incarnation=st.integers(1, 100),
    restart_counter=COUNTS,
    floor=st.none() | records(Floor, checkpoint_id=COUNTS, path=st.text(min_size=1)),
    past=COUNTERS,
    current=st.none() | records(CurrentStart, started_at=TIMES, counters=COUNTERS),
    constellation=st.none() | records(Constellation, running_since=TIMES, job_started_at=TIMES),
    open_recovery=st.none() | RECOVERIES,
    last_recovery=st.none() | RECOVERIES,
    unproductive_restarts=st.lists(TIMES, max_size=8).map(tuple),
    spec=st.none() | records(SpecProgress, spec_hash=st.text(), since=TIMES),
    restore_failure=st.none() | records(RestoreFailure, checkpoint_id=COUNTS, message=st.text()),
    alarms=st.lists(st.text(), max_size=3).map(tuple),
    deployed=st.none() | st.dictionaries(st.text(), st.integers()),
    operation=st.none()
    | records(
        Operation,
        id=st.text(),
        kind=st.sampled_from(["Upgrade", "Suspend", "Restart", "Restore", "Resume"]),
        step=st.sampled_from(["Checkpoint", "Savepoint", "Stop"]),
        started_at=TIMES,
        step_started_at=TIMES,
    ),
    savepoints=st.lists(records(Savepoint, nonce=COUNTS, path=st.text(), completed_at=TIMES), max_size=3).map(tuple),
)
OPERATION = Operation(id="upgrade-1", kind="Upgrade", step="Stop", started_at=T0, step_started_at=T0)
INTERVAL = timedelta(seconds=10)


def on_record() -> Ledger:
    """A ledger as it was written at T0."""
    counters = Counters(completed=3)
    return Ledger(
        floor=Floor(checkpoint_id=3, path="/chk-3"), current=CurrentStart(started_at=T0, counters=counters)
    ).evolve(recorded_at=T0)


def with_new_checkpoint(ledger: Ledger) -> Ledger:
    assert ledger.current is not None
    return ledger.evolve(
        floor=Floor(checkpoint_id=4, path="/chk-4"),
        last_checkpoint=LastCheckpoint(id=4, path="/chk-4", completed_at=T0, size_bytes=1, duration_milliseconds=1),
        current=ledger.current.evolve(counters=Counters(completed=4)),
    )


@given(LEDGERS)
def test_a_ledger_that_was_written_and_read_back_is_the_same(ledger: Ledger) -> None:
    assert Ledger.parse(json.loads(json.dumps(ledger.document()))) == ledger


@given(LEDGERS)
def test_the_launcher_reads_incarnation_and_floor_of_any_ledger(ledger: Ledger) -> None:
    read = LedgerFloor.parse(json.loads(json.dumps(ledger.document())))

    assert read.incarnation == ledger.incarnation
    assert read.checkpoint_id == (None if ledger.floor is None else ledger.floor.checkpoint_id)


def test_a_ledger_with_keys_of_a_later_version_is_still_read() -> None:
    document = {**Ledger(restart_counter=7).document(), "invented": 1}

    assert Ledger.parse(document) == Ledger(restart_counter=7)


def test_totals_add_the_living_start_to_the_past_ones() -> None:
    current = CurrentStart(started_at=T0, counters=Counters(completed=2, failed=1, failed_before_running=3, restored=1))
    ledger = Ledger(past=Counters(completed=10, failed=4, restored=2), current=current)

    assert ledger.totals == Counters(completed=12, failed=5, failed_before_running=3, restored=3)
    assert Ledger(past=Counters(completed=10)).totals == Counters(completed=10)


def test_nothing_is_written_when_nothing_changed() -> None:
    assert not ledger_write_due(on_record(), on_record(), at(10**6), INTERVAL)


@pytest.mark.parametrize(
    "seconds, interval_seconds, due",
    [
        pytest.param(29, 10, False, id="before 30 s have passed"),
        pytest.param(30, 10, True, id="after 30 s"),
        pytest.param(59, 60, False, id="before the interval of the checkpoints has passed"),
        pytest.param(60, 60, True, id="after that interval"),
    ],
)
def test_counters_and_floor_wait(seconds: int, interval_seconds: int, due: bool) -> None:
    new = with_new_checkpoint(on_record())

    assert ledger_write_due(on_record(), new, at(seconds), timedelta(seconds=interval_seconds)) is due


def test_the_very_first_floor_is_written_at_once() -> None:
    new = on_record()
    previous = new.evolve(floor=None)

    assert ledger_write_due(previous, new, at(1), INTERVAL)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"restart_counter": 1}, id="a deliberate restart"),
        pytest.param({"next_restart_at": T0}, id="a planned restart"),
        pytest.param({"open_recovery": Recovery(cause="JobFailed", detected_at=T0)}, id="an open recovery"),
        pytest.param({"alarms": ("JobFinished",)}, id="a told trouble"),
        pytest.param({"current": CurrentStart(started_at=at(1))}, id="a new start"),
        pytest.param(
            {"current": CurrentStart(started_at=T0, counters=Counters(failed=1))},
            id="a failed checkpoint, which is told",
        ),
        pytest.param({"current": CurrentStart(started_at=T0, job_state="FAILED")}, id="another state of the job"),
        pytest.param({"incarnation": 2}, id="a new incarnation"),
        pytest.param({"operation": OPERATION}, id="a deliberate stop"),
        pytest.param({"operation": OPERATION.evolve(step="Savepoint")}, id="a step of it"),
        pytest.param({"stopped": True}, id="a suspended job"),
        pytest.param({"deployed": {"detection": {}}}, id="another deployed spec"),
        pytest.param({"savepoint_request": SavepointRequest(nonce=1, asked_at=T0)}, id="a savepoint to be taken"),
    ],
)
def test_an_intent_is_written_at_once(change: dict[str, object]) -> None:
    assert ledger_write_due(on_record(), on_record().evolve(**change), at(0.001), INTERVAL)


def test_a_ledger_that_was_never_written_is_written() -> None:
    assert ledger_write_due(Ledger(), with_new_checkpoint(on_record()).evolve(recorded_at=None), at(0), INTERVAL)
