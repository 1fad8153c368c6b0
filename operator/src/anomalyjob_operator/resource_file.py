"""Reads the YAML file that describes one resource. It must not judge the resource: that is `spec.parse`.

What the YAML reader of Kubernetes would refuse or read otherwise is refused here too: a key written twice, several
documents, and dates, which stay text. Anchors are refused because a few of them can stand for gigabytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import yaml

from anomalyjob_operator.bounded_text import UnreadableTextError, read_text
from anomalyjob_operator.spec import AnomalyJob, parse

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

    from yaml._yaml import Mark as CMark

LARGEST_FILE_BYTES: Final = 2**20
DEEPEST_NESTING: Final = 50


class ResourceFileError(Exception):
    """The file cannot be read as one document; the message is one sentence that begins with the file's name."""


def read_resource(file: Path) -> AnomalyJob:
    """Return the resource in the file; raise ResourceFileError, or InvalidResource when it reads but is wrong."""
    return parse(read_document(file))


def read_document(file: Path) -> dict[str, object]:
    """Return the one document in the file, a mapping, as plain values; raise ResourceFileError."""
    documents = [document for document in _documents(file, _text(file)) if document is not None]
    if not documents:
        raise ResourceFileError(f"{file}: holds no document; see manifests/anomalyjob.yaml for an example")
    if len(documents) > 1:
        raise ResourceFileError(f"{file}: holds {len(documents)} documents; give each resource a file of its own")
    document = documents[0]
    if not isinstance(document, dict):
        raise ResourceFileError(f"{file}: must hold a mapping with apiVersion, kind, metadata and spec")
    return document


def _text(file: Path) -> str:
    if not file.exists():
        raise ResourceFileError(f"{file}: no such file")
    if not file.is_file():
        raise ResourceFileError(f"{file}: is not a file")
    try:
        return read_text(file, LARGEST_FILE_BYTES)
    except UnreadableTextError as error:
        raise ResourceFileError(f"{file}: {error}") from None


def _documents(file: Path, text: str) -> list[object]:
    try:
        _refuse_what_explodes(file, text)
        return list(yaml.load_all(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        raise ResourceFileError(f"{file}: is not YAML: {_where(error.problem_mark)}{error.problem}") from None
    except yaml.YAMLError as error:
        raise ResourceFileError(f"{file}: is not YAML: {str(error).splitlines()[0]}") from None
    except ValueError as error:
        raise ResourceFileError(f"{file}: holds a value that cannot be read: {error}") from None


def _where(mark: yaml.Mark | CMark | None) -> str:
    return "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: "


class _Loader(yaml.SafeLoader):
    """The safe loader, stricter: no key twice; a date stays the text that it is in Kubernetes."""

    # The trap: SafeLoader shares its table with every other user of the library, so it is copied, not edited.
    yaml_implicit_resolvers = {  # noqa: RUF012 - the library declares it so
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _mapping_without_repeats(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Hashable, object]:
    """Refuse a key that stands there twice: one of the two values would be lost silently."""
    seen: set[str] = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and key.value in seen:
            raise yaml.constructor.ConstructorError(None, None, f"{key.value} stands there twice", key.start_mark)
        seen.add(str(key.value))
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping_without_repeats)


def _refuse_what_explodes(file: Path, text: str) -> None:
    """Refuse anchors, and nesting: PyYAML needs minutes for a line of 50,000 opening brackets."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST_NESTING:
            raise ResourceFileError(f"{file}: {_where(event.start_mark)}nested more than {DEEPEST_NESTING} deep")
        if getattr(event, "anchor", None) is not None:
            raise ResourceFileError(f"{file}: {_where(event.start_mark)}anchors and aliases are not allowed")
