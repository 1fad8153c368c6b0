"""The rule of tests/conftest.py that a skipped test fails in CI, seen from outside by running pytest on small files."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"

SKIPPED_BY_MARKER = """
import pytest

@pytest.mark.skip(reason="no engine here")
def test_one(): ...
"""

SKIPPED_INSIDE = """
import pytest

def test_one():
    pytest.skip("no engine here")
"""

SKIPPED_AS_A_WHOLE = """
import pytest

pytest.skip("no engine here", allow_module_level=True)
"""

EXPECTED_TO_FAIL = """
import pytest

@pytest.mark.xfail(reason="known")
def test_one():
    assert False
"""


each_kind_of_skip = pytest.mark.parametrize(
    "source",
    [SKIPPED_BY_MARKER, SKIPPED_INSIDE, SKIPPED_AS_A_WHOLE],
    ids=["by marker", "from inside", "as a whole module"],
)


def run_pytest(folder: Path, source: str, *, ci: str, allowed: str = "") -> subprocess.CompletedProcess[str]:
    shutil.copy(CONFTEST, folder / "conftest.py")
    (folder / "allowed_skips.txt").write_text(allowed)
    # A passing test beside it, so that "nothing ran" is never what fails.
    (folder / "test_sample.py").write_text(source)
    (folder / "test_passing.py").write_text("def test_passes(): ...\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, "CI": ci}, capture_output=True, text=True, timeout=50, check=False
    )


@each_kind_of_skip
def test_a_skip_fails_the_run_in_ci_and_its_reason_is_told(tmp_path: Path, source: str) -> None:
    result = run_pytest(tmp_path, source, ci="true")

    assert result.returncode != 0
    assert "Skipped in CI, where it must run: no engine here" in result.stdout


@each_kind_of_skip
def test_a_skip_with_an_allowed_reason_stays_a_skip_in_ci(tmp_path: Path, source: str) -> None:
    result = run_pytest(tmp_path, source, ci="true", allowed="# a comment\nno engine here\n")

    assert result.returncode == 0, result.stdout
    assert "1 passed, 1 skipped" in result.stdout


def test_a_skip_on_a_developers_machine_stays_a_skip(tmp_path: Path) -> None:
    result = run_pytest(tmp_path, SKIPPED_BY_MARKER, ci="false")

    assert result.returncode == 0, result.stdout


def test_an_expected_failure_is_not_taken_for_a_skip(tmp_path: Path) -> None:
    result = run_pytest(tmp_path, EXPECTED_TO_FAIL, ci="true")

    assert result.returncode == 0, result.stdout
    assert "1 xfailed" in result.stdout
