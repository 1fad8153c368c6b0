"""Whether a live object still says what was applied: one table of differences, each with what it amounts to."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anomalyjob_operator.cluster.drift import drifted, marked

POD: dict[str, Any] = {
    "replicas": 1,
    "template": {
        "metadata": {"labels": {"app": "demo"}, "annotations": {}},
        "spec": {
            "enableServiceLinks": False,
            "nodeSelector": None,
            "containers": [
                {
                    "name": "flink",
                    "args": ["jobmanager"],
                    "env": [{"name": "HOME", "value": "/tmp"}, {"name": "LANG", "value": "C"}],
                    "ports": [{"name": "rest", "containerPort": 8081}],
                    "resources": {"limits": {"memory": "1024Mi"}, "requests": {"cpu": "0.5"}},
                    "volumeMounts": [{"name": "tmp", "mountPath": "/a"}, {"name": "tmp", "mountPath": "/b"}],
                }
            ],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        },
    },
}

LIST_OF_LISTS: dict[str, Any] = {"rows": [["a", "b"], ["c"]], "ports": [{"port": 53}, {"port": 54}], "none": []}


def changed(path: str, value: object, of: dict[str, Any] = POD) -> dict[str, Any]:
    """A copy with one value replaced; the path has dots, numbers are positions in lists."""
    document = copy.deepcopy(of)
    at: Any = document
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in parents:
        at = at[part]
    if isinstance(at, list) and last == len(at):
        at.append(value)
    else:
        at[last] = value
    return document


def without(path: str, of: dict[str, Any] = POD) -> dict[str, Any]:
    """A copy that lacks one key or item."""
    document = copy.deepcopy(of)
    at: Any = document
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in parents:
        at = at[part]
    del at[last]
    return document


FLINK = "template.spec.containers.0"

SAME: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing differs": (POD, copy.deepcopy(POD)),
    "the server filled in a field": (POD, changed("progressDeadlineSeconds", 600)),
    "the server filled in a field of a container": (POD, changed(f"{FLINK}.imagePullPolicy", "Always")),
    "the server wrote the status": (POD, changed("status", {"readyReplicas": 1})),
    "another controller added a label": (POD, changed("template.metadata.labels.mesh", "on")),
    "another controller added a container": (POD, changed("template.spec.containers.1", {"name": "mesh"})),
    "another controller added a container before ours": (
        POD,
        changed("template.spec.containers", [{"name": "mesh"}, *POD["template"]["spec"]["containers"]]),
    ),
    "named items came back in another order": (
        POD,
        changed(f"{FLINK}.env", [{"name": "LANG", "value": "C"}, {"name": "HOME", "value": "/tmp"}]),
    ),
    "one volume is mounted twice and the mounts came back in another order": (
        POD,
        changed(f"{FLINK}.volumeMounts", [{"name": "tmp", "mountPath": "/b"}, {"name": "tmp", "mountPath": "/a"}]),
    ),
    "the server wrote memory in its own unit": (POD, changed(f"{FLINK}.resources.limits.memory", "1Gi")),
    "the server wrote a part of a CPU in thousandths": (POD, changed(f"{FLINK}.resources.requests.cpu", "500m")),
    "a whole number is an amount": ({"limits": {"cpu": 2}}, {"limits": {"cpu": "2"}}),
    "the server dropped an empty mapping": (POD, without("template.metadata.annotations")),
    "the server dropped an empty list": (LIST_OF_LISTS, without("none", LIST_OF_LISTS)),
    "the server filled in an empty mapping": (POD, changed("template.spec.volumes.0.emptyDir", {"medium": ""})),
    "what was applied as null is not there": (POD, without("template.spec.nodeSelector")),
    "what was applied as null has a value of somebody else": (POD, changed("template.spec.nodeSelector", {"a": "b"})),
    "the server filled in a field of an item without a name": (
        LIST_OF_LISTS,
        changed("ports.0.protocol", "TCP", LIST_OF_LISTS),
    ),
    "amounts that are no amounts are equal as texts": ({"limits": {"x": "NaN"}}, {"limits": {"x": "NaN"}}),
}

DIFFERENT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a number was changed": (POD, changed("replicas", 2)),
    "a field was removed": (POD, without("replicas")),
    "a mapping was removed": (POD, without("template.metadata.labels")),
    "a mapping became a text": (POD, changed("template.metadata.labels", "app=demo")),
    "a label was changed": (POD, changed("template.metadata.labels.app", "other")),
    "our container was replaced by another": (POD, changed(f"{FLINK}.name", "other")),
    "a variable was removed": (POD, without(f"{FLINK}.env.1")),
    "a variable was changed": (POD, changed(f"{FLINK}.env.1.value", "de")),
    "all variables were removed": (POD, without(f"{FLINK}.env")),
    "an argument was changed": (POD, changed(f"{FLINK}.args", ["taskmanager"])),
    "an argument was added": (POD, changed(f"{FLINK}.args", ["jobmanager", "-v"])),
    "a list became a text": (POD, changed(f"{FLINK}.args", "jobmanager")),
    "one of two mounts of one volume was moved": (POD, changed(f"{FLINK}.volumeMounts.1.mountPath", "/c")),
    "memory was changed": (POD, changed(f"{FLINK}.resources.limits.memory", "1Gi1")),
    "memory in another unit is another amount": (POD, changed(f"{FLINK}.resources.limits.memory", "1024M")),
    "a limit was removed": (POD, without(f"{FLINK}.resources.limits.memory")),
    "false became 0": (POD, changed("template.spec.enableServiceLinks", 0)),
    "1 became true": (POD, changed("replicas", value=True)),
    "a number became a text": (POD, changed("replicas", "1")),
    "a text that looks like an amount is none outside of amounts": ({"data": {"a": "1Gi"}}, {"data": {"a": "1024Mi"}}),
    "items without a name came in another order": (
        LIST_OF_LISTS,
        changed("ports", [{"port": 54}, {"port": 53}], LIST_OF_LISTS),
    ),
    "an item without a name was added": (LIST_OF_LISTS, changed("ports.2", {"port": 55}, LIST_OF_LISTS)),
    "a list in a list was changed": (LIST_OF_LISTS, changed("rows.0", ["b", "a"], LIST_OF_LISTS)),
    "something was added to an empty list": (LIST_OF_LISTS, changed("none.0", "x", LIST_OF_LISTS)),
}


@pytest.mark.parametrize("difference", SAME)
def test_it_is_still_what_was_applied_when(difference: str) -> None:
    applied, live = SAME[difference]

    assert not drifted(applied, live)


@pytest.mark.parametrize("difference", DIFFERENT)
def test_it_has_drifted_when(difference: str) -> None:
    applied, live = DIFFERENT[difference]

    assert drifted(applied, live)


def test_a_field_that_is_applied_no_longer_is_noticed() -> None:
    selected: dict[str, Any] = {"metadata": {"name": "demo"}, "spec": {"replicas": 1, "nodeSelector": {"zone": "a"}}}
    live = marked(selected)
    selected["spec"].pop("nodeSelector")

    assert not drifted(selected, live), "no field tells"
    assert drifted(marked(selected), live)
    assert not drifted(marked(selected), with_extras(marked(selected)))


def test_the_mark_is_the_same_for_the_same_content_and_leaves_other_annotations() -> None:
    one: dict[str, Any] = {
        "kind": "X",
        "metadata": {"name": "demo", "annotations": {"a": "b"}},
        "data": {"x": "1", "y": "2"},
    }
    other = {"data": {"y": "2", "x": "1"}, "metadata": {"annotations": {"a": "b"}, "name": "demo"}, "kind": "X"}

    assert marked(one) == marked(other)
    assert marked(one)["metadata"]["annotations"]["a"] == "b"
    assert "anomalyjob.dev/applied-hash" not in one["metadata"]["annotations"]


TEXTS = st.text("abc1.Gi", min_size=1, max_size=4)
KEYS = st.sampled_from(["name", "mountPath", "port", "limits", "storage", "a", "b"])
LEAVES = st.one_of(st.booleans(), st.integers(-3, 3), TEXTS)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=4)


def with_extras(value: Any) -> Any:
    """The value as a server returns it: every mapping has one more field."""
    if isinstance(value, dict):
        return {key: with_extras(inner) for key, inner in value.items()} | {"uid-of-the-server": "7"}
    return [with_extras(item) for item in value] if isinstance(value, list) else value


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of everything that is neither a mapping nor a list."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, key))
    else:
        yield path


@given(DOCUMENTS)
@example({"name": [{"name": False}, {"name": {}}]})
def test_whatever_was_applied_is_held_by_itself_and_by_itself_with_more_fields(document: dict[str, Any]) -> None:
    assert not drifted(document, copy.deepcopy(document))
    assert not drifted(document, with_extras(document))


@given(DOCUMENTS.filter(lambda document: any(leaves(document))), st.data())
def test_whichever_applied_value_is_replaced_by_another_the_object_has_drifted(
    document: dict[str, Any], data: st.DataObject
) -> None:
    *parents, last = data.draw(st.sampled_from(list(leaves(document))))
    live: Any = copy.deepcopy(document)
    at = live
    for part in parents:
        at = at[part]
    at[last] = "something else"

    assert drifted(document, live)
