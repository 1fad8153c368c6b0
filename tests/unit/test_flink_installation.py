import importlib.machinery
import importlib.util
import sys
from pathlib import Path

import pytest

import anomalyjob
from anomalyjob.flink_installation import find_installation
from anomalyjob.refusal import Reason, RefusedError


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that passes for the installed pyflink package, with a Java beside it."""
    folder = tmp_path / "site-packages" / "pyflink"
    for name in ("lib/flink-dist-2.3.0.jar", "lib/log4j-api.jar", "opt/flink-python-2.3.0.jar", "opt/other.jar"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    java = tmp_path / "java" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.touch(mode=0o755)
    spec = importlib.machinery.ModuleSpec("pyflink", None, is_package=True)
    assert spec.submodule_search_locations is not None
    spec.submodule_search_locations.append(str(folder))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec if name == "pyflink" else None)
    return folder


def environment(package: Path, **more: str) -> dict[str, str]:
    return {"JAVA_HOME": str(package.parents[1] / "java"), "PATH": "/nowhere", **more}


def test_the_wheel_is_the_whole_distribution(package: Path) -> None:
    found = find_installation(environment(package))

    assert found.home == str(package)
    assert found.jars == tuple(
        str(package / name) for name in ("lib/log4j-api.jar", "opt/flink-python-2.3.0.jar", "lib/flink-dist-2.3.0.jar")
    )
    assert found.java == str(package.parents[1] / "java" / "bin" / "java")
    assert found.python == sys.executable


def test_the_embedded_interpreter_finds_pyflink_and_this_package_and_what_was_there(package: Path) -> None:
    sources = str(Path(anomalyjob.__file__).resolve().parent.parent)

    found = find_installation(environment(package, PYTHONPATH=f"/extra::{sources}"))

    assert found.python_path == (str(package.parent), sources, "/extra")


def test_flink_home_goes_before_the_wheel(package: Path, tmp_path: Path) -> None:
    home = tmp_path / "flink"
    package.rename(home)

    assert find_installation(environment(package, FLINK_HOME=str(home))).home == str(home)


def test_java_on_the_path_is_used_when_java_home_has_none(package: Path) -> None:
    path = str(package.parents[1] / "java" / "bin")

    found = find_installation({"JAVA_HOME": "/nowhere", "PATH": path})

    assert found.java == f"{path}/java"


def refusal(variables: dict[str, str]) -> tuple[Reason, str]:
    with pytest.raises(RefusedError) as caught:
        find_installation(variables)
    return caught.value.refusal.reason, caught.value.refusal.message


def test_no_java_is_a_plain_message(package: Path) -> None:
    reason, message = refusal({"PATH": "/nowhere"})

    assert reason is Reason.JAVA_MISSING
    assert message == "There is no Java: neither JAVA_HOME nor PATH leads to one. Install Java 17 or 21."


@pytest.mark.parametrize("missing", ["lib/flink-dist-2.3.0.jar", "opt/flink-python-2.3.0.jar"])
def test_half_a_flink_is_a_plain_message(package: Path, missing: str) -> None:
    (package / missing).unlink()

    reason, message = refusal(environment(package))

    assert reason is Reason.FLINK_MISSING
    assert message.startswith(f"{package} is not a whole Flink")


def test_no_pyflink_is_a_plain_message(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    reason, message = refusal(environment(package))

    assert reason is Reason.FLINK_MISSING
    assert "Install anomalyjob with its extra `flink`" in message
