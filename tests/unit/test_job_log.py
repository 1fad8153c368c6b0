"""The live log's source on this machine: log files that grow, appear, are cut, and hold anything."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from anomalyjob_operator.live.log_source import LogBatch
from anomalyjob_operator.local import job_log as module
from anomalyjob_operator.local.job_log import HISTORY_BYTES, MAXIMUM_BATCH_LINES, MAXIMUM_LINE_CHARACTERS, JobLog
from anomalyjob_operator.local.log_files import bound_log
from anomalyjob_operator.local.log_tail import taskmanager_logs
from anomalyjob_operator.local.state_folder import StateFolder

pytestmark = pytest.mark.asyncio

BOUND_SECONDS = 30.0
FIRST = "demo-taskmanager-1"


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateFolder:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    folder = StateFolder(home=tmp_path, namespace="default", name="demo")
    folder.logs.mkdir(parents=True)
    return folder


def write(logs: StateFolder, text: str, workload: str = FIRST) -> None:
    with logs.log_file(workload).open("a", encoding="utf-8") as stream:
        stream.write(text)


@asynccontextmanager
async def follow(logs: StateFolder, history: int = 100) -> AsyncIterator[AsyncIterator[LogBatch]]:
    async with aclosing(JobLog(logs).follow(history)) as following:  # type: ignore[type-var]
        yield following


async def take(following: AsyncIterator[LogBatch]) -> tuple[str, list[str]]:
    batch = await asyncio.wait_for(anext(following), BOUND_SECONDS)
    return batch.workload, list(batch.lines)


async def taking(following: AsyncIterator[LogBatch]) -> asyncio.Future[tuple[str, list[str]]]:
    """Begin to wait for a batch; return when it has been looked for."""
    waiting, looks = asyncio.ensure_future(take(following)), 0

    def counted(folder: Path, job: str) -> list[Path]:
        nonlocal looks
        looks += 1
        return taskmanager_logs(folder, job)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "taskmanager_logs", counted)
        async with asyncio.timeout(BOUND_SECONDS):
            while looks < 2:  # noqa: ASYNC110 - a log tells nobody who looks at it
                await asyncio.sleep(0.01)
    return waiting


async def test_it_begins_with_the_last_lines_of_each_log_and_goes_on(logs: StateFolder) -> None:
    write(logs, "one\ntwo\nthree\n")
    write(logs, "four\n", "demo-taskmanager-2")
    write(logs, "not a TaskManager\n", "demo-jobmanager")
    async with follow(logs, history=2) as following:
        assert await take(following) == (FIRST, ["two", "three"])
        assert await take(following) == ("demo-taskmanager-2", ["four"])
        write(logs, "five\nsi")
        assert await take(following) == (FIRST, ["five"])
        write(logs, "x\n")
        assert await take(following) == (FIRST, ["six"])


async def test_without_history_only_what_comes_is_told(logs: StateFolder) -> None:
    write(logs, "old\n")
    async with follow(logs, history=0) as following:
        waiting = await taking(following)
        write(logs, "new\n")
        assert await waiting == (FIRST, ["new"])


async def test_a_log_that_appears_is_read_whole(logs: StateFolder) -> None:
    async with follow(logs, history=1) as following:
        waiting = await taking(following)
        write(logs, "one\ntwo\n")
        assert await waiting == (FIRST, ["one", "two"])


async def test_a_log_that_is_cut_goes_on(logs: StateFolder) -> None:
    write(logs, "a long line before the cut\n")
    async with follow(logs) as following:
        await take(following)
        bound_log(logs.log_file(FIRST), maximum_bytes=1)
        write(logs, "after\n")
        assert await take(following) == (FIRST, ["after"])


async def test_only_the_end_of_a_long_log_is_read_at_the_beginning(logs: StateFolder) -> None:
    write(logs, "early\n" + "x" * HISTORY_BYTES + "\nlate\n")
    async with follow(logs) as following:
        _, lines = await take(following)
        assert lines[-1] == "late"
        assert "early" not in lines


async def test_lines_and_batches_are_bounded(logs: StateFolder) -> None:
    write(logs, "y" * (MAXIMUM_LINE_CHARACTERS + 1) + "\n" + "z\n" * MAXIMUM_BATCH_LINES)
    async with follow(logs, history=10_000) as following:
        _, lines = await take(following)
        assert (len(lines), len(lines[0])) == (MAXIMUM_BATCH_LINES, MAXIMUM_LINE_CHARACTERS)
        assert await take(following) == (FIRST, ["z"])
