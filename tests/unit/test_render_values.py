"""Rendering: no value can break an object, whatever it is, and every resource gives objects."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError
from tests.unit.pod_security import violations
from tests.unit.rendering import OWNER, SETTINGS, WORKLOADS, desired, flink, manifests, named, pod

from anomalyjob_operator import names
from anomalyjob_operator.cluster import render as rendering
from anomalyjob_operator.cluster.render import render
from anomalyjob_operator.desired.workloads import DesiredState

REFERENCE = manifests()


NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", fullmatch=True)
NAMESPACES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)


@settings(max_examples=30)
@given(name=NAMES, namespace=NAMESPACES)
def test_no_name_and_no_label_is_longer_than_kubernetes_allows(name: str, namespace: str) -> None:
    for manifest in manifests(name=name, namespace=namespace):
        assert all(len(text) <= 63 for text in (manifest["metadata"]["name"], *manifest["metadata"]["labels"].values()))


def test_the_longest_names_are_no_longer_than_kubernetes_allows() -> None:
    for manifest in manifests({"taskManager": {"replicas": 100}}, name="j" * 40, namespace="n" * 63):
        # A ConfigMap's name is no label, so it may have up to 253 characters.
        longest = 253 if manifest["kind"] == "ConfigMap" else 63
        assert len(manifest["metadata"]["name"]) <= longest
        assert all(len(text) <= 63 for text in manifest["metadata"]["labels"].values())


TRAPS = (
    "",
    "null",
    "~",
    "yes",
    "1e3",
    "0x1f",
    "2026-01-01",
    "{{ x }}",
    "{% x %}",
    "- a",
    "a: b",
    "&a",
    "*a",
    "!!int 1",
)
HOSTILE = st.sampled_from(TRAPS) | st.text()


def hostile(state: DesiredState, text: str) -> DesiredState:
    """The state with a text in every place that may come from a user."""
    odd = dataclasses.replace(
        state.job_manager, files={"job.json": text, "config.yaml": text}, environment={"JAVA_HOME": text}
    )
    return dataclasses.replace(state, job_manager=odd)


@given(text=HOSTILE)
def test_any_text_arrives_as_it_is(text: str) -> None:
    odd = hostile(desired(), text)
    settings = dataclasses.replace(SETTINGS, job_image=text)

    found = render(odd, settings, dataclasses.replace(OWNER, uid=text))

    name = names.configuration_name("demo-jobmanager", odd.job_manager.content_hash)
    assert named(found, "ConfigMap", name)["data"] == {"job.json": text, "config.yaml": text}
    container = flink(found, "demo-jobmanager")
    assert container["image"] == text
    assert {"name": "JAVA_HOME", "value": text} in container["env"]
    assert named(found, "Service", "demo-rest")["metadata"]["ownerReferences"][0]["uid"] == text


@pytest.mark.parametrize("text", ["\u2028", "\x85", "\x7f", "\ufeff", "\uffff", "😀", "'\"<>&", "a\r\nb\tc", " a "])
def test_what_yaml_would_swallow_arrives_too(text: str) -> None:
    settings = dataclasses.replace(SETTINGS, job_image=text)

    assert flink(render(desired(), settings, OWNER), "demo-jobmanager")["image"] == text


STORAGE = st.sampled_from(
    [
        {"existingClaim": "mine"},
        {"persistentVolumeClaim": {}},
        {"persistentVolumeClaim": {"accessModes": ["ReadWriteMany"], "storageClassName": "x", "size": "2Ti"}},
    ]
)
RESOURCES = st.fixed_dictionaries(
    {},
    optional={
        "limits": st.fixed_dictionaries({}, optional={"memory": st.just("4Gi"), "cpu": st.just("2")}),
        "requests": st.fixed_dictionaries({}, optional={"memory": st.just("1Gi"), "cpu": st.just("150m")}),
    },
)
ROLE = st.fixed_dictionaries(
    {},
    optional={
        "resources": RESOURCES,
        "podTemplate": st.fixed_dictionaries({"metadata": st.fixed_dictionaries({"labels": st.just({"a": "b"})})}),
    },
)
VALID = st.fixed_dictionaries(
    {},
    optional={
        "image": st.just("x:1"),
        "jobManager": ROLE,
        "taskManager": ROLE,
        "checkpointing": st.fixed_dictionaries({"storage": STORAGE}),
        "job": st.fixed_dictionaries({"pythonExecutionMode": st.sampled_from(["thread", "process"])}),
        "flinkConfiguration": st.dictionaries(st.sampled_from(["a.b", "c"]), st.text(max_size=5)),
    },
)


@settings(max_examples=50)
@given(spec=VALID, running=st.booleans())
def test_every_resource_gives_the_same_restricted_pods_each_time(spec: dict[str, Any], running: bool) -> None:
    found = manifests(spec, running=running)

    assert found == manifests(spec, running=running)
    assert [violations(pod(found, workload)) for workload in WORKLOADS] == [[]] * len(WORKLOADS)


def test_what_a_caller_does_with_the_objects_does_not_come_back() -> None:
    first = manifests()
    for manifest in first:
        manifest["metadata"].clear()

    assert manifests() == REFERENCE


def test_a_template_cannot_show_a_value_that_is_not_json() -> None:
    with pytest.raises(TypeError, match="without tojson: 'x'"):
        rendering._environment().from_string("{{ name }}").render(name="x")


def test_a_template_cannot_show_a_value_that_is_not_there() -> None:
    with pytest.raises(UndefinedError, match="'name' is undefined"):
        rendering._environment().from_string("{{ name | tojson }}").render()


def test_there_is_a_template_for_each_kind_of_object_and_no_other() -> None:
    kinds = {one["kind"].lower() for one in REFERENCE}

    assert {name.removesuffix(".yaml.j2") for name in rendering._environment().list_templates()} == kinds
