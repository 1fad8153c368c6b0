"""The supervisor with real, tiny processes: started, started again, replaced, stopped, and never left behind."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from anomalyjob_operator.local.process_identity import identify, is_alive, kill_group, kill_process
from anomalyjob_operator.local.process_table import (
    RecordedProcess,
    end_recorded_processes,
    read_process_table,
    write_process_table,
)
from anomalyjob_operator.local.state_folder import StateFolder
from anomalyjob_operator.local.supervisor import Supervisor
from anomalyjob_operator.local.workload_process import Launch, restart_delay_seconds
from anomalyjob_operator.observed import Refusal, WorkloadObservation

PATIENCE_SECONDS = 20.0
SLEEP = "import time; time.sleep(600)"
IGNORE_TERMINATION = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True)\n" + SLEEP
)
WITH_GRANDCHILD = (
    "import subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    "print('grandchild', child.pid, flush=True)\n"
    "time.sleep(600)\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    folder = StateFolder(home=tmp_path, namespace="default", name="demo")
    folder.prepare()
    return folder


def _launch(code: str, *, name: str = "demo-taskmanager-1", content_hash: str = "1", grace: float = 5.0) -> Launch:
    return Launch(
        name=name,
        role="taskmanager",
        content_hash=content_hash,
        command=(sys.executable, "-c", code),
        environment={"GREETING": "hello"},
        grace_seconds=grace,
    )


@asynccontextmanager
async def _supervising(folder: StateFolder, told: list[str] | None = None) -> AsyncIterator[Supervisor]:
    lines = [] if told is None else told
    async with Supervisor(folder, lines.append) as supervisor:
        yield supervisor


async def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition never became true"
        await asyncio.sleep(0.02)


def _wait(condition: Callable[[], bool]) -> None:
    asyncio.run(_until(condition))


def _only(supervisor: Supervisor) -> WorkloadObservation:
    (observation,) = supervisor.observe()
    return observation


def _log(folder: StateFolder, name: str = "demo-taskmanager-1") -> str:
    file = folder.log_file(name)
    return file.read_text() if file.exists() else ""


def _recorded(folder: StateFolder) -> RecordedProcess:
    (process,) = read_process_table(folder.processes_file)
    return process


@pytest.mark.parametrize(
    "short_lives,seconds", [(0, 0), (1, 0), (2, 1), (3, 2), (4, 4), (5, 8), (6, 10), (7, 10), (10_000, 10)]
)
def test_the_first_restart_is_immediate_and_later_ones_wait_at_most_ten_seconds(short_lives: int, seconds: int) -> None:
    assert restart_delay_seconds(short_lives) == seconds


def test_what_is_missing_is_started_with_its_environment_and_recorded(folder: StateFolder) -> None:
    code = "import os; print(os.environ['GREETING'], os.environ['ANOMALYJOB_PARENT_PID'], flush=True)\n" + SLEEP

    async def scenario() -> None:
        async with _supervising(folder) as supervisor:
            await supervisor.apply([_launch(code)])
            observation = _only(supervisor)
            assert observation.alive
            assert observation.alive_since is not None
            assert observation.restarts == 0
            assert observation.content_hash == "1"
            process = _recorded(folder)
            assert process.name == "demo-taskmanager-1"
            assert is_alive(process.identity)
            await _until(lambda: f"hello {os.getpid()}\n" in _log(folder))
            await supervisor.apply([_launch(code)])
            assert _recorded(folder) == process, "what is as wanted is left alone"
        assert read_process_table(folder.processes_file) == ()
        assert not is_alive(process.identity)

    asyncio.run(scenario())


def test_a_killed_process_is_started_again_at_once(folder: StateFolder) -> None:
    told: list[str] = []

    async def scenario() -> None:
        async with _supervising(folder, told) as supervisor:
            await supervisor.apply([_launch(SLEEP)])
            before = _recorded(folder)
            killed_at = time.monotonic()
            assert kill_process(before.identity, signal.SIGKILL)
            await _until(lambda: _only(supervisor).restarts == 1)
            assert time.monotonic() - killed_at < 1
            observation = _only(supervisor)
            assert observation.alive
            assert observation.died_at is not None
            assert _recorded(folder).identity != before.identity

    asyncio.run(scenario())
    assert any("taskmanager-1 ended (signal SIGKILL); starting it again at once" in line for line in told)


def test_a_process_that_keeps_dying_is_not_started_in_a_tight_loop(folder: StateFolder) -> None:
    async def scenario() -> None:
        async with _supervising(folder) as supervisor:
            await supervisor.apply([_launch("import sys; sys.exit(3)")])
            await _until(lambda: _only(supervisor).restarts == 1 and not _only(supervisor).alive)
            second_death = time.monotonic()
            await _until(lambda: _only(supervisor).restarts == 2)
            assert time.monotonic() - second_death > 0.8

    asyncio.run(scenario())


def test_a_process_that_died_just_before_it_is_stopped_is_no_trouble(folder: StateFolder) -> None:
    async def scenario() -> None:
        async with _supervising(folder) as supervisor:
            await supervisor.apply([_launch("print('bye', flush=True)")])
            pid = _recorded(folder).identity.pid
            # Blocks the loop on purpose: nobody may have noticed the death when `stop` is called.
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222
            await supervisor.stop()
            assert supervisor.observe() == ()

    asyncio.run(scenario())


def test_a_process_that_is_being_stopped_is_not_started_again(folder: StateFolder) -> None:
    told: list[str] = []
    takes_its_time = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (time.sleep({delay}), sys.exit(0)))\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)\n"
    )
    names = [f"demo-taskmanager-{number}" for number in range(8)]

    async def scenario() -> None:
        async with _supervising(folder, told) as supervisor:
            await supervisor.apply(
                [_launch(takes_its_time.format(delay=number * 0.03), name=name) for number, name in enumerate(names)]
            )
            await _until(lambda: all("ready" in _log(folder, name) for name in names))
            await supervisor.stop()

    asyncio.run(scenario())
    assert len(told) == len(names), "each was started once, and nothing else happened"


def test_a_changed_workload_is_replaced_and_an_extra_one_removed(folder: StateFolder) -> None:
    async def scenario() -> None:
        async with _supervising(folder) as supervisor:
            await supervisor.apply([_launch(SLEEP), _launch(SLEEP, name="demo-taskmanager-2")])
            first, extra = read_process_table(folder.processes_file)
            await supervisor.apply([_launch(SLEEP, content_hash="2")])
            assert not is_alive(first.identity)
            assert not is_alive(extra.identity)
            assert _only(supervisor).content_hash == "2"
            assert is_alive(_recorded(folder).identity)

    asyncio.run(scenario())


def test_a_process_that_ignores_termination_is_killed_after_its_grace(folder: StateFolder) -> None:
    told: list[str] = []

    async def scenario() -> None:
        async with _supervising(folder, told) as supervisor:
            await supervisor.apply([_launch(IGNORE_TERMINATION, grace=0.3)])
            process = _recorded(folder)
            await _until(lambda: "deaf" in _log(folder))
            await supervisor.stop()
            assert not is_alive(process.identity)

    asyncio.run(scenario())
    assert "taskmanager-1 did not end within 0.3 s: killed" in told


def test_what_a_dead_process_started_is_ended_before_its_successor_starts(folder: StateFolder) -> None:
    async def scenario() -> None:
        async with _supervising(folder) as supervisor:
            await supervisor.apply([_launch(WITH_GRANDCHILD)])
            await _until(lambda: "grandchild" in _log(folder))
            grandchild = identify(int(_log(folder).split()[1]))
            assert grandchild is not None
            assert is_alive(grandchild)
            kill_process(_recorded(folder).identity, signal.SIGKILL)
            await _until(lambda: _only(supervisor).restarts == 1)
            await _until(lambda: not is_alive(grandchild))

    asyncio.run(scenario())


def test_a_refusal_is_reported_until_a_later_start_gets_past_the_launcher(folder: StateFolder) -> None:
    go = folder.path / "go"
    refuse = json.dumps({"reason": "VolumeReadOnly", "message": "the volume is read-only"})
    code = (
        "import os, pathlib, sys, time\n"
        f"if pathlib.Path({str(go)!r}).exists():\n"
        "    os.execv('/bin/sleep', ['sleep', '600'])\n"
        f"pathlib.Path({str(folder.termination_log('demo-taskmanager-1'))!r}).write_text({refuse!r})\n"
        "sys.exit(1)\n"
    )

    told: list[str] = []

    async def scenario() -> None:
        async with _supervising(folder, told) as supervisor:
            await supervisor.apply([_launch(code)])
            refusal = Refusal(reason="VolumeReadOnly", message="the volume is read-only")
            await _until(lambda: _only(supervisor).refusal == refusal)
            await _until(lambda: _only(supervisor).restarts == 2)
            assert told[1:] == ["taskmanager-1 would not start (VolumeReadOnly); trying again until it can"]
            go.touch()
            await _until(lambda: _only(supervisor).alive and _only(supervisor).refusal is None)

    asyncio.run(scenario())


def test_temporary_files_of_an_earlier_start_are_gone(folder: StateFolder) -> None:
    stale = folder.temporary / "demo-taskmanager-1" / "stale"
    stale.parent.mkdir()
    stale.touch()

    async def scenario() -> None:
        async with _supervising(folder) as supervisor:
            await supervisor.apply([_launch(SLEEP)])
            assert stale.parent.is_dir()
            assert not stale.exists()

    asyncio.run(scenario())


def test_a_program_that_is_not_there_is_told_and_nothing_else_suffers(folder: StateFolder) -> None:
    told: list[str] = []
    missing = Launch(
        name="demo-jobmanager",
        role="jobmanager",
        content_hash="1",
        command=("/nonexistent/python",),
        environment={},
        grace_seconds=1,
    )

    async def scenario() -> None:
        async with _supervising(folder, told) as supervisor:
            await supervisor.apply([missing, _launch(SLEEP)])
            assert [observation.alive for observation in supervisor.observe()] == [False, True]

    asyncio.run(scenario())
    assert any("jobmanager cannot be started" in line and "/nonexistent/python" in line for line in told)


SUPERVISE = """
import asyncio, pathlib, sys
from anomalyjob_operator.local.state_folder import StateFolder
from anomalyjob_operator.local.supervisor import Supervisor
from anomalyjob_operator.local.workload_process import Launch

