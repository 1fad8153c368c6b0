"""Who reads what of a job's feed, and that nobody else is held up by it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
from tests.unit.live_readers import decoded, read_until
from tests.unit.live_reports import Passes, healthy_report
from tests.unit.observations import at, seen, taskmanagers
from tests.unit.played_log import lines_of

from anomalyjob_operator.live import feeds as feeds_module
from anomalyjob_operator.live import job_feed as job_feed_module
from anomalyjob_operator.live.feeds import Feeds
from anomalyjob_operator.live.job_feed import JobFeed
from anomalyjob_operator.live.log_records import RecordReader
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


async def test_who_comes_or_asks_once_sends_the_other_readers_nothing_that_is_not_new() -> None:
    feeds, passes = Feeds(silent, clock), Passes()
    feeds.passed(passes.report(seen(), at(20)))
    feed = feeds.job(KEY)
    assert feed is not None
    with feed.subscribe() as page, feeds.subscribe_jobs() as list_page:
        page.take()
        list_page.take()
        for _ in range(100):
            feed.documents()
            with feed.subscribe() as newcomer, feeds.subscribe_jobs() as other:
                assert set(decoded(newcomer.take())) == {"overview", "checkpoints", "log"}
                assert set(decoded(other.take())) == {"jobs"}
        assert (page.take(), list_page.take()) == ([], [])

        dead = seen(taskmanagers=taskmanagers(alive=False, alive_since=None, died_at=at(30)))
        feeds.passed(passes.report(dead, at(31)))
        assert decoded(list(feed.documents()))["overview"]["status"]["phase"] == "Degraded"
        with feeds.subscribe_jobs() as other:
            assert decoded(other.take())["jobs"]["jobs"][0]["phase"] == "Degraded"


async def test_what_happened_while_nobody_read_is_not_missed() -> None:
    feeds, passes = Feeds(silent, clock), Passes()
    feeds.passed(passes.report(seen(), at(20)))
    await feeds.start()
    feed = feeds.job(KEY)
    assert feed is not None
    feed.documents()
    feeds.subscribe_jobs().close()
    dead = seen(taskmanagers=taskmanagers(alive=False, alive_since=None, died_at=at(30)))
    feeds.passed(passes.report(dead, at(31)))
    async with asyncio.timeout(30):
        while feed._changed.is_set() or feeds._changed.is_set():  # noqa: ASYNC110 - the publishers tell nobody
            await asyncio.sleep(0)
    with feeds.subscribe_jobs() as jobs:
        documents = decoded(list(feed.documents())) | decoded(jobs.take())
    await feeds.stop()

    assert documents["overview"]["status"]["phase"] == documents["jobs"]["jobs"][0]["phase"] == "Degraded"


async def test_what_nobody_has_read_for_a_while_is_put_together_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_feed_module, "LONGEST_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(feeds_module, "LONGEST_PAUSE_SECONDS", 0.0)
    now = [at(100)]
    feeds = Feeds(silent, lambda: now[0])
    feeds.passed(healthy_report())
    feed = feeds.job(KEY)
    assert feed is not None
    feed.documents()
    feeds.subscribe_jobs().close()
    now[0] = at(200)
    with feeds.subscribe_jobs() as jobs:
        documents = decoded(list(feed.documents())) | decoded(jobs.take())

    assert {documents[event]["serverTime"] for event in ("overview", "jobs")} == {"2026-01-02T03:03:20.000Z"}


@pytest.mark.parametrize("spec, known", [({}, {1: ["user1"]}), ({"detection": {"maxCount": 5}}, {})])
async def test_users_are_learnt_anew_when_the_job_changes_and_only_then(
    spec: dict[str, Any], known: dict[int, list[str]]
) -> None:
    feeds = Feeds(silent, clock)
    feeds.passed(healthy_report())
    feed = feeds.job(KEY)
    assert feed is not None
    feed._book.add(RecordReader().read("demo-taskmanager-1", lines_of(1, subtask=1)))
    feeds.passed(Passes(**spec).report(seen(), at(21)))

    assert feed.known.users == known


async def test_the_list_shows_every_job() -> None:
    feeds = Feeds(silent, clock)
    feeds.passed(healthy_report())
    with feeds.subscribe_jobs() as subscription:
        jobs = decoded(await subscription.next())["jobs"]["jobs"]

    assert [(job["namespace"], job["name"], job["phase"], job["tasksRunning"]) for job in jobs] == [
        ("default", "demo", "Running", 12)
    ]


async def test_the_list_of_hundreds_of_jobs_needs_none_of_what_their_pages_show(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def costly(_: JobFeed) -> None:
        raise AssertionError("it sorts the record of checkpoints and the users")

    monkeypatch.setattr(JobFeed, "known", property(costly))
    feeds = Feeds(silent, clock)
    feeds.passed(healthy_report())

    assert b'"demo"' in feeds.jobs_document()


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
