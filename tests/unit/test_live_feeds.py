"""Who reads what of a job's feed, and that nobody else is held up by it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from tests.unit.live_readers import decoded, read_until
from tests.unit.live_reports import Passes, healthy_report
from tests.unit.observations import at, seen, taskmanagers

from anomalyjob_operator.live.feeds import Feeds
from anomalyjob_operator.live.log_source import LogBatch
from anomalyjob_operator.live.subscription import FeedEnded
from anomalyjob_operator.pass_report import Key

pytestmark = pytest.mark.asyncio
KEY = ("default", "demo")


class SilentLog:
    """A log that nobody writes to."""

    async def follow(self, history: int) -> AsyncIterator[LogBatch]:
        """Wait for ever."""
        del history
        await asyncio.Event().wait()
        yield LogBatch(workload="never", lines=())


def silent(key: Key) -> SilentLog:
    return SilentLog()


def clock() -> datetime:
    return at(100)


async def test_a_new_reader_begins_with_the_current_documents() -> None:
    feeds = Feeds(silent, clock)
    feeds.passed(healthy_report())
    feed = feeds.job(KEY)
    assert feed is not None
    with feed.subscribe() as subscription:
        documents = decoded(await subscription.next())

    assert documents["overview"]["status"]["phase"] == "Running"
    assert documents["overview"]["serverTime"] == "2026-01-02T03:01:40.000Z"
    assert documents["log"] == {"serverTime": "2026-01-02T03:01:40.000Z", "dropped": 0, "entries": []}


async def test_a_pass_reaches_whoever_reads() -> None:
    feeds, passes = Feeds(silent, clock), Passes()
    feeds.passed(passes.report(seen(), at(20)))
    await feeds.start()
    feed = feeds.job(KEY)
    assert feed is not None
    with feed.subscribe() as subscription:
        await subscription.next()
        dead = seen(taskmanagers=taskmanagers(alive=False, alive_since=None, died_at=at(30)))
        feeds.passed(passes.report(dead, at(31)))
        overview = await read_until(subscription, "overview", lambda one: one["status"]["phase"] == "Degraded")
    await feeds.stop()

    states = {one["shortName"]: one["state"] for one in overview["workloads"]}
    assert states["taskmanager-1"] == "down"


async def test_the_list_shows_every_job() -> None:
    feeds = Feeds(silent, clock)
    feeds.passed(healthy_report())
    with feeds.subscribe_jobs() as subscription:
        jobs = decoded(await subscription.next())["jobs"]["jobs"]

    assert [(job["namespace"], job["name"], job["phase"], job["tasksRunning"]) for job in jobs] == [
        ("default", "demo", "Running", 12)
    ]


async def test_the_feed_of_a_forgotten_job_ends() -> None:
    feeds = Feeds(silent, clock)
    feeds.passed(healthy_report())
    await feeds.start()
    feed = feeds.job(KEY)
    assert feed is not None
    with feed.subscribe() as subscription:
        feeds.forget(KEY)
        with pytest.raises(FeedEnded):
            await read_until(subscription, "overview", lambda _: False)
    await feeds.stop()

    assert feeds.keys() == ()


async def test_without_news_a_reader_waits_no_longer_than_asked() -> None:
    feeds = Feeds(silent, clock)
    feeds.passed(healthy_report())
    feed = feeds.job(KEY)
    assert feed is not None
    with feed.subscribe() as subscription:
        await subscription.next()
        assert await subscription.next(wait_seconds=0.01) == []
