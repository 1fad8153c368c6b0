"""Two jobs of one home side by side: neither is taken for the other, and all that listens does so on 127.0.0.1."""

import json
from collections.abc import Iterator
from ipaddress import ip_address
from itertools import chain

import pytest
from tests.flink.local_job import LocalJob
from tests.flink.processes import Process, descendants, listening_addresses, look_at
from tests.flink.small_job import TASKS, assert_audit_is_clean, small_resource

pytestmark = [pytest.mark.flink, pytest.mark.timeout(300)]

Jobs = tuple[LocalJob, LocalJob]
LOOPBACK = ip_address("127.0.0.1")


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    """Two jobs that run."""
    folder = tmp_path_factory.mktemp("two-jobs")
    with LocalJob(folder, small_resource("one")) as one, LocalJob(folder, small_resource("two")) as two:
        for job in (one, two):
            job.up()
        for job in (one, two):
            job.wait_running(tasks=TASKS)
            job.wait_checkpoint_after(1)
        yield one, two


def ports_of(job: LocalJob) -> dict[str, int]:
    ports: dict[str, int] = json.loads((job.state / "ports.json").read_text(encoding="utf-8"))
    return ports


def processes_below(job: LocalJob) -> list[Process]:
    """The supervisor and all that it started."""
    assert job.process is not None
    supervisor = look_at(job.process.pid)
    assert supervisor is not None
    return [supervisor, *descendants(supervisor.pid)]


def test_the_ports_differ_and_each_address_shows_its_own_job(jobs: Jobs) -> None:
    assert jobs[0].home == jobs[1].home
    ports = [*chain.from_iterable(ports_of(job).values() for job in jobs)]
    assert len(set(ports)) == len(ports)
    for job in jobs:
        overview = job.rest("/jobs/overview")
        assert [found["name"] for found in overview["jobs"]] == [f"default.{job.name}"]
        assert job.rest("/overview")["taskmanagers"] == 1


def test_status_shows_both_and_each_by_its_name(jobs: Jobs) -> None:
    lines = [line.split() for line in jobs[0].run("status").stdout.splitlines()]
    assert [line[:5] for line in lines[1:]] == [
        ["default", "one", "Running", "RUNNING", "1/1"],
        ["default", "two", "Running", "RUNNING", "1/1"],
    ]
    for job in jobs:
        document = json.loads(job.run("status", job.name, "-o", "json").stdout)
        assert [document["job"]["id"]] == [found["jid"] for found in job.rest("/jobs/overview")["jobs"]]
        assert document["lastCheckpoint"]["path"].startswith(f"file:{job.state}/")


def test_a_command_that_does_not_say_which_job_is_refused(jobs: Jobs) -> None:
    result = jobs[0].run("kill", "all")
    assert result.returncode == 2
    assert "there are 2 such jobs: default/one, default/two. Name one" in result.stderr


def test_whatever_listens_does_so_on_the_loopback_address_only(jobs: Jobs) -> None:
    for job in jobs:
        addresses = {process.command: listening_addresses(process) for process in processes_below(job)}
        found = set().union(*addresses.values())
        # The test sees sockets at all: those of the recorded ports are among them.
        assert {(LOOPBACK, port) for port in ports_of(job).values()} <= found
        assert {address for address, _ in found} == {LOOPBACK}, addresses


def test_logs_are_those_of_the_named_job(jobs: Jobs) -> None:
    logged = jobs[0].run("logs", "one").stdout.splitlines()
    own = (jobs[0].state / "logs" / "one-taskmanager-1.log").read_text(encoding="utf-8").splitlines()
    assert [line for line in logged if line.startswith('{"kind": "process"')]
    assert set(logged) <= set(own)


def test_a_killed_process_of_one_job_is_nothing_to_the_other(jobs: Jobs) -> None:
    one, two = jobs
    before, checkpoint = two.pids(), two.wait_checkpoint_after(0)
    victim = one.pids()["taskmanager-1"]
    result = one.run("kill", "taskmanager-1", "--name", "one")
    assert result.stdout == f"killed taskmanager-1 (process {victim})\n"
    one.wait("the loss of the tasks", lambda: one.tasks_running() < TASKS, 60)
    one.wait_running(tasks=TASKS)
    two.wait_checkpoint_after(checkpoint)
    assert two.pids() == before
    assert (two.checkpoints() or {})["counts"]["restored"] == 0
    assert two.tasks_running() == TASKS


def test_one_job_is_stopped_by_its_name_and_the_other_runs_on(jobs: Jobs) -> None:
    one, two = jobs
    result = one.run("down", "one")
    assert result.returncode == 0, result.stderr
    assert one.process is not None
    assert one.process.wait(10) == 0
    assert two.tasks_running() == TASKS
    for job in jobs:
        assert_audit_is_clean(job)
    assert two.interrupt() == 0
