"""What the tests on a cluster compare with must itself be right: a watch that accepts everything proves nothing."""

import json
import os
import struct
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.volume_record import VolumeRecord, job_id, record_of
from tests.e2e.volume_watcher import completed, watch

from anomalyjob import volume_layout

FIRST = job_id("here", "demo", 1)


def checkpoint(number: int, start: int, *, line: str = FIRST, written: int = 0) -> dict[str, Any]:
    path = f"/volume/here.demo/checkpoints/{start}/{line}/chk-{number}"
    return {"id": number, "start": start, "line": line, "path": path, "written": written}


def start(number: int, chosen: dict[str, Any] | None, *before: dict[str, Any], incarnation: int = 1) -> dict[str, Any]:
    path = None if chosen is None else str(chosen["path"]).replace("/volume/", "/var/lib/anomalyjob/volume/")
    choice = None if chosen is None else {"checkpointId": chosen["id"], "path": path}
    return {"record": {"start": number, "incarnation": incarnation, "chosen": choice}, "before": list(before)}


def seen(*documents: dict[str, Any]) -> VolumeRecord:
    return record_of("here", "demo", [json.dumps(document) for document in documents])


def test_a_start_from_the_newest_is_right_under_whatever_path_the_volume_is_mounted() -> None:
    older, newest = checkpoint(4, 1), checkpoint(5, 1)
    assert seen(start(2, newest, older, newest)).wrong_starts() == []


def test_a_start_from_an_older_checkpoint_is_wrong() -> None:
    older, newest = checkpoint(4, 1), checkpoint(5, 1)
    assert len(seen(start(2, older, older, newest)).wrong_starts()) == 1


def test_an_empty_start_is_wrong_when_there_was_a_checkpoint_and_right_when_there_was_none() -> None:
    assert len(seen(start(2, None, checkpoint(4, 1))).wrong_starts()) == 1
    assert seen(start(1, None)).wrong_starts() == []


def test_of_two_checkpoints_with_one_id_the_later_start_s_is_the_newest() -> None:
    earlier, later = checkpoint(5, 1), checkpoint(5, 2)
    assert seen(start(3, later, earlier, later)).wrong_starts() == []
    assert len(seen(start(3, earlier, earlier, later)).wrong_starts()) == 1


def test_checkpoints_of_another_incarnation_do_not_count() -> None:
    foreign = checkpoint(9, 1, line=job_id("here", "demo", 1))
    own = checkpoint(3, 2, line=job_id("here", "demo", 2))
    assert seen(start(3, own, foreign, own, incarnation=2)).wrong_starts() == []


def test_starts_that_were_looked_at_before_are_left_out() -> None:
    older, newest = checkpoint(4, 1), checkpoint(5, 1)
    assert seen(start(2, older, older, newest)).wrong_starts(after=2) == []


def test_the_newest_by_a_time_is_the_highest_id_that_was_written_by_then() -> None:
    record = seen(checkpoint(4, 1, written=100), checkpoint(5, 1, written=200), checkpoint(6, 1, written=300))
    assert [record.newest_by(time) for time in (50, 100, 250, 300)] == [None, 4, 5, 6]


@pytest.mark.parametrize("incarnation", [1, 2, 17])
def test_the_job_id_computed_here_is_the_project_s(incarnation: int) -> None:
    assert job_id("here", "demo", incarnation) == volume_layout.job_id("here", "demo", incarnation)


def write(folder: Path, number: int, header: bytes | None = None) -> Path:
    folder.mkdir(parents=True)
    (folder / "_metadata").write_bytes(header if header is not None else struct.pack(">IiQ", 0x4960672D, 6, number))
    os.utime(folder / "_metadata", (number, number))
    return folder


def test_the_watcher_lists_checkpoints_and_stop_savepoints_by_their_headers(tmp_path: Path) -> None:
    write(tmp_path / "checkpoints" / "2" / FIRST / "chk-1", 7)
    write(tmp_path / "stop" / "1" / "savepoint-abc", 8)
    write(tmp_path / "checkpoints" / "2" / FIRST / "chk-2", 0, header=b"short")
    write(tmp_path / "checkpoints" / "2.pruned" / FIRST / "chk-3", 3)
    write(tmp_path / "savepoints" / "savepoint-user", 99)
    found = [(entry["id"], entry["start"], entry["line"], entry["written"]) for entry in completed(tmp_path)]
    assert found == [(7, 2, FIRST, 7000), (8, 0, "1", 8000)]


def test_the_watcher_tells_what_lay_there_before_a_start_without_its_own_checkpoints(tmp_path: Path) -> None:
    write(tmp_path / "checkpoints" / "1" / FIRST / "chk-4", 4)
    write(tmp_path / "checkpoints" / "2" / FIRST / "chk-5", 5)
    (tmp_path / "starts").mkdir()
    (tmp_path / "starts" / "2.json").write_text('{"start": 2}', encoding="utf-8")
    documents: list[Any] = list(islice(watch(tmp_path), 3))
    assert documents[0]["record"] == {"start": 2}
    assert [entry["id"] for entry in documents[0]["before"]] == [4]
    assert sorted(document["id"] for document in documents[1:]) == [4, 5]
