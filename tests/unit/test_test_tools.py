"""Which programs that only tests use are missing: the script as a module, and run as `make` and CI run it."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "test_tools.py"


@pytest.fixture(scope="module")
def tools() -> ModuleType:
    """Scripts are run by path and belong to no package."""
    specification = importlib.util.spec_from_file_location("test_tools", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_everything_missing_is_told_with_its_package_and_one_command(tools: ModuleType, tmp_path: Path) -> None:
    assert tools.report(tools.missing(str(tmp_path))) == [
        "test tools: this machine lacks:",
        "  - chromium, without which the tests of the pages in a browser are skipped: Debian package chromium",
        "  - promtool, without which the tests with a real Prometheus are skipped: Debian package prometheus",
        "On Debian or Ubuntu, as root: apt-get update && apt-get install chromium prometheus",
    ]


def test_what_is_there_is_not_missing(tools: ModuleType, tmp_path: Path) -> None:
    for name in ("chromium", "promtool"):
        (tmp_path / name).touch(mode=0o755)

    assert tools.report(tools.missing(str(tmp_path))) == []


@pytest.mark.parametrize("options", [[], ["--packages"]])
def test_the_script_fails_on_no_machine(options: list[str]) -> None:
    result = subprocess.run([sys.executable, str(SCRIPT), *options], capture_output=True, timeout=50, check=False)

    assert result.returncode == 0
    assert not result.stdout or options


def test_the_script_keeps_to_the_syntax_of_python_3_8() -> None:
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 8))
