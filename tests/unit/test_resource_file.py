"""Reading a resource file: one plain message for each way in which a file can be no resource."""

import os
from pathlib import Path

import pytest

from anomalyjob_operator.resource_file import LARGEST_FILE_BYTES, ResourceFileError, read_document, read_resource
from anomalyjob_operator.spec import InvalidResource

REPOSITORY = Path(__file__).parents[2]
GOOD = "apiVersion: anomalyjob.dev/v1alpha1\nkind: AnomalyJob\nmetadata: {name: demo}\nspec: {}\n"


def written(folder: Path, content: str | bytes) -> Path:
    file = folder / "job.yaml"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def message_of(file: Path) -> str:
    with pytest.raises(ResourceFileError) as caught:
        read_document(file)
    message = str(caught.value)
    assert message.startswith(f"{file}: ")
    assert "\n" not in message
    return message.removeprefix(f"{file}: ")


def test_the_manifest_of_the_reference_system_is_its_defaults_with_the_files_sink() -> None:
    given = read_resource(REPOSITORY / "manifests" / "anomalyjob.yaml").spec.document()
    file = REPOSITORY / "manifests" / "anomalyjob.yaml"
    defaults = read_resource(file).spec.model_validate({}).document()

    assert given.pop("sink") == {"log": {}, "files": {}}
    assert defaults.pop("sink") == {"log": {}}
    checkpointing = given["checkpointing"]
    assert isinstance(checkpointing, dict)
    assert checkpointing.pop("minPause") == "5s"
    assert given == defaults


def test_a_file_becomes_a_resource(tmp_path: Path) -> None:
    assert read_resource(written(tmp_path, GOOD)).metadata.name == "demo"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("---\n" + GOOD + "---\n", id="document markers without further documents"),
        pytest.param(b"\xef\xbb\xbf" + GOOD.encode(), id="byte order mark"),
        pytest.param("# a comment\n\n" + GOOD, id="comments"),
        pytest.param(GOOD.replace("\n", "\r\n"), id="line ends of Windows"),
        pytest.param('{"apiVersion": "a", "kind": "b"}', id="JSON"),
    ],
)
def test_one_document_is_read_however_it_is_framed(tmp_path: Path, content: str | bytes) -> None:
    assert "kind" in read_document(written(tmp_path, content))


@pytest.mark.parametrize(
    "content, message",
    [
        pytest.param("", "holds no document", id="empty file"),
        pytest.param("# nothing\n---\n", "holds no document", id="comments only"),
        pytest.param(
            GOOD + "---\n" + GOOD, "holds 2 documents; give each resource a file of its own", id="two documents"
        ),
        pytest.param("- a\n- b\n", "must hold a mapping with apiVersion", id="list"),
        pytest.param("hello", "must hold a mapping with apiVersion", id="text"),
        pytest.param(
            "a: b: c\n", "is not YAML: line 1, column 5: mapping values are not allowed here", id="two colons"
        ),
        pytest.param("a:\n\t- b\n", "is not YAML: line 2, column 1: found character", id="tab"),
        pytest.param("spec: [1, 2\n", "is not YAML: line 2, column 1: expected ',' or ']'", id="open bracket"),
        pytest.param("spec:\n  a: 1\n  a: 2\n", "is not YAML: line 3, column 3: a stands there twice", id="key twice"),
        pytest.param("a: &x 1\nb: *x\n", "line 1, column 4: anchors and aliases are not allowed", id="anchor"),
        pytest.param("a: *x\n", "line 1, column 4: anchors and aliases are not allowed", id="alias"),
        pytest.param("a: !!python/object:os.system x\n", "could not determine a constructor", id="foreign tag"),
        pytest.param("? [a]\n: b\n", "is not YAML: line 1, column 3: found unhashable key", id="list as a key"),
        pytest.param("a: \x07\n", "is not YAML: ", id="control character"),
        pytest.param(b"a: \xff\n", "is not UTF-8 text (byte 3)", id="not UTF-8"),
        pytest.param("[" * 50_000, "line 1, column 51: nested more than 50 deep", id="nested without end"),
        pytest.param("a: " + "9" * 5_000 + "\n", "holds a value that cannot be read", id="number of 5000 digits"),
        pytest.param("#" * (LARGEST_FILE_BYTES + 1), "is larger than 1024 KiB", id="large file"),
    ],
)
def test_what_is_no_single_document_is_told_in_one_sentence(tmp_path: Path, content: str | bytes, message: str) -> None:
    assert message in message_of(written(tmp_path, content))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert message_of(tmp_path / "none.yaml") == "no such file"


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    assert message_of(tmp_path) == "is not a file"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    assert message_of(pipe) == "is not a file"


def test_a_date_stays_text_as_in_kubernetes(tmp_path: Path) -> None:
    assert read_document(written(tmp_path, "a: 2026-01-02\n")) == {"a": "2026-01-02"}


def test_a_file_of_another_kind_is_told_so_and_nothing_else(tmp_path: Path) -> None:
    with pytest.raises(InvalidResource) as caught:
        read_resource(written(tmp_path, GOOD.replace("AnomalyJob", "Deployment").replace("spec: {}", "spec: {x: 1}")))

    assert str(caught.value) == 'kind: must be AnomalyJob, found the text "Deployment"'
