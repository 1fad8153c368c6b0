"""Every Kubernetes object of some jobs, as last looked at and found right.

After a change that is meant: UPDATE_GOLDEN=1 pytest tests/golden, and read the difference before it is committed.
"""

import os
from pathlib import Path

import pytest
from tests.golden.manifest_cases import SPECS, golden_manifests

from anomalyjob_operator.cluster.manifest_text import manifest_text

GOLDEN = Path(__file__).parent / "cluster"


@pytest.mark.parametrize("case", SPECS)
def test_the_objects_are_as_they_were_found_right(case: str) -> None:
    golden = GOLDEN / f"{case}.yaml"
    text = manifest_text(golden_manifests(case))
    if os.environ.get("UPDATE_GOLDEN") == "1":
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text, encoding="utf-8")

    assert text == golden.read_text(encoding="utf-8")


def test_there_is_no_golden_file_without_a_case() -> None:
    assert {file.stem for file in GOLDEN.iterdir()} == set(SPECS)
