import os
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from anomalyjob.checkpoint_catalogue import (
    list_candidates,
    local_path,
    look_at,
    start_folders,
    triggered_since,
    verify,
    verify_newest,
)
from anomalyjob.checkpoint_choice import Candidate, Choice, Condition, IncarnationFacts, choose
from anomalyjob.config import StartRule
from anomalyjob.volume_layout import JobFolder


def file_handle(path: str, size: int) -> bytes:
    return b"\x02" + struct.pack(">qH", size, len(path)) + path.encode()


def relative_handle(path: str, size: int) -> bytes:
    return b"\x06" + struct.pack(">H", len(path)) + path.encode() + struct.pack(">q", size)


def metadata(identifier: int, *handles: bytes, version: int = 6) -> bytes:
    """A whole metadata file; each handle is the coordinator state of an operator without subtasks."""
    operators = b"".join(bytes(4 + 16 + 8) + handle + bytes(4) for handle in handles)
    head = struct.pack(">IiQii", 0x4960672D, version, identifier, 0, len(handles))
    return head + operators + b"\xac\xed\x00\x05\x70"


def write(folder: Path, content: bytes | None) -> Path:
    folder.mkdir(parents=True)
    if content is not None:
        (folder / "_metadata").write_bytes(content)
    return folder


@pytest.fixture
def job(tmp_path: Path) -> JobFolder:
    return JobFolder(volume=tmp_path, namespace="default", name="demo")


def checkpoint(job: JobFolder, start: int, number: int, content: bytes | None, incarnation: int = 1) -> Path:
    return write(job.start_folder(start) / job.job_id(incarnation) / f"chk-{number}", content)


def look(folder: Path) -> Candidate:
    found = look_at(str(folder))
    return verify(found, deadline=float("inf"))


def test_all_checkpoints_and_stop_savepoints_of_the_incarnation_are_listed(job: JobFolder) -> None:
    paths = {
        str(checkpoint(job, 1, 3, metadata(3))): (3, 1, Condition.UNCHECKED),
        str(checkpoint(job, 1, 4, None)): (None, 1, Condition.UNFINISHED),
        str(checkpoint(job, 12, 5, b"zeros" * 9)): (None, 12, Condition.BROKEN),
        str(write(job.stop_savepoints(1) / "savepoint-ab-cd", metadata(6))): (6, None, Condition.UNCHECKED),
    }
    checkpoint(job, 2, 9, metadata(9), incarnation=2)
    write(job.stop_savepoints(2) / "savepoint-ab-cd", metadata(9))
    write(job.path / "savepoints" / "savepoint-ab-cd", metadata(9))
    write(job.start_folder(1) / job.job_id(1) / "shared", None)
    write(job.start_folder(1) / job.job_id(1) / "chk-x", metadata(9))
    write(job.checkpoints / "1.pruned" / job.job_id(1) / "chk-9", metadata(9))

    found = list_candidates(job, 1)

    assert {item.path: (item.checkpoint_id, item.start, item.condition) for item in found} == paths


def test_the_id_comes_from_the_header_and_not_from_the_folder(job: JobFolder) -> None:
    checkpoint(job, 1, 3, metadata(17))

    assert [item.checkpoint_id for item in list_candidates(job, 1)] == [17]


def test_an_empty_volume_has_no_candidates(job: JobFolder) -> None:
    assert list_candidates(job, 1) == []
    assert start_folders(job) == {}


def test_start_folders_are_found_by_number(job: JobFolder) -> None:
    for name in ("1", "10", "x", "02", "3.pruned"):
        (job.checkpoints / name).mkdir(parents=True)
    (job.checkpoints / "4").write_text("a file", encoding="utf-8")

    assert start_folders(job) == {1: job.start_folder(1), 10: job.start_folder(10)}


def test_a_checkpoint_with_all_its_files_is_verified(tmp_path: Path) -> None:
    folder = tmp_path / "chk-3"
    handles = [relative_handle("one", 3), file_handle(f"file:{folder}/two", 4), file_handle(f"file://{folder}/two", 4)]
    write(folder, metadata(3, *handles))
    (folder / "one").write_bytes(b"123")
    (folder / "two").write_bytes(b"1234")

    assert look(folder) == Candidate(
        path=str(folder), checkpoint_id=3, start=None, condition=Condition.VERIFIED, note=""
    )


