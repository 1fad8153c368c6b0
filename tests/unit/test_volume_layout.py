import hashlib
from pathlib import Path

import pytest

from anomalyjob.volume_layout import JobFolder, is_checkpoint_name, is_savepoint_name, job_id, start_number

FOLDER = JobFolder(volume=Path("/v"), namespace="default", name="demo")


def test_every_path_lies_in_the_folder_of_the_job_and_is_named_as_agreed() -> None:
    assert {
        FOLDER.lock_file: "jobmanager.lock",
        FOLDER.lineage_file: "lineage.json",
        FOLDER.start_record(7): "starts/7.json",
        FOLDER.start_folder(7): "checkpoints/7",
        FOLDER.stop_savepoints(2): "stop/2",
        FOLDER.output(2): "output/2",
        FOLDER.users: "users",
    } == {path: str(path.relative_to("/v/default.demo")) for path in paths()}


def paths() -> list[Path]:
    plain = [FOLDER.lock_file, FOLDER.lineage_file, FOLDER.users]
    return [*plain, FOLDER.start_record(7), FOLDER.start_folder(7), FOLDER.stop_savepoints(2), FOLDER.output(2)]


@pytest.mark.parametrize(
    "written, now",
    [
        ("/mnt/default.demo/checkpoints/1/ab/shared/x", "/v/default.demo/checkpoints/1/ab/shared/x"),
        ("/home/default.demo/volume/default.demo/stop/1/x", "/v/default.demo/stop/1/x"),
        ("/mnt/default.demo", "/v/default.demo"),
        ("/mnt/other.demo/checkpoints/1/x", "/mnt/other.demo/checkpoints/1/x"),
    ],
)
def test_a_path_from_where_the_volume_was_mounted_before_leads_to_where_it_is_now(written: str, now: str) -> None:
    assert FOLDER.moved(Path(written)) == Path(now)


def test_the_job_id_is_fixed_for_an_incarnation_and_differs_between_all_others() -> None:
    assert job_id("default", "demo", 1) == hashlib.sha256(b"default/demo/1").hexdigest()[:32]
    assert FOLDER.job_id(1) == job_id("default", "demo", 1)
    others = [("default", "demo", 2), ("other", "demo", 1), ("default", "other", 1)]
    assert len({job_id(*each) for each in [("default", "demo", 1), *others]}) == 4


@pytest.mark.parametrize(
    "name,number",
    [("1", 1), ("120", 120), ("0", None), ("01", None), ("-1", None), ("1.pruned", None), ("", None), ("x", None)],
)
def test_a_start_is_named_by_its_number_without_padding(name: str, number: int | None) -> None:
    assert start_number(name) == number


@pytest.mark.parametrize(
    "name,checkpoint,savepoint",
    [
        ("chk-17", True, False),
        ("savepoint-521d2d-0c3f", False, True),
        ("chk-", False, False),
        ("chk-17.tmp", False, False),
        ("savepoint-", False, False),
        ("shared", False, False),
        ("taskowned", False, False),
    ],
)
def test_folders_are_told_apart_by_their_names(name: str, checkpoint: bool, savepoint: bool) -> None:
    assert (is_checkpoint_name(name), is_savepoint_name(name)) == (checkpoint, savepoint)
