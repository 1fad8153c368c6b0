"""One job's feed against a recorded Flink: what is shown, how often Flink is asked, and what its silence does."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

import pytest
from tests.unit.fake_flink import Fault
from tests.unit.live_flink import JOB, VERTICES, RecordedFlink, moment
from tests.unit.live_readers import BOUND_SECONDS, decoded, read_until
from tests.unit.live_reports import Passes
from tests.unit.observations import at, seen, taskmanagers
from tests.unit.played_log import PlayedLog, lines_of
from tests.unit.test_live_feeds import silent

from anomalyjob.timestamps import format_time, from_epoch_milliseconds, parse_time
from anomalyjob_operator.live import job_feed as job_feed_module
from anomalyjob_operator.live.feeds import Feeds
from anomalyjob_operator.live.job_feed import SHORTEST_PAUSE_SECONDS, JobFeed
from anomalyjob_operator.live.look import DETAILS_SECONDS, NEEDED_SECONDS
from anomalyjob_operator.live.poller import WATCHED_SECONDS
from anomalyjob_operator.live.subscription import MAXIMUM_LOG_ENTRIES
from anomalyjob_operator.pass_report import PassReport
from anomalyjob_operator.reconcile import utc_now

pytestmark = pytest.mark.asyncio
KEY: Final = ("default", "demo")
SILENCE_IS_SEEN_SECONDS: Final = 3.0


def report(rest_url: str | None) -> PassReport:
    return Passes().report(seen(), at(20), rest_url)


@asynccontextmanager
async def running_feed(flink: RecordedFlink, log: PlayedLog | None = None) -> AsyncIterator[tuple[Feeds, JobFeed]]:
    feeds = Feeds(silent if log is None else lambda _: log)
    feeds.passed(report(flink.url))
    await feeds.start()
    feed = feeds.job(KEY)
    assert feed is not None
    try:
        yield feeds, feed
    finally:
        await feeds.stop()


def time_text(milliseconds: int) -> str:
    return format_time(from_epoch_milliseconds(milliseconds))


def has_tasks(overview: Any) -> bool:
    return overview["pipeline"]["observedAt"] is not None


async def overview_of(flink: RecordedFlink) -> Any:
    """The first overview with everything in it."""
    async with running_feed(flink) as (_, feed):
        with feed.subscribe() as subscription:
            return await read_until(subscription, "overview", has_tasks)


async def test_every_part_of_the_overview_is_there_soon() -> None:
    async with RecordedFlink() as flink:
        overview = await overview_of(flink)

    job = moment("running")[JOB]
    assert overview["flink"]["answering"] is True
    assert overview["flink"]["version"] == "2.3.0"
    assert overview["job"] == {
        "id": JOB.removeprefix("/jobs/"),
        "state": "RUNNING",
        "stateSince": time_text(job["timestamps"]["RUNNING"]),
        "startedAt": time_text(job["start-time"]),
        "tasksRunning": 12,
        "tasksTotal": 12,
    }
    assert overview["lastCheckpoint"]["id"] == 3
    assert overview["restored"] is None


async def test_each_taskmanager_carries_one_source_one_process_and_one_sink_slot() -> None:
    async with RecordedFlink() as flink:
        overview = await overview_of(flink)

    told = moment("running")
    for workload in overview["workloads"][1:]:
        assert [slot["group"] for slot in workload["slots"]] == ["source", "process", "sink"]
        assert workload["slotsTotal"] == 3
    shown = {
        (task["vertexId"], task["subtask"]): workload["name"]
        for workload in overview["workloads"]
        for slot in workload["slots"]
        for task in slot["tasks"]
    }
    assert shown == {
        (vertex, one["subtask"]): one["taskmanager-id"]
        for vertex in VERTICES.values()
        for one in told[f"{JOB}/vertices/{vertex}"]["subtasks"]
    }


async def test_the_clock_shares_the_slot_of_its_source() -> None:
    async with RecordedFlink() as flink:
        overview = await overview_of(flink)

    slots = [slot for workload in overview["workloads"] for slot in workload["slots"] if slot["group"] == "source"]
    assert [[task["vertex"] for task in slot["tasks"]] for slot in slots] == [["clock", "source"]] * 3


async def test_users_are_shown_where_their_records_were_processed() -> None:
    log = PlayedLog()
    log.write(*lines_of(1, user="user1", subtask=0), *lines_of(1, user="user2", subtask=1))
    async with RecordedFlink() as flink, running_feed(flink, log) as (_, feed):
        with feed.subscribe() as subscription:
            overview = await read_until(
                subscription,
                "overview",
                lambda one: has_tasks(one) and one["pipeline"]["vertices"][2]["subtasks"][0]["users"],
            )

    users = {
        vertex["name"]: [subtask["users"] for subtask in vertex["subtasks"]]
        for vertex in overview["pipeline"]["vertices"]
    }
    assert users.pop("clock") == [[], [], []]
    assert set(users) == {"source", "process", "sink"}
    assert list(users.values()) == [[["user1"], ["user2"], []]] * 3


async def test_while_tasks_are_restarted_no_slot_is_filled() -> None:
    async with RecordedFlink("restarting") as flink:
        overview = await overview_of(flink)

    assert [workload["slots"] for workload in overview["workloads"]] == [[], [], [], []]
    assert overview["job"]["state"] == "RESTARTING"
    assert [one["registered"] for one in overview["workloads"]] == [None, True, False, True]
    assert overview["restored"]["checkpointId"] == 3


@pytest.mark.parametrize("fault", ["hangs", "down", "error", "garbage", "wrong shape"])
async def test_silence_of_flink_is_said_within_three_seconds_and_what_was_seen_keeps_its_time(fault: Fault) -> None:
    loop = asyncio.get_running_loop()
    async with RecordedFlink() as flink, running_feed(flink) as (_, feed):
        with feed.subscribe() as subscription:
            before = await read_until(subscription, "overview", has_tasks)
            await flink.set_fault(fault)
            began = loop.time()
            after = await read_until(subscription, "overview", lambda one: not one["flink"]["answering"])
            took = loop.time() - began

    assert max(WATCHED_SECONDS, DETAILS_SECONDS) + NEEDED_SECONDS < SILENCE_IS_SEEN_SECONDS
    assert took < 3 * SILENCE_IS_SEEN_SECONDS
    assert after["flink"]["observedAt"] >= before["flink"]["observedAt"]
    assert after["flink"]["observedAt"] == after["pipeline"]["observedAt"]
    assert parse_time(after["flink"]["observedAt"]) < parse_time(after["serverTime"])


async def test_while_flink_is_silent_documents_go_on_coming() -> None:
    async with RecordedFlink() as flink, running_feed(flink) as (_, feed):
        with feed.subscribe() as subscription:
            await flink.set_fault("hangs")
            async with asyncio.timeout(BOUND_SECONDS):
                times: set[str] = set()
                while len(times) < 4:
                    documents = decoded(await subscription.next())
                    assert documents, "nothing came for two seconds"
                    times |= {document["serverTime"] for document in documents.values()}


async def test_flink_that_answers_again_is_shown_again() -> None:
    async with RecordedFlink() as flink, running_feed(flink) as (_, feed):
        with feed.subscribe() as subscription:
            await flink.set_fault("down")
            await read_until(subscription, "overview", lambda one: not one["flink"]["answering"])
            await flink.set_fault("none")
            await read_until(subscription, "overview", lambda one: one["flink"]["answering"])


async def test_a_dead_jobmanager_does_not_answer_and_its_job_is_not_known() -> None:
    async with RecordedFlink() as flink, running_feed(flink) as (feeds, feed):
        with feed.subscribe() as subscription:
            await read_until(subscription, "overview", has_tasks)
            dead = report(None)
            unseen = dead.status.job.evolve(state=None, tasks_running=None, tasks_total=None, started_at=None)
            feeds.passed(replace(dead, status=dead.status.evolve(job=unseen)))
            overview = await read_until(subscription, "overview", lambda one: not one["flink"]["answering"])

    assert (overview["job"]["state"], overview["job"]["tasksRunning"]) == (None, None)


async def test_the_loss_of_the_jobmanager_keeps_the_record_and_begins_the_counts_anew() -> None:
    async with RecordedFlink("restored") as flink, running_feed(flink) as (_, feed):
        with feed.subscribe() as subscription:
            await read_until(subscription, "checkpoints", lambda one: one["counts"] and one["counts"]["completed"] == 4)
            flink.becomes("initializing")
            await read_until(subscription, "overview", lambda one: one["job"]["state"] == "INITIALIZING")
            flink.becomes("second_start")
            document = await read_until(
                subscription, "checkpoints", lambda one: one["counts"]["completed"] == 0 and one["counts"]["restored"]
            )
            overview = await read_until(subscription, "overview", lambda one: one["job"]["tasksRunning"] == 12)

    assert [(one["entry"], one["id"]) for one in document["entries"]][:3] == [
        ("restore", 4),
        ("checkpoint", 4),
        ("restore", 3),
    ]
    assert document["kept"]["completed"] == 4
    assert (overview["restored"]["checkpointId"], overview["restored"]["savepoint"]) == (4, False)
    assert overview["lastCheckpoint"]["id"] == 4


async def test_fifty_readers_ask_flink_no_more_than_one() -> None:
    async with RecordedFlink() as flink, running_feed(flink) as (_, feed):
        with feed.subscribe() as first:
            await read_until(first, "overview", has_tasks)
            readers = [feed.subscribe() for _ in range(50)]
            begin = flink.asked_for("/jobs/overview")
            async with asyncio.timeout(BOUND_SECONDS):
                before = asyncio.get_running_loop().time()
                await asyncio.gather(*(read_until(reader, "overview", third_look()) for reader in readers))
                seconds = asyncio.get_running_loop().time() - before
            asked = flink.asked_for("/jobs/overview") - begin

    assert asked <= seconds + 2


def third_look() -> Any:
    """Whether the overviews handed in have told of three looks."""
    looks: set[str] = set()

    def holds(overview: Any) -> bool:
        looks.add(overview["flink"]["observedAt"])
        return len(looks) >= 3

    return holds


async def test_pages_that_are_opened_and_closed_all_the_time_do_not_hurry_the_poller() -> None:
    loop = asyncio.get_running_loop()
    async with RecordedFlink() as flink, running_feed(flink) as (_, feed):
        began = loop.time()
        while loop.time() < began + 2.5:
            with feed.subscribe() as subscription:
                await subscription.next(wait_seconds=0.01)
            feed.documents()
            await asyncio.sleep(0.01)

    assert 1 <= flink.asked_for("/jobs/overview") <= 4


async def test_a_pass_that_tells_nothing_but_its_time_waits_for_the_next_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_feed_module, "LONGEST_PAUSE_SECONDS", 10 * BOUND_SECONDS)
    first = report(None)
    later = [replace(first, at=at(20 + seconds)) for seconds in (1, 2, 3)]
    lost = replace(first, observed=seen(taskmanagers=taskmanagers(alive=False)), at=at(24))
    feeds = Feeds(silent)
    feeds.passed(first)
    await feeds.start()
    feed = feeds.job(KEY)
    assert feed is not None
    with feed.subscribe() as subscription:
        await read_until(subscription, "overview", bool)
        for passed in later:
            feeds.passed(passed)
            assert decoded(await subscription.next(wait_seconds=2 * SHORTEST_PAUSE_SECONDS)).get("overview") is None
        feeds.passed(lost)
        shown = await read_until(subscription, "overview", bool)
    await feeds.stop()

    assert shown["status"]["observedAt"] == format_time(at(24))


async def test_readers_get_the_same_bytes() -> None:
    async with RecordedFlink() as flink, running_feed(flink) as (_, feed):
        with feed.subscribe() as one, feed.subscribe() as other:
            await read_until(one, "overview", has_tasks)
            one.take()
            other.take()
            mine = {message.event: message.data for message in await one.next()}
            theirs = {message.event: message.data for message in other.take()}

    assert mine["overview"] is theirs["overview"]


async def test_a_reader_that_does_not_read_keeps_the_newest_and_counts_what_it_missed() -> None:
    log = PlayedLog()
    async with RecordedFlink() as flink, running_feed(flink, log) as (_, feed):
        with feed.subscribe() as sleeper, feed.subscribe() as reader:
            for index in range(1_000):
                log.write(*lines_of(index))
            seen_entries = 0
            async with asyncio.timeout(BOUND_SECONDS):
                while seen_entries < 1_998:
                    document = decoded(await reader.next()).get("log", {"entries": [], "dropped": 0})
                    seen_entries += len(document["entries"]) + document["dropped"]
            missed = decoded(sleeper.take())["log"]

    assert len(missed["entries"]) == MAXIMUM_LOG_ENTRIES
    assert missed["dropped"] >= 1_998 - MAXIMUM_LOG_ENTRIES - 2
    assert missed["entries"][-1]["index"] >= 998


async def test_whoever_asks_once_gets_all_three_documents() -> None:
    async with RecordedFlink() as flink, running_feed(flink) as (_, feed):
        documents = {message.event: json.loads(message.data) for message in feed.documents()}

    assert set(documents) == {"overview", "checkpoints", "log"}
    assert documents["log"]["entries"] == []


async def test_an_alert_reaches_its_listeners_with_no_reader() -> None:
    log, told = PlayedLog(), asyncio.Event()
    async with RecordedFlink() as flink:
        feeds = Feeds(lambda _: log)
        feeds.follow_log(KEY, wanted=True)
        feeds.on_alert(lambda key, alert: told.set() if (key, alert.index) == (KEY, 7) else None)
        feeds.passed(report(flink.url))
        await feeds.start()
        now = (utc_now() - at(0)).total_seconds()
        log.write(*lines_of(7, count=3, second=now))
        try:
            async with asyncio.timeout(BOUND_SECONDS):
                await told.wait()
        finally:
            await feeds.stop()


async def test_a_listener_that_fails_harms_nobody() -> None:
    log, told = PlayedLog(), asyncio.Event()

    def fail(*_: object) -> None:
        raise RuntimeError("broken listener")

    async with RecordedFlink() as flink:
        feeds = Feeds(lambda _: log)
        feeds.on_alert(fail)
        feeds.on_alert(lambda _key, _alert: told.set())
        feeds.follow_log(KEY, wanted=True)
        feeds.passed(report(flink.url))
        await feeds.start()
        log.write(*lines_of(7, count=3, second=(utc_now() - at(0)).total_seconds()))
        try:
            async with asyncio.timeout(BOUND_SECONDS):
                await told.wait()
        finally:
            await feeds.stop()