@pytest.mark.parametrize(
    "content,note",
    [
        pytest.param(None, "its state file {file} is missing", id="a state file is missing"),
        pytest.param(b"12", "its state file {file} has 2 of 3 bytes", id="a state file is cut off"),
        pytest.param(b"", "its state file {file} has 0 of 3 bytes", id="a state file is empty"),
    ],
)
@pytest.mark.parametrize("relative", [True, False])
def test_a_damaged_state_file_breaks_a_checkpoint(
    tmp_path: Path, content: bytes | None, note: str, relative: bool
) -> None:
    folder = tmp_path / "chk-3"
    write(folder, metadata(3, relative_handle("one", 3) if relative else file_handle(f"file:{folder}/one", 3)))
    if content is not None:
        (folder / "one").write_bytes(content)

    found = look(folder)

    assert (found.condition, found.note) == (Condition.BROKEN, note.format(file=folder / "one"))


@pytest.mark.parametrize(
    "name,note",
    [("one\0", "it names the file '{folder}/one\\x00', which cannot be"), ("x" * 300, "a file whose name is too long")],
)
@pytest.mark.parametrize("relative", [True, False])
def test_metadata_that_names_an_impossible_file_is_damage_and_no_stumbling_disk(
    tmp_path: Path, name: str, note: str, relative: bool
) -> None:
    folder = tmp_path / "chk-3"
    write(folder, metadata(3, relative_handle(name, 3) if relative else file_handle(f"file:{folder}/{name}", 3)))

    found = look(folder)

    assert found.condition is Condition.BROKEN
    assert note.format(folder=folder) in found.note


def test_a_state_file_longer_than_the_metadata_says_is_no_damage(tmp_path: Path) -> None:
    write(tmp_path / "chk-3", metadata(3, relative_handle("one", 3)))
    (tmp_path / "chk-3" / "one").write_bytes(b"12345")

    assert look(tmp_path / "chk-3").condition is Condition.VERIFIED


def test_metadata_cut_off_behind_its_header_breaks_a_checkpoint_but_leaves_its_id(tmp_path: Path) -> None:
    write(tmp_path / "chk-3", metadata(3, relative_handle("one", 3))[:-20])

    found = look(tmp_path / "chk-3")

    assert (found.checkpoint_id, found.condition) == (3, Condition.BROKEN)
    assert found.note.startswith("its _metadata is damaged: it is cut off")


@pytest.mark.parametrize(
    "content,note",
    [
        pytest.param(metadata(3, version=7), "not all of it could be checked: version 7", id="a newer version"),
        pytest.param(metadata(3, b"\x0f"), "not all of it could be checked: a kind 15", id="an unknown handle"),
        pytest.param(
            metadata(3, file_handle("s3://bucket/one", 3)),
            "1 of its files lie outside the local file system",
            id="a file elsewhere",
        ),
    ],
)
def test_what_cannot_be_checked_stays_usable_with_a_note(tmp_path: Path, content: bytes, note: str) -> None:
    write(tmp_path / "chk-3", content)

    found = look(tmp_path / "chk-3")

    assert found.usable
    assert found.condition is Condition.UNCONFIRMED
    assert found.note.startswith(note)


def test_a_check_that_takes_too_long_stops_and_leaves_the_checkpoint_usable(tmp_path: Path) -> None:
    write(tmp_path / "chk-3", metadata(3, relative_handle("one", 3), relative_handle("absent", 3)))
    (tmp_path / "chk-3" / "one").write_bytes(b"123")
    times = iter([0.0, 0.5, 1.5])

    (found,) = verify_newest([look_at_header(tmp_path / "chk-3")], budget_seconds=1, clock=lambda: next(times))

    assert (found.condition, found.note) == (
        Condition.UNCONFIRMED,
        "the time for the check ran out after 1 of 2 state files",
    )


