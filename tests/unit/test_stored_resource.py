"""The stored resource and its edits: generations as an API server counts them, and what is told of a saved file."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from anomalyjob_operator.local.applied_file import AppliedFile, signature_of
from anomalyjob_operator.local.json_file import DamagedFileError, read_json
from anomalyjob_operator.local.state_folder import StateFolder
from anomalyjob_operator.local.stored_resource import read_resource, store_resource

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = datetime(2026, 1, 3, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    return StateFolder(home=tmp_path / "home", namespace="default", name="demo")


def _document(spec: dict[str, Any] | None = None, name: str = "demo") -> dict[str, Any]:
    return {
        "apiVersion": "anomalyjob.dev/v1alpha1",
        "kind": "AnomalyJob",
        "metadata": {"name": name, "labels": {"team": "fraud"}},
        "spec": spec or {},
    }


def test_the_first_generation_is_one(folder: StateFolder) -> None:
    assert store_resource(folder, _document(), NOW).generation == 1
    stored = read_resource(folder)
    assert stored is not None
    assert stored.generation == 1
    assert stored.created_at == "2026-01-02T03:04:05.000Z"
    assert (read_json(folder.resource_file) or {})["metadata"]["labels"] == {"team": "fraud"}


def test_a_changed_spec_raises_the_generation_and_keeps_the_creation_time(folder: StateFolder) -> None:
    store_resource(folder, _document(), NOW)
    stored = store_resource(folder, _document({"recovery": {"maxRestarts": 2}}), LATER)
    assert stored.generation == 2
    assert stored.created_at == "2026-01-02T03:04:05.000Z"
    assert stored.resource.spec.recovery.max_restarts == 2


def test_spelling_out_a_default_is_no_new_generation(folder: StateFolder) -> None:
    store_resource(folder, _document(), NOW)
    assert store_resource(folder, _document({"taskManager": {"replicas": 3}}), LATER).generation == 1


def test_a_status_in_the_file_is_not_stored(folder: StateFolder) -> None:
    store_resource(folder, {**_document(), "status": {"phase": "Running"}}, NOW)
    assert "status" not in (read_json(folder.resource_file) or {})


def test_a_damaged_stored_resource_is_an_error_that_names_the_file(folder: StateFolder) -> None:
    folder.path.mkdir(parents=True)
    folder.resource_file.write_text('{"kind": "Pod"}')
    with pytest.raises(DamagedFileError, match=r"resource\.json"):
        read_resource(folder)


class _Saved:
    """A file that a job runs from, and what was told about it."""

    def __init__(self, folder: StateFolder, file: Path) -> None:
        self.file = file
        self.told: list[str] = []
        self.save(_document())
        stored = store_resource(folder, _document(), NOW)
        self.applied = AppliedFile(file, signature_of(file), folder, stored, self.told.append)

    def save(self, content: dict[str, Any] | str) -> None:
        self.file.write_text(content if isinstance(content, str) else yaml.safe_dump(content))


@pytest.fixture
def saved(folder: StateFolder, tmp_path: Path) -> _Saved:
    return _Saved(folder, tmp_path / "job.yaml")


def test_a_file_that_was_not_saved_is_not_applied_again(saved: _Saved) -> None:
    assert not saved.applied.look()
    assert saved.told == []


def test_a_saved_file_is_applied_at_the_second_look(saved: _Saved) -> None:
    saved.save(_document({"recovery": {"maxRestarts": 9}}))
    assert not saved.applied.look(), "an editor may be in the middle of writing"
    assert saved.applied.look()
    assert saved.applied.stored.resource.spec.recovery.max_restarts == 9
    assert saved.told == [f"{saved.file} applied as generation 2: changed spec.recovery.maxRestarts"]
    assert not saved.applied.look()


def test_an_edit_that_was_never_seen_twice_alike_waits(saved: _Saved) -> None:
    saved.save("kind: Anom")
    assert not saved.applied.look()
    saved.save(_document({"recovery": {"maxRestarts": 9}}))
    assert not saved.applied.look()
    assert saved.applied.look()


@pytest.mark.parametrize(
    "content,complaint",
    [
        ("spec: [", "is not YAML"),
        (_document({"taskManager": {"slots": "many"}}), "spec.taskManager.slots"),
        (_document(name="other"), "must stay default/demo in this file, found default/other"),
    ],
)
def test_a_bad_edit_is_told_and_the_last_valid_resource_stays(
    saved: _Saved, content: dict[str, Any] | str, complaint: str
) -> None:
    saved.save(content)
    saved.applied.look()
    assert not saved.applied.look()
    assert complaint in saved.told[0]
    assert saved.told[-1] == "nothing was applied; the job goes on as it was applied last"
    assert saved.applied.stored.generation == 1
    saved.applied.look()
    assert len(saved.told) == 2, "a complaint is told once"


def test_a_file_saved_without_a_change_is_told_so(saved: _Saved) -> None:
    saved.save(_document({"taskManager": {"replicas": 3}}))
    saved.applied.look()
    assert not saved.applied.look()
    assert saved.told == [f"{saved.file} was saved and says the same as before"]


def test_a_file_that_is_gone_for_a_while_is_waited_for(saved: _Saved) -> None:
    saved.file.unlink()
    assert not saved.applied.look()
    assert not saved.applied.look()
    assert saved.told == []
