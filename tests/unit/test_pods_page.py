"""docs/pods.md says what a podTemplate can add; it has to say what the code says, and its examples have to hold."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from anomalyjob_operator.spec import parse, pod_mask
from anomalyjob_operator.spec.pod_template import PodSpec

PAGE = (Path(__file__).parents[2] / "docs" / "pods.md").read_text(encoding="utf-8")
EXAMPLES = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(spec:.*?)```", PAGE, flags=re.DOTALL)]

MERGED = {"containers", "initContainers", "volumes"}
"""Fields of a pod with a row of their own."""


def said(row: str) -> set[str]:
    """The words between backquotes in the second cell of a row, as far as its first semicolon."""
    line = next(line for line in PAGE.splitlines() if line.startswith(f"| {row} |"))
    return set(re.findall(r"`([^`]+)`", line.split("|")[2].split(";")[0]))


def test_the_page_names_every_field_of_a_pod() -> None:
    fields = {field.alias or name for name, field in PodSpec.model_fields.items()}

    assert said("`spec`") | MERGED == fields


@pytest.mark.parametrize(
    "row, allowed",
    [
        ("the container `flink`", pod_mask.FLINK_FIELDS - {"name"}),
        ("its `env`", pod_mask.FLINK_VARIABLES),
        ("other containers", pod_mask.CONTAINER_FIELDS),
        ("`initContainers`", pod_mask.INIT_CONTAINER_FIELDS - pod_mask.CONTAINER_FIELDS),
        ("`volumes`", pod_mask.VOLUME_TYPES),
    ],
)
def test_the_page_names_what_can_be_said(row: str, allowed: frozenset[str]) -> None:
    assert said(row) == allowed


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_a_valid_resource(example: Any) -> None:
    identity = {"apiVersion": "anomalyjob.dev/v1alpha1", "kind": "AnomalyJob", "metadata": {"name": "demo"}}

    parse(identity | example)


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) == 2
