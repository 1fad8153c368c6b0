"""The commands that look at the folder of a job on a volume, or at a copy of it, wherever that job runs."""

import json
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.unit.audited_runs import Run, simulated
from tests.unit.played_volume import JOB, Volume, metadata, new_volume

from anomalyjob.audit import StartFacts
from anomalyjob_operator.cli import main


@pytest.fixture
def volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Volume:
    """A volume of a job that this machine knows nothing of."""
    monkeypatch.setenv("ANOMALYJOB_HOME", str(tmp_path / "home"))
    return new_volume(tmp_path)


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def _listed(folder: Path) -> dict[str, tuple[str, str]]:
    """Condition and note of each checkpoint by its folder's last two names: that of its start, and its own."""
    result = _run("checkpoints", "--volume", folder, "-o", "json")
    assert result.exit_code == 0, result.output
    entries: list[dict[str, Any]] = json.loads(result.stdout)["checkpoints"]
    return {f"{entry['start']}/{Path(entry['path']).name}": (entry["condition"], entry["note"]) for entry in entries}


def _committed(volume: Volume, *, without: int | None = None) -> None:
    """What an undisturbed run of five events commits, less the event of that index."""
    source = simulated(("user1",), ratio=0.3)
    run = Run(start=StartFacts(max_count=3, source=source), lengths={"user1": 5})
    indexes = (index for index in range(5) if index != without)
    records = [record for index in indexes for record in run.records_of("user1", index)]
    file = volume.folder.output(1) / "hour" / "part-0-0.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text("".join(f"{record.encode()}\n" for record in records), encoding="utf-8")


@pytest.mark.parametrize("without, status, words", [(None, 0, "0 lost"), (2, 1, "1 lost")])
def test_the_output_in_a_folder_is_audited(volume: Volume, without: int | None, status: int, words: str) -> None:
    volume.start()
    _committed(volume, without=without)

    result = _run("audit", "--volume", volume.folder.path)

    assert (result.exit_code, words in result.stdout) == (status, True), result.output


def test_the_audit_of_a_folder_without_any_start_fails_and_says_so(volume: Volume) -> None:
    volume.folder.path.mkdir()

    result = _run("audit", "--volume", volume.folder.path)

    assert result.exit_code == 1
    assert "lineage.json" in result.stderr


def test_the_checkpoints_in_a_folder_are_listed(volume: Volume) -> None:
    volume.start()
    volume.checkpoint(1, 1)
    volume.checkpoint(1, 2, content=b"torn")

    listed = _listed(volume.folder.path)

    assert listed["1/chk-1"] == ("verified", "")
    assert listed["1/chk-2"][0] == "broken"


def test_a_folder_without_checkpoints_is_named_by_its_job(volume: Volume) -> None:
    volume.start()

    assert _run("checkpoints", "--volume", volume.folder.path).stdout == "job default/demo has no checkpoint yet\n"


def test_what_a_start_left_behind_is_listed_as_such_and_not_as_verified(volume: Volume) -> None:
    volume.start()
    volume.checkpoint(1, 1)
    damaged = volume.checkpoint(1, 2, content=b"torn")
    volume.start()
    volume.checkpoint(2, 2)
    (damaged / "_metadata").write_bytes(metadata(2))

    listed = _listed(volume.folder.path)

    assert listed["1/chk-2"] == ("abandoned", "start 2 went on without it and has checkpoints of its own since")
    assert (listed["1/chk-1"][0], listed["2/chk-2"][0]) == ("verified", "verified")


def test_files_that_checkpoints_share_are_looked_for_in_the_copy(volume: Volume, tmp_path: Path) -> None:
    volume.start()
    shared = volume.folder.start_folder(1) / volume.folder.job_id(1) / "shared" / "file"
    shared.parent.mkdir(parents=True)
    shared.write_bytes(b"state")
    volume.checkpoint(1, 1, content=_metadata_naming(shared, size=5))
    copy = shutil.copytree(volume.folder.path, tmp_path / "copy" / "default.demo")
    shutil.rmtree(volume.folder.path)

    assert _listed(copy) == {"1/chk-1": ("verified", "")}
    (copy / shared.relative_to(volume.folder.path)).write_bytes(b"st")
    assert _listed(copy)["1/chk-1"][0] == "broken"


def _metadata_naming(file: Path, size: int) -> bytes:
    """The metadata of a checkpoint with one state file that stands in it by its absolute path."""
    address = f"file:{file}".encode()
    handle = b"\x02" + struct.pack(">qH", size, len(address)) + address
    head = struct.pack(">IiQii", 0x4960672D, 6, 1, 0, 1)
    return head + bytes(4 + 16 + 8) + handle + bytes(4) + b"\xac\xed\x00\x05\x70"


@pytest.mark.parametrize("command", ["audit", "checkpoints"])
@pytest.mark.parametrize(
    "name, more, words",
    [
        pytest.param("default.demo", ["demo"], "either a job or, with --volume, the folder", id="both"),
        pytest.param("default.demo", ["-n", "default"], "either a job or, with --volume, the folder", id="a namespace"),
        pytest.param("demo", [], "demo is not named like the folder of a job, <namespace>.<name>", id="another name"),
        pytest.param("absent.demo", [], "does not exist", id="no folder"),
    ],
)
def test_what_is_no_folder_of_a_job_is_bad_input(
    tmp_path: Path, command: str, name: str, more: list[str], words: str
) -> None:
    for folder in ("default.demo", "demo"):
        (tmp_path / folder).mkdir()

    result = _run(command, *more, "--volume", tmp_path / name)

    assert result.exit_code == 2
    assert words in result.stderr


def test_the_folder_may_be_the_one_that_the_user_is_in(volume: Volume, monkeypatch: pytest.MonkeyPatch) -> None:
    volume.start()
    monkeypatch.chdir(volume.folder.path)

    assert _run("checkpoints", "--volume", ".").stdout == f"job {JOB.namespace}/{JOB.name} has no checkpoint yet\n"
