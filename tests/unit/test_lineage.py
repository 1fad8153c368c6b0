import json
from pathlib import Path

import pytest

from anomalyjob.lineage import Lineage, lineage_of_start, read_lineage, refuse_foreign_volume, write_lineage
from anomalyjob.refusal import Reason, RefusedError
from anomalyjob.volume_layout import JobFolder


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    job = JobFolder(volume=tmp_path, namespace="default", name="demo")
    job.path.mkdir()
    return job


def lineage(
    incarnation: int = 1, *, newest: int | None = None, nonce: int | None = None, name: str = "demo"
) -> Lineage:
    return Lineage(
        namespace="default",
        name=name,
        incarnation=incarnation,
        newest_checkpoint_id=newest,
        consumed_restore_nonce=nonce,
    )


def test_a_lineage_is_read_as_it_was_written(folder: JobFolder) -> None:
    write_lineage(folder.lineage_file, lineage(2, newest=17, nonce=5))

    assert read_lineage(folder.lineage_file) == lineage(2, newest=17, nonce=5)
    assert json.loads(folder.lineage_file.read_text(encoding="utf-8")) == {
        "namespace": "default",
        "name": "demo",
        "incarnation": 2,
        "consumedRestoreNonce": 5,
        "newestCheckpointId": 17,
    }


def test_there_is_no_lineage_before_the_first_start(folder: JobFolder) -> None:
    assert read_lineage(folder.lineage_file) is None
    assert lineage_of_start(folder, 1, recorded=[]) == lineage(1)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"namespace": "default"', b"\xff"])
def test_a_damaged_lineage_is_refused_with_the_way_out(folder: JobFolder, content: bytes) -> None:
    folder.lineage_file.write_bytes(content)
    with pytest.raises(RefusedError) as caught:
        read_lineage(folder.lineage_file)

    assert caught.value.refusal.reason is Reason.VOLUME_DAMAGED
    assert "remove that one file and start again" in caught.value.refusal.message


def test_a_volume_with_the_folder_of_another_job_is_refused_by_both_names(folder: JobFolder) -> None:
    other = folder.volume / "default.other"
    other.mkdir()
    write_lineage(other / "lineage.json", lineage(name="other"))
    with pytest.raises(RefusedError) as caught:
        refuse_foreign_volume(folder)

    assert caught.value.refusal.reason is Reason.VOLUME_OF_ANOTHER_JOB
    assert "belongs to the job default/other" in caught.value.refusal.message
    assert "not to default/demo" in caught.value.refusal.message


def test_a_folder_that_was_renamed_to_this_job_is_refused(folder: JobFolder) -> None:
    write_lineage(folder.lineage_file, lineage(name="other"))
    with pytest.raises(RefusedError) as caught:
        refuse_foreign_volume(folder)

    assert caught.value.refusal.reason is Reason.VOLUME_OF_ANOTHER_JOB


def test_an_own_or_empty_volume_is_not_foreign(folder: JobFolder) -> None:
    refuse_foreign_volume(folder)
    (folder.volume / "lost+found").mkdir()
    write_lineage(folder.lineage_file, lineage())
    refuse_foreign_volume(folder)


def test_a_later_incarnation_keeps_the_nonce_and_forgets_the_newest_id(folder: JobFolder) -> None:
    write_lineage(folder.lineage_file, lineage(1, newest=17, nonce=5))

    assert lineage_of_start(folder, 2, recorded=[1]) == lineage(2, nonce=5)


def test_the_same_incarnation_keeps_all(folder: JobFolder) -> None:
    write_lineage(folder.lineage_file, lineage(2, newest=17, nonce=5))

    assert lineage_of_start(folder, 2, recorded=[1, 2]) == lineage(2, newest=17, nonce=5)


@pytest.mark.parametrize("written,recorded", [(3, []), (None, [1, 3]), (2, [3])])
def test_an_older_incarnation_than_any_file_tells_of_is_refused(
    folder: JobFolder, written: int | None, recorded: list[int]
) -> None:
    if written is not None:
        write_lineage(folder.lineage_file, lineage(written))
    with pytest.raises(RefusedError) as caught:
        lineage_of_start(folder, 2, recorded=recorded)

    assert caught.value.refusal.reason is Reason.OLDER_INCARNATION
    assert "is for incarnation 2" in caught.value.refusal.message
    assert "already in incarnation 3" in caught.value.refusal.message
