from pathlib import Path

import pytest

from anomalyjob.temporary_folder import make_empty


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    make_empty(tmp_path / "temporary" / "demo")

    assert list((tmp_path / "temporary" / "demo").iterdir()) == []


def test_whatever_lies_in_it_is_removed_and_nothing_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    (folder / "deep" / "deeper").mkdir(parents=True)
    (folder / "deep" / "deeper" / "file").touch()
    (folder / ".hidden").touch()
    (tmp_path / "beside").touch()
    before = folder.stat().st_ino

    make_empty(folder)

    assert list(folder.iterdir()) == []
    assert folder.stat().st_ino == before
    assert (tmp_path / "beside").exists()


def test_links_that_lead_out_are_removed_not_followed(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "demo"
    outside.mkdir()
    (outside / "precious").touch()
    (folder / "deep").mkdir(parents=True)
    (folder / "link").symlink_to(outside)
    (folder / "deep" / "link").symlink_to(outside)
    (folder / "file").symlink_to(outside / "precious")

    make_empty(folder)

    assert list(folder.iterdir()) == []
    assert (outside / "precious").exists()


def test_a_folder_that_is_itself_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "precious").touch()
    (tmp_path / "demo").symlink_to(tmp_path / "outside")

    with pytest.raises(OSError, match="it is a symbolic link") as error:
        make_empty(tmp_path / "demo")

    assert error.value.filename == str(tmp_path / "demo")
    assert (tmp_path / "outside" / "precious").exists()