async def main():
    folder = StateFolder(home=pathlib.Path(sys.argv[1]), namespace="default", name="demo")
    async with Supervisor(folder, lambda line: None) as supervisor:
        await supervisor.apply([Launch(
            name="demo-taskmanager-1", role="taskmanager", content_hash="1",
            command=(sys.executable, "-c", sys.argv[2]), environment={}, grace_seconds=5,
        )])
        print("up", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


def test_a_killed_supervisor_leaves_no_process_behind_not_even_grandchildren(folder: StateFolder) -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISE, str(folder.home), WITH_GRANDCHILD], stdout=subprocess.PIPE
    )
    with supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == b"up\n"
        child = _recorded(folder).identity
        _wait(lambda: "grandchild" in _log(folder))
        grandchild = identify(int(_log(folder).split()[1]))
        assert grandchild is not None
        supervisor.kill()
        killed_at = time.monotonic()
        _wait(lambda: not is_alive(child) and not is_alive(grandchild))
        assert time.monotonic() - killed_at < 5


def test_a_recorded_process_whose_pid_now_belongs_to_another_is_left_alone(folder: StateFolder) -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEP], start_new_session=True) as stranger:
        identity = identify(stranger.pid)
        assert identity is not None
        earlier = type(identity)(pid=stranger.pid, start_ticks=identity.start_ticks - 1, boot_id=identity.boot_id)
        entry = RecordedProcess(
            name="demo-jobmanager", role="jobmanager", identity=earlier, content_hash="1", started_at="then"
        )
        write_process_table(folder.processes_file, [entry])
        assert end_recorded_processes(folder.processes_file, folder.path) == ()
        assert not kill_process(earlier, signal.SIGKILL)
        assert is_alive(identity)
        stranger.kill()


