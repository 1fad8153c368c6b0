"""`anomalyjob render`: prints what the operator would apply, and says plainly why it does not."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from anomalyjob_operator.cli import main

MANIFEST = Path(__file__).parents[2] / "manifests" / "anomalyjob.yaml"

# Run by an interpreter in which the extra `cluster` cannot be imported.
WITHOUT_THE_EXTRA = """
import sys
for name in ("jinja2", "markupsafe", "kopf", "kubernetes"):
    sys.modules[name] = None
from anomalyjob_operator.cli import main
main(sys.argv[1:])
"""


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["render", *map(str, arguments)])


def printed(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return list(yaml.safe_load_all(result.stdout))


def written(tmp_path: Path, metadata: dict[str, str], spec: Any) -> Path:
    file = tmp_path / "job.yaml"
    document = {"apiVersion": "anomalyjob.dev/v1alpha1", "kind": "AnomalyJob", "metadata": metadata, "spec": spec}
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    return file


def images(documents: list[dict[str, Any]]) -> set[tuple[str, str]]:
    deployments = [one for one in documents if one["kind"] == "Deployment"]
    containers = [one["spec"]["template"]["spec"]["containers"][0] for one in deployments]
    return {(container["image"], container["imagePullPolicy"]) for container in containers}


def test_the_reference_system_is_printed_without_an_owner() -> None:
    documents = printed(run("-f", MANIFEST))

    assert [one["kind"] for one in documents].count("Deployment") == 4
    assert {one["metadata"]["namespace"] for one in documents} == {"default"}
    assert all("ownerReferences" not in one["metadata"] for one in documents)


def test_image_pull_policy_and_operators_namespace_are_options() -> None:
    options = ("--image", "mine:1", "--image-pull-policy", "Never", "--operator-namespace", "ops")

    result = run("-f", MANIFEST, *options)

    assert images(printed(result)) == {("mine:1", "Never")}
    assert "kubernetes.io/metadata.name: ops" in result.stdout


def test_without_options_it_is_the_image_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert images(printed(run("-f", MANIFEST))) == {("anomalyjob:dev", "IfNotPresent")}
    monkeypatch.setenv("ANOMALYJOB_JOB_IMAGE", "registry/anomalyjob:2")
    assert images(printed(run("-f", MANIFEST))) == {("registry/anomalyjob:2", "IfNotPresent")}


def test_the_namespace_option_is_for_a_file_that_names_none(tmp_path: Path) -> None:
    documents = printed(run("-f", written(tmp_path, {"name": "demo"}, {}), "-n", "streams"))

    assert {one["metadata"]["namespace"] for one in documents} == {"streams"}


def test_a_file_that_names_another_namespace_is_refused(tmp_path: Path) -> None:
    result = run("-f", written(tmp_path, {"name": "demo", "namespace": "a"}, {}), "-n", "b")

    assert result.exit_code == 2
    assert result.stderr.endswith("metadata.namespace: is a, which --namespace b does not match\n")


@pytest.mark.parametrize(
    "metadata, spec, complaint",
    [
        ({"name": "Demo"}, {}, "metadata.name: "),
        ({"name": "demo"}, {"job": {"parallelism": 0}}, "spec.job.parallelism: "),
        ({"name": "demo"}, {"flinkConfiguration": {"rest.port": "1"}}, "spec.flinkConfiguration"),
    ],
)
def test_a_wrong_resource_is_refused_by_its_field(
    tmp_path: Path, metadata: dict[str, str], spec: Any, complaint: str
) -> None:
    result = run("-f", written(tmp_path, metadata, spec))

    assert result.exit_code == 2
    assert complaint in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("arguments", [("-f", "nowhere.yaml"), (), ("-f", MANIFEST, "--image-pull-policy", "Maybe")])
def test_bad_input_has_exit_status_2(arguments: tuple[str | Path, ...]) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert "Traceback" not in result.output


@pytest.mark.parametrize("namespace", ["Streams", "", "a_b"])
def test_a_namespace_that_cannot_be_is_refused(tmp_path: Path, namespace: str) -> None:
    result = run("-f", written(tmp_path, {"name": "demo"}, {}), "-n", namespace)

    assert result.exit_code == 2
    assert "metadata.namespace" in result.stderr


def test_without_the_extra_it_says_what_to_install() -> None:
    command = [sys.executable, "-c", WITHOUT_THE_EXTRA, "render", "-f", str(MANIFEST)]

    done = subprocess.run(command, check=False, timeout=30, capture_output=True, text=True)

    assert done.returncode == 1
    assert "pip install 'anomalyjob-operator[cluster]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_extra_the_rest_of_the_command_line_works() -> None:
    command = [sys.executable, "-c", WITHOUT_THE_EXTRA, "validate", "-f", str(MANIFEST)]

    done = subprocess.run(command, check=False, timeout=30, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
