"""The sink's function without Flink: what it passes on, what it logs, and what a log that fails means."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from anomalyjob.events import Alert, ProcessRecord, UserEvent, decode_record
from anomalyjob.sinks import STANDARD_OUTPUT_VARIABLE, RecordSink, log_text
from anomalyjob.timestamps import EPOCH

EVENT = UserEvent(user_id="Zoë", index=17, event_time=EPOCH, abnormal=True)
PROCESSED = ProcessRecord.of(EVENT, count=3, subtask=1, processed_time=EPOCH)
ALERT = Alert.of(EVENT, count=3, emitted_time=EPOCH)


def sink(*, log: bool, log_may_miss: bool = False) -> RecordSink:
    made = RecordSink(log=log, log_may_miss=log_may_miss)
    made.open(None)
    return made


def passed_on(made: RecordSink, line: str) -> str:
    (passed,) = made.process_element(line, None)
    return str(passed)


def test_a_process_record_is_passed_on_as_it_came() -> None:
    assert passed_on(sink(log=False), PROCESSED.encode()) == PROCESSED.encode()


def test_an_alert_is_passed_on_with_the_time_it_leaves_the_job_at() -> None:
    before = datetime.now(UTC)
    alert = decode_record(passed_on(sink(log=False), ALERT.encode()))

    assert isinstance(alert, Alert)
    assert before.replace(microsecond=0) <= alert.emitted_time <= datetime.now(UTC)
    assert (alert.user_id, alert.index, alert.count, alert.event_time) == ("Zoë", 17, 3, EPOCH)


def test_the_log_has_the_event_the_record_and_the_alert_with_its_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv(STANDARD_OUTPUT_VARIABLE, str(log))
    made = sink(log=True)
    passed_on(made, PROCESSED.encode())
    alert = passed_on(made, ALERT.encode())
    made.close()

    assert log.read_text(encoding="utf-8").splitlines() == [
        EVENT.encode(),
        PROCESSED.encode(),
        alert,
        "[ALERT] userId=Zoë abnormal 3 times",
    ]


def test_a_user_whose_name_holds_a_line_end_or_steers_a_terminal_stays_in_its_line() -> None:
    event = UserEvent(user_id="a\n[ALERT] \x1b[31m\u2028\x85", index=0, event_time=EPOCH, abnormal=True)

    text = log_text(Alert.of(event, count=3, emitted_time=EPOCH).encode())

    assert text.splitlines()[1:] == [r"[ALERT] userId=a\u000a[ALERT] \u001b[31m\u2028\u0085 abnormal 3 times"]


def test_a_log_that_is_gone_fails_the_task_only_when_there_are_no_part_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STANDARD_OUTPUT_VARIABLE, str(tmp_path / "gone" / "1"))

    assert passed_on(sink(log=True, log_may_miss=True), PROCESSED.encode()) == PROCESSED.encode()
    with pytest.raises(FileNotFoundError):
        passed_on(sink(log=True), PROCESSED.encode())