def test_a_recorded_process_of_an_earlier_boot_is_left_alone(folder: StateFolder) -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEP], start_new_session=True) as stranger:
        identity = identify(stranger.pid)
        assert identity is not None
        earlier = type(identity)(pid=stranger.pid, start_ticks=identity.start_ticks, boot_id="another")
        assert kill_group(earlier, folder.path) == 0
        assert is_alive(identity)
        stranger.kill()


@pytest.mark.parametrize("inside,hit", [("/config/1", True), ("2/config/1", False), ("", False)])
def test_of_a_dead_leaders_group_only_this_jobs_own_processes_are_hit(
    folder: StateFolder, inside: str, hit: bool
) -> None:
    environment = {**os.environ, "ANOMALYJOB_CONFIG_DIR": f"{folder.path}{inside}"}
    with subprocess.Popen(
        [sys.executable, "-c", WITH_GRANDCHILD], env=environment, start_new_session=True, stdout=subprocess.PIPE
    ) as leader:
        assert leader.stdout is not None
        grandchild = identify(int(leader.stdout.readline().split()[1]))
        identity = identify(leader.pid)
        assert grandchild is not None
        assert identity is not None
        leader.kill()
        leader.wait()
        try:
            assert kill_group(identity, folder.path) == int(hit)
            if hit:
                _wait(lambda: not is_alive(grandchild))
            assert is_alive(grandchild) != hit
        finally:
            kill_process(grandchild, signal.SIGKILL)


def test_workloads_start_only_from_the_main_thread(folder: StateFolder) -> None:
    async def scenario() -> None:
        async with _supervising(folder) as supervisor:
            with pytest.raises(RuntimeError, match="main thread"):
                await asyncio.to_thread(lambda: asyncio.run(supervisor.apply([_launch(SLEEP)])))

    asyncio.run(scenario())
