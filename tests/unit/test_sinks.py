"""The sink's function without Flink: what it passes on, what it logs, and what a log that fails means."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from anomalyjob.events import Alert, ProcessRecord, UserEvent, decode_record
from anomalyjob.sinks import STANDARD_OUTPUT_VARIABLE, RecordSink, log_text
from anomalyjob.timestamps import EPOCH

EVENT = UserEvent(user_id="Zoë", index=17, event_time=EPOCH, abnormal=True)
PROCESSED = ProcessRecord.of(EVENT, count=3, subtask=1, processed_time=EPOCH)
ALERT = Alert.of(EVENT, count=3, emitted_time=EPOCH)


class Metrics:
    """A task's metrics: counters by name. It stands for the runtime context and for its metric group."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.name = ""

    def get_metrics_group(self) -> "Metrics":
        """This one."""
        return self

    def counter(self, name: str) -> "Metrics":
        """This one, for that name."""
        self.name = name
        return self

    def inc(self, n: int = 1) -> None:
        """Count."""
        self.counts[self.name] = self.counts.get(self.name, 0) + n


def sink(*, log: bool, log_may_miss: bool = False, metrics: Metrics | None = None) -> RecordSink:
    made = RecordSink(log=log, log_may_miss=log_may_miss, output_folder="/")
    made.open(metrics or Metrics())
    return made


def passed_on(made: RecordSink, line: str) -> str:
    (passed,) = made.process_element(line, None)
    return str(passed)


def test_a_process_record_is_passed_on_as_it_came() -> None:
    assert passed_on(sink(log=False), PROCESSED.encode()) == PROCESSED.encode()


def test_the_metric_of_the_volume_is_there_after_the_first_record() -> None:
    metrics = Metrics()
    made = sink(log=False, metrics=metrics)
    assert metrics.counts == {}

    passed_on(made, PROCESSED.encode())

    usage = shutil.disk_usage("/")
    assert metrics.counts.keys() == {"volumeUsedPermille"}
    assert metrics.counts["volumeUsedPermille"] == pytest.approx(1000 - 1000 * usage.free / usage.total, abs=20)


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
