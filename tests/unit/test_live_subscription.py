"""One reader of a feed: what it gets, and what it costs when it does not read."""

import asyncio
import json
from datetime import datetime

import pytest
from tests.unit.observations import at

from anomalyjob_operator.live.subscription import MAXIMUM_LOG_ENTRIES, Fanout, FeedEnded, Message, Subscription

pytestmark = pytest.mark.asyncio


def clock() -> datetime:
    return at(0)


def taken(subscription: Subscription) -> dict[str, bytes]:
    return {message.event: message.data for message in subscription.take()}


async def test_of_a_state_document_only_the_newest_waits() -> None:
    fanout = Fanout(clock)
    with fanout.subscribe() as subscription:
        for number in range(1_000):
            fanout.publish("overview", b"%d" % number)

        assert await subscription.next() == [Message(event="overview", data=b"999")]


async def test_a_new_reader_begins_with_what_was_published_last() -> None:
    fanout = Fanout(clock)
    fanout.publish("overview", b"1")
    fanout.publish("checkpoints", b"2")
    with fanout.subscribe() as subscription:
        assert taken(subscription) == {"overview": b"1", "checkpoints": b"2"}


async def test_of_the_log_the_newest_entries_wait_and_the_others_are_counted() -> None:
    fanout = Fanout(clock)
    with fanout.subscribe(history=()) as subscription:
        fanout.publish_entries(tuple(b"%d" % number for number in range(MAXIMUM_LOG_ENTRIES + 30)), dropped=12)
        document = json.loads(taken(subscription)["log"])

    assert document["dropped"] == 42
    assert document["entries"] == list(range(30, MAXIMUM_LOG_ENTRIES + 30))


async def test_what_was_taken_does_not_come_again() -> None:
    fanout = Fanout(clock)
    with fanout.subscribe(history=(b"1",)) as subscription:
        fanout.publish("overview", b"1")
        subscription.take()

        assert await subscription.next(wait_seconds=0.01) == []


async def test_a_history_that_is_longer_than_a_reader_takes_is_not_called_dropped() -> None:
    history = tuple(b"%d" % number for number in range(MAXIMUM_LOG_ENTRIES + 100))
    with Fanout(clock).subscribe(history=history) as subscription:
        document = json.loads(taken(subscription)["log"])

    assert (document["dropped"], document["entries"][0]) == (0, 100)


async def test_news_wakes_a_reader_that_waits() -> None:
    fanout = Fanout(clock)
    with fanout.subscribe() as subscription:
        waiting = asyncio.create_task(subscription.next(wait_seconds=10))
        await asyncio.sleep(0)
        fanout.publish("overview", b"1")

        assert await waiting == [Message(event="overview", data=b"1")]


async def test_the_last_documents_come_before_the_end() -> None:
    fanout = Fanout(clock)
    with fanout.subscribe() as subscription:
        fanout.publish("overview", b"1")
        fanout.end()

        assert await subscription.next() == [Message(event="overview", data=b"1")]
        with pytest.raises(FeedEnded):
            await subscription.next()


async def test_whoever_comes_after_the_end_is_told_so() -> None:
    fanout = Fanout(clock)
    fanout.end()
    with fanout.subscribe() as subscription, pytest.raises(FeedEnded):
        await subscription.next()


async def test_a_closed_reader_costs_nothing_any_more() -> None:
    fanout = Fanout(clock)
    subscription = fanout.subscribe()
    with subscription:
        assert len(fanout) == 1
    fanout.publish("overview", b"1")

    assert len(fanout) == 0
    assert subscription.take() == []
