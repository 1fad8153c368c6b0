"""Whoever is told of passes is told apart from the others: one that fails keeps nobody from anything."""

import asyncio
from collections.abc import AsyncIterator
from typing import NoReturn

import pytest
from tests.unit.live_reports import Passes, healthy_report
from tests.unit.observations import at, seen
from tests.unit.reported_passes import samples

from anomalyjob_operator.live.log_source import LogBatch
from anomalyjob_operator.onlookers import Onlookers
from anomalyjob_operator.pass_report import Key

pytestmark = pytest.mark.asyncio

KEY = ("default", "demo")


class SilentLog:
    """A source that says nothing."""

    def __init__(self, key: Key) -> None:
        self.key = key

    async def follow(self, history: int) -> AsyncIterator[LogBatch]:
        """Wait for ever."""
        await asyncio.Event().wait()
        yield LogBatch(workload=str(history), lines=())


def fails(*_: object) -> NoReturn:
    raise ValueError("a defect of an onlooker")


def ready(onlookers: Onlookers) -> float | None:
    return samples(onlookers.metrics.render()[0], namespace="default", name="demo").get("anomalyjob_ready")


async def test_everybody_is_told_of_a_pass() -> None:
    onlookers = Onlookers(SilentLog)
    onlookers.passed(healthy_report())
    assert onlookers.feeds.keys() == (KEY,)
    assert ready(onlookers) is not None
    assert KEY in onlookers.notifier._wanted


async def test_one_that_fails_is_logged_and_keeps_no_other_from_being_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    onlookers = Onlookers(SilentLog)
    monkeypatch.setattr(onlookers.metrics, "passed", fails)
    onlookers.passed(healthy_report())
    assert onlookers.feeds.keys() == (KEY,)
    assert KEY in onlookers.notifier._wanted
    assert "an onlooker failed over default/demo" in caplog.text
    assert "a defect of an onlooker" in caplog.text


async def test_what_becomes_of_notifications_and_what_was_missed_is_told() -> None:
    onlookers = Onlookers(SilentLog)
    onlookers.watch_missed(lambda: 3)
    job = Passes(notifications={"webhook": "on-call"})
    onlookers.passed(job.report(seen(), at(20)))
    found = samples(onlookers.metrics.render()[0])
    assert found["anomalyjob_notification_targets_unknown"] == 1
    assert found["anomalyjob_notification_events_waiting"] == 1
    assert found["anomalyjob_reports_missed_total"] == 3


async def test_nobody_knows_a_job_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    onlookers = Onlookers(SilentLog)
    onlookers.passed(healthy_report())
    monkeypatch.setattr(onlookers.notifier, "forget", fails)
    onlookers.forget(KEY)
    assert onlookers.feeds.keys() == ()
    assert ready(onlookers) is None
    onlookers.forget(KEY)
    await onlookers.stop()


async def test_the_log_is_followed_without_a_reader_while_the_resource_wants_its_alerts_told() -> None:
    onlookers = Onlookers(SilentLog)
    for wanted in (True, False):
        job = Passes(notifications={"alerts": wanted, "webhook": "on-call"})
        onlookers.passed(job.report(seen(), at(20)))
        assert (KEY in onlookers.feeds._followed) is wanted


async def test_what_does_not_start_or_stop_keeps_nobody_else_from_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    onlookers = Onlookers(SilentLog)

    async def fail() -> None:
        await asyncio.sleep(0)
        fails()

    monkeypatch.setattr(onlookers.feeds, "start", fail)
    monkeypatch.setattr(onlookers.feeds, "stop", fail)
    await onlookers.start()
    assert onlookers.notifier._ticks is not None
    await onlookers.stop()
    assert onlookers.notifier._ticks.done()
    assert "an onlooker did not start" in caplog.text
    assert "an onlooker did not stop" in caplog.text
