"""Manifests as text: what is read back is what was written, by PyYAML and by readers that know more numbers."""

import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.rendering import manifests

from anomalyjob_operator.cluster.manifest_text import manifest_text

PRINTABLE = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | PRINTABLE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PRINTABLE, inner, max_size=3),
    max_leaves=10,
)


def config_map(data: Any) -> dict[str, Any]:
    return {"kind": "ConfigMap", "data": data}


@given(data=JSON)
def test_what_was_written_is_read_back(data: Any) -> None:
    assert list(yaml.safe_load_all(manifest_text([config_map(data)]))) == [config_map(data)]


@pytest.mark.parametrize(
    "text", "yes no on off y n null ~ true 1e3 1E3 0x1f 0o17 017 1_000 1:30 .5 .inf 2026-01-01 = << - ? ! % @ `".split()
)
def test_text_that_some_reader_takes_for_something_else_stands_in_quotes(text: str) -> None:
    assert manifest_text([config_map(text)]) == f'---\nkind: ConfigMap\ndata: "{text}"\n'


def test_files_stand_there_as_lines_that_people_can_read() -> None:
    assert manifest_text([config_map({"a.txt": "one\n  two\n"})]).endswith("a.txt: |\n    one\n      two\n")


def test_what_occurs_twice_is_written_twice() -> None:
    shared = {"a": "b"}

    assert "&" not in manifest_text([config_map([shared, shared])])


def test_pods_come_after_what_they_need() -> None:
    kinds = re.findall(r"(?m)^kind: (\w+)", manifest_text(manifests()))

    assert list(dict.fromkeys(kinds)) == [
        "ConfigMap",
        "PersistentVolumeClaim",
        "Service",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "Deployment",
    ]
