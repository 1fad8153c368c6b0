"""Which of what happens is told to whom: by the target, by the resource's choice of events, as events of the job."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from tests.unit.notify_moments import KEY, QUICK, alert, counts, event, report
from tests.unit.observations import T0, at
from tests.unit.webhook_receiver import Receiver, until

from anomalyjob_operator.notify.notifier import Notifier
from anomalyjob_operator.notify.out_queue import QueueCounts
from anomalyjob_operator.notify.targets import Target
from anomalyjob_operator.pass_report import EventFate, Key
from anomalyjob_operator.status import Event

pytestmark = pytest.mark.asyncio


class Listening:
    """A notifier at work with a receiver; `told` are the events that the back end got."""

    def __init__(self) -> None:
        self.receiver = Receiver()
        self.told: list[tuple[Key, Event]] = []
        self.now = T0
        self.refuses = 0
        self.fate: EventFate = "told"

    async def emit(self, key: Key, told: Event) -> EventFate:
        """Take an event, as a back end does."""
        if self.refuses:
            self.refuses -= 1
            raise OSError("the API server is away")
        self.told.append((key, told))
        return self.fate

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[Notifier]:
        """Let the notifier work, and end with everything sent."""
        async with self.receiver.serving():
            targets = [Target(name="on-call", url=self.receiver.url)]
            notifier = Notifier(targets, emit_event=self.emit, policy=QUICK, clock=lambda: self.now)
            await notifier.start()
            try:
                yield notifier
            finally:
                await notifier.stop()


async def test_only_the_chosen_events_are_sent() -> None:
    listening = Listening()
    async with listening.at_work() as notifier:
        notifier.passed(report(event("a", "Submit"), event("b", "Recovered"), events=["Recovered"]))

    assert listening.receiver.messages == ["b"]


async def test_by_default_the_begin_and_the_end_of_a_recovery_are_sent_and_the_small_talk_is_not() -> None:
    listening = Listening()
    async with listening.at_work() as notifier:
        notifier.passed(
            report(event("a", "RecoverDeployment"), event("b", "JobStatusChanged"), event("c", "Recovered"))
        )

    assert listening.receiver.messages == ["a", "c"]


async def test_a_job_that_names_no_target_sends_nothing() -> None:
    listening = Listening()
    async with listening.at_work() as notifier:
        notifier.passed(report(event("a"), webhook=None))

    assert listening.receiver.bodies == []
    assert counts(notifier).delivered == 0


async def test_a_target_that_there_is_not_is_told_once_by_an_event_and_counted() -> None:
    listening = Listening()
    async with listening.at_work() as notifier:
        for _ in range(3):
            notifier.passed(report(event("a"), webhook="pager"))
        assert notifier.unknown_targets == 1

    ((key, told),) = listening.told
    assert (key, told.type, told.reason) == (KEY, "Warning", "NotificationError")
    assert told.message == (
        "spec.notifications.webhook names the target pager, which is not configured (configured: on-call); nothing is"
        " sent. Name another one, or add it to the file that ANOMALYJOB_NOTIFICATION_TARGETS names"
    )


async def test_a_target_that_there_is_not_counts_no_more_once_another_one_is_named() -> None:
    listening = Listening()
    async with listening.at_work() as notifier:
        notifier.passed(report(webhook="pager"))
        notifier.passed(report(event("a")))
        assert notifier.unknown_targets == 0
        notifier.passed(report(webhook="pager"))

    assert listening.receiver.messages == ["a"]
    assert len(listening.told) == 2


async def test_without_a_back_end_that_tells_events_it_stands_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier()
    await notifier.start()
    notifier.passed(report(webhook="pager"))
    await notifier.stop()

    assert "default/demo: spec.notifications.webhook names the target pager" in caplog.text
    assert "(configured: none)" in caplog.text


async def test_an_alert_goes_to_the_target_and_becomes_an_event() -> None:
    listening = Listening()
    async with listening.at_work() as notifier:
        notifier.passed(report(alerts=True))
        notifier.alert(KEY, alert(7))

    assert listening.receiver.messages == ["[ALERT] userId=user1 abnormal 3 times"]
    assert listening.receiver.bodies[0]["userId"] == "user1"
    assert listening.told == [
        (KEY, Event(type="Warning", reason="AnomalyAlert", message="[ALERT] userId=user1 abnormal 3 times", at=at(7)))
    ]


async def test_alerts_become_events_without_any_target() -> None:
    listening = Listening()
    async with listening.at_work() as notifier:
        notifier.passed(report(webhook=None, alerts=True))
        notifier.alert(KEY, alert(7))

    assert [told.reason for _, told in listening.told] == ["AnomalyAlert"]
    assert listening.receiver.bodies == []


@pytest.mark.parametrize("known", [True, False])
async def test_alerts_that_nobody_wants_are_told_to_nobody(*, known: bool) -> None:
    listening = Listening()
    async with listening.at_work() as notifier:
        if known:
            notifier.passed(report())
        notifier.alert(KEY, alert(7))

    assert listening.told == []
    assert listening.receiver.bodies == []


async def test_an_alert_from_before_this_process_is_not_told_again() -> None:
    listening = Listening()
    async with listening.at_work() as notifier:
        notifier.passed(report(alerts=True))
        notifier.alert(KEY, alert(7, emitted=T0 - timedelta(seconds=1)))

    assert listening.told == []


async def test_of_a_flood_the_rest_is_told_when_its_minute_is_over() -> None:
    listening = Listening()
    async with listening.at_work() as notifier:
        notifier.passed(report(alerts=True))
        for index in range(100):
            notifier.alert(KEY, alert(index))
        await until(lambda: len(listening.receiver.bodies) == 5)
        listening.now = at(61)
        await until(lambda: len(listening.receiver.bodies) == 6)

    assert listening.receiver.bodies[-1]["more"] == 95
    assert [told.message[:19] for _, told in listening.told][-1] == "and 95 more alerts "


async def test_of_a_flood_the_rest_is_told_at_the_end_of_the_process() -> None:
    listening = Listening()
    async with listening.at_work() as notifier:
        notifier.passed(report(alerts=True))
        for index in range(7):
            notifier.alert(KEY, alert(index))

    assert listening.receiver.bodies[-1]["more"] == 2


async def test_an_event_that_the_api_server_did_not_take_is_told_again() -> None:
    listening = Listening()
    listening.refuses = 1
    async with listening.at_work() as notifier:
        notifier.passed(report(alerts=True))
        notifier.alert(KEY, alert(7))
        await until(lambda: listening.told)

    assert notifier.event_counts().retries == 1


@pytest.mark.parametrize(
    "fate, expected",
    [("told", QueueCounts(delivered=1)), ("refused", QueueCounts(failed=1)), ("gone", QueueCounts())],
)
async def test_an_event_counts_as_what_its_back_end_says_became_of_it(fate: EventFate, expected: QueueCounts) -> None:
    listening = Listening()
    listening.fate = fate
    async with listening.at_work() as notifier:
        notifier.passed(report(alerts=True))
        notifier.alert(KEY, alert(7))
        await until(lambda: listening.told and not notifier.event_counts().waiting)

    assert notifier.event_counts() == expected
    assert len(listening.told) == 1


async def test_a_back_end_that_hangs_keeps_no_message_from_its_target() -> None:
    receiver = Receiver()

    async def hang(*_: object) -> EventFate:
        await asyncio.sleep(3_600)
        return "told"

    async with receiver.serving():
        notifier = Notifier([Target(name="on-call", url=receiver.url)], emit_event=hang, policy=QUICK, clock=lambda: T0)
        await notifier.start()
        notifier.passed(report(alerts=True))
        notifier.alert(KEY, alert(7))
        await until(lambda: receiver.bodies)
        await notifier.stop()

    assert notifier.event_counts().dropped == 1


async def test_of_a_flood_the_rest_is_told_to_the_target_when_the_job_is_deleted() -> None:
    listening = Listening()
    async with listening.at_work() as notifier:
        notifier.passed(report(alerts=True))
        for index in range(7):
            notifier.alert(KEY, alert(index))
        notifier.forget(KEY)
        await until(lambda: len(listening.receiver.bodies) == 6)

    assert listening.receiver.bodies[-1]["more"] == 2
    assert len(listening.told) == 5


async def test_a_job_that_is_gone_is_forgotten() -> None:
    listening = Listening()
    async with listening.at_work() as notifier:
        notifier.passed(report(webhook="pager", alerts=True))
        notifier.forget(KEY)
        notifier.alert(KEY, alert(7))

    assert notifier.unknown_targets == 0
    assert [told.reason for _, told in listening.told] == ["NotificationError"]
    assert listening.receiver.bodies == []