def look_at_header(folder: Path) -> Candidate:
    return Candidate(path=str(folder), checkpoint_id=3, start=1, condition=Condition.UNCHECKED)


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_savepoints_with_one_id_the_one_that_would_be_chosen_is_checked(job: JobFolder, order: int) -> None:
    sound = write(job.stop_savepoints(1) / "savepoint-a", metadata(6))
    write(job.stop_savepoints(1) / "savepoint-b", metadata(6, relative_handle("absent", 3)))
    found = sorted(list_candidates(job, 1), key=lambda item: item.path)[::order]

    choice = choose(
        verify_newest(found),
        floor=None,
        rule=StartRule(kind="latest"),
        allow_older_checkpoints=0,
        facts=IncarnationFacts(incarnation=1),
    )

    assert isinstance(choice, Choice)
    assert choice.chosen is not None
    assert choice.chosen.path == str(sound)


def test_what_was_skipped_or_abandoned_tells_nothing_of_when_the_chosen_one_was_triggered(job: JobFolder) -> None:
    times = {(1, 3): 30, (1, 4): 40, (2, 4): 35, (3, 6): 60}
    for (start, number), seconds in times.items():
        file = checkpoint(job, start, number, metadata(number)) / "_metadata"
        os.utime(file, (seconds, seconds))
    found = {(item.start, item.checkpoint_id): item for item in list_candidates(job, 1)}
    listed = [*found.values()]
    listed[listed.index(found[1, 4])] = replace(found[1, 4], condition=Condition.ABANDONED)

    assert triggered_since(job, listed, found[3, 6]) == 35 * 10**9
    assert triggered_since(job, listed, found[2, 4]) == 30 * 10**9
    assert triggered_since(job, listed, found[1, 3]) == 0


def test_candidates_are_checked_from_the_newest_down_to_the_first_usable_one(job: JobFolder) -> None:
    checkpoint(job, 1, 1, metadata(1, relative_handle("absent", 3)))
    checkpoint(job, 1, 2, metadata(2))
    checkpoint(job, 2, 3, metadata(3, relative_handle("absent", 3)))

    checked = verify_newest(list_candidates(job, 1))

    assert [(item.checkpoint_id, item.condition) for item in checked] == [
        (3, Condition.BROKEN),
        (2, Condition.VERIFIED),
        (1, Condition.UNCHECKED),
    ]


def test_a_metadata_folder_is_damage(tmp_path: Path) -> None:
    (tmp_path / "chk-3" / "_metadata").mkdir(parents=True)

    found = look_at(str(tmp_path / "chk-3"))

    assert (found.condition, found.note) == (Condition.BROKEN, "its _metadata is a folder")


def test_a_stumbling_disk_is_an_error_and_never_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "chk-3", metadata(3))

    def read_bytes(path: Path) -> bytes:
        raise OSError(5, os.strerror(5), str(path))

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    with pytest.raises(OSError, match="Input/output error"):
        verify(look_at_header(tmp_path / "chk-3"), deadline=float("inf"))


@pytest.mark.parametrize("address", ["{folder}", "{folder}/", "file:{folder}", "file://{folder}", "{folder}/_metadata"])
def test_a_restore_path_may_be_given_in_each_usual_way(tmp_path: Path, address: str) -> None:
    folder = write(tmp_path / "savepoint-1", metadata(5))

    found = look_at(address.format(folder=folder))

    assert (found.path, found.checkpoint_id, found.condition) == (str(folder), 5, Condition.VERIFIED)


@pytest.mark.parametrize("address", ["{folder}/absent", "s3://bucket/savepoint-1"])
def test_a_restore_path_that_leads_nowhere_is_not_usable(tmp_path: Path, address: str) -> None:
    assert not look_at(address.format(folder=tmp_path)).usable


@pytest.mark.parametrize(
    "address,path",
    [
        ("file:/a/b c%20d", "/a/b c%20d"),
        ("file:///a/b", "/a/b"),
        ("/a/b", "/a/b"),
        ("hdfs://a/b", None),
        ("s3:/a", None),
        ("a/b", None),
    ],
)
def test_flinks_addresses_of_local_files_are_plain_paths(address: str, path: str | None) -> None:
    assert local_path(address) == path
