"""What .ci/run does with a cluster, seen with a `make` and a cluster command that only write down their calls."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / ".ci" / "run"

NOTE = 'echo "$(basename "$0") $* mark=${ANOMALYJOB_CI_RUN:+set}" >>"$CALLS"\n'
MAKE = f'#!/bin/bash\n{NOTE}[[ " $* " != *" $FAILING "* ]]\n'
CLUSTER = f"""#!/bin/bash
{NOTE}
case $1 in
    status) [[ -e $UP ]] ;;
    up) touch "$UP" ;;
    down) rm "$UP" ;;
    env) echo "export KUBECONFIG=/of/the/cluster" ;;
esac
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended, and the calls in their order."""

    status: int
    output: str
    calls: list[str]
    is_up: bool

    def index(self, beginning: str) -> int:
        """Return the place of the first such call."""
        return next(number for number, call in enumerate(self.calls) if call.startswith(beginning))

    def count(self, beginning: str) -> int:
        """Return how many such calls there were."""
        return sum(call.startswith(beginning) for call in self.calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ci:
    """The script in a clone of its own, beside which there is nothing."""

    folder: Path

    def run(self, *, cluster: bool, up: bool = False, failing: str = "nothing") -> Outcome:
        """Run it to its end; `failing` is the target of make that fails."""
        is_up, calls = self.folder / "up", self.folder / "calls"
        if up:
            is_up.touch()
        environment = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "CALLS": str(calls),
            "UP": str(is_up),
            "FAILING": failing,
            "E2E_CLUSTER_COMMAND": str(self.folder / "bin" / "cluster") if cluster else "",
        }
        command = [str(self.folder / "clone" / ".ci" / "run")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=50, check=False)
        told = calls.read_text(encoding="utf-8").splitlines()
        return Outcome(status=done.returncode, output=done.stdout + done.stderr, calls=told, is_up=is_up.exists())


@pytest.fixture
def ci(tmp_path: Path) -> Ci:
    files = {"bin/make": MAKE, "bin/cluster": CLUSTER, "clone/.ci/run": RUN.read_text(encoding="utf-8")}
    for name, text in files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(0o755)
    scripts = tmp_path / "clone" / "scripts"
    scripts.mkdir()
    for name in ("prerequisites.py", "test_tools.py"):
        (scripts / name).write_text("", encoding="utf-8")  # nothing is missing
    return Ci(folder=tmp_path)


def test_without_a_cluster_command_it_says_that_the_tests_on_a_cluster_were_skipped_and_why(ci: Ci) -> None:
    outcome = ci.run(cluster=False)
    assert outcome.status == 0
    assert "SKIPPED, since no cluster is here: E2E_CLUSTER_COMMAND is not set" in outcome.output
    assert [call.split()[1] for call in outcome.calls] == ["prerequisites", "setup", "lint", "test"]


def test_without_a_cluster_command_a_failing_test_fails_the_run(ci: Ci) -> None:
    assert ci.run(cluster=False, failing="test").status != 0


def test_a_cluster_that_was_down_is_brought_up_for_the_tests_and_down_again(ci: Ci) -> None:
    outcome = ci.run(cluster=True)
    assert outcome.status == 0, outcome.output
    assert outcome.count("cluster up") == 2  # built in the background, then started for the tests
    assert outcome.index("make test") < outcome.index("make images") < outcome.index("make e2e")
    assert outcome.calls[-1].startswith("cluster down")
    assert not outcome.is_up


def test_a_cluster_that_was_up_is_left_up(ci: Ci) -> None:
    outcome = ci.run(cluster=True, up=True)
    assert outcome.status == 0, outcome.output
    assert outcome.is_up
    assert outcome.count("cluster down") == 0


@pytest.mark.parametrize("target", ["test", "images", "manifests-check", "e2e"])
def test_a_stage_that_fails_fails_the_run_and_the_cluster_goes_down_all_the_same(ci: Ci, target: str) -> None:
    outcome = ci.run(cluster=True, failing=target)
    assert outcome.status != 0
    assert outcome.calls[-1].startswith("cluster down")
    assert not outcome.is_up


def test_what_the_cluster_starts_is_not_taken_for_a_leftover_of_the_run(ci: Ci) -> None:
    outcome = ci.run(cluster=True)
    marks = {call.split()[0]: call.split("mark=")[1] for call in outcome.calls}
    assert marks == {"make": "set", "cluster": ""}


def test_images_are_built_by_the_cluster_s_own_command(ci: Ci) -> None:
    outcome = ci.run(cluster=True, up=True)
    assert "/bin/cluster build" in outcome.calls[outcome.index("make images")]


def test_the_last_lines_are_those_of_the_tests(ci: Ci) -> None:
    (ci.folder / "bin" / "make").write_text(f"#!/bin/bash\n{NOTE}echo the summary of $1\n", encoding="utf-8")
    assert ci.run(cluster=True).output.splitlines()[-1] == "the summary of e2e"


def test_programs_that_only_tests_use_are_installed_too(ci: Ci) -> None:
    lacking = 'import os\nprint("" if os.path.exists(os.environ["CALLS"]) else "chromium")\n'
    (ci.folder / "clone" / "scripts" / "test_tools.py").write_text(lacking, encoding="utf-8")
    for name, text in {"apt-get": NOTE, "id": "echo 0\n"}.items():
        (ci.folder / "bin" / name).write_text(f"#!/bin/bash\n{text}", encoding="utf-8")
        (ci.folder / "bin" / name).chmod(0o755)
    outcome = ci.run(cluster=False)
    assert outcome.status == 0, outcome.output
    assert outcome.calls[1].split(" mark=")[0].endswith(" chromium")
    assert outcome.index("apt-get install") < outcome.index("make prerequisites")
