from typing import Any

from tests.e2e.flink_tasks import NONE, checkpoints_of, tasks_of
from tests.e2e.results import Row, table


def answer(running: int = 3, started: int = 100) -> dict[str, Any]:
    tasks = {"RUNNING": running, "DEPLOYING": 3 - running}
    vertex = {"parallelism": 3, "tasks": tasks, "start-time": started}
    return {"vertices": [{"id": "source", **vertex}, {"id": "sink", **vertex}]}


def test_all_tasks_run_only_when_there_are_some_and_each_runs() -> None:
    assert tasks_of(answer()).all_running
    assert not tasks_of(answer(running=2)).all_running
    assert not tasks_of(None).all_running
    assert not tasks_of({"vertices": []}).all_running


def test_tasks_run_anew_only_when_every_vertex_has_been_started_since() -> None:
    before, half = tasks_of(answer()), answer(started=200)
    half["vertices"][0]["start-time"] = 100
    assert tasks_of(answer(started=200)).all_anew(before)
    assert not tasks_of(answer()).all_anew(before)
    assert not tasks_of(half).all_anew(before)
    assert not tasks_of(answer(running=2, started=200)).all_anew(before)
    assert not NONE.all_anew(before)


def test_a_job_without_checkpoints_has_none() -> None:
    statistics = {"counts": {"failed": 2}, "latest": {"completed": None, "restored": None}}
    found = checkpoints_of(statistics)
    assert (found.completed, found.restored, found.failed) == (None, None, 2)
    assert checkpoints_of(None).completed is None


def test_the_table_leaves_open_what_was_not_told() -> None:
    row = Row(case="7", what="JobManager deleted, no operator", seconds_to_running=17.72, load=1.5)
    assert table([row])[2] == "| 7 | JobManager deleted, no operator | 17.7 s | - | - | - | - | - | 1.5 |"
