"""What a podTemplate may not say, with its path and a sentence; and that nothing else is ever dropped silently."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.pod_templates import POD, TEMPLATES

from anomalyjob_operator.cluster.pod_template import merged
from anomalyjob_operator.spec import InvalidResource, parse
from anomalyjob_operator.spec.pod_template import PodTemplate
from anomalyjob_operator.spec.wording import path_text


def errors(template: Any, role: str = "taskManager") -> dict[str, str]:
    spec = {role: {"podTemplate": template}}
    document = {"apiVersion": "anomalyjob.dev/v1alpha1", "kind": "AnomalyJob", "metadata": {"name": "demo"}}
    try:
        parse(document | {"spec": spec})
    except InvalidResource as error:
        return {one.path.removeprefix(f"spec.{role}.podTemplate."): one.message for one in error.errors}
    return {}


def flink(**fields: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "flink", **fields}]}}


def beside(**fields: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "beside", "image": "beside:1", **fields}]}}


def volume(**fields: Any) -> dict[str, Any]:
    return {"spec": {"volumes": [{"name": "mine", **fields}]}}


REFUSED: list[tuple[str, Any, str, str]] = [
    (
        "label of the operator",
        {"metadata": {"labels": {"anomalyjob.dev/job": "x"}}},
        'metadata.labels["anomalyjob.dev/job"]',
        "is set by the operator",
    ),
    (
        "common label",
        {"metadata": {"labels": {"app.kubernetes.io/name": "x"}}},
        'metadata.labels["app.kubernetes.io/name"]',
        "is set by the operator",
    ),
    (
        "annotation of the operator",
        {"metadata": {"annotations": {"anomalyjob.dev/content-hash": "x"}}},
        'metadata.annotations["anomalyjob.dev/content-hash"]',
        "is set by the operator",
    ),
    (
        "unconfined",
        {"metadata": {"annotations": {"container.apparmor.security.beta.kubernetes.io/flink": "unconfined"}}},
        'metadata.annotations["container.apparmor.security.beta.kubernetes.io/flink"]',
        "every container keeps its confinement",
    ),
    ("hostNetwork", {"spec": {"hostNetwork": True}}, "spec.hostNetwork", "is not a known field"),
    ("serviceAccountName", {"spec": {"serviceAccountName": "x"}}, "spec.serviceAccountName", "is not a known field"),
    ("securityContext of the pod", {"spec": {"securityContext": {}}}, "spec.securityContext", "is not a known field"),
    ("image of flink", flink(image="x"), "spec.containers[0].image", "only env, volumeMounts can be added"),
    ("resources of flink", flink(resources={}), "spec.containers[0].resources", "is the operator's"),
    (
        "variable of the operator",
        flink(env=[{"name": "JAVA_HOME", "value": "x"}]),
        "spec.containers[0].env[0].name",
        "does not reach Flink",
    ),
    ("variable without a name", flink(env=[{"value": "x"}]), "spec.containers[0].env[0].name", "must be a name"),
    ("env is no list", flink(env={}), "spec.containers[0].env", "must be a list"),
    ("env holds text", flink(env=["A=b"]), "spec.containers[0].env[0]", "must be a mapping"),
    (
        "mount that hides",
        flink(volumeMounts=[{"name": "x", "mountPath": "/opt"}]),
        "spec.containers[0].volumeMounts[0].mountPath",
        "hides no folder which Flink needs, found /opt",
    ),
    (
        "mount without a path",
        flink(volumeMounts=[{"name": "x"}]),
        "spec.containers[0].volumeMounts[0].mountPath",
        "must be an absolute path",
    ),
    (
        "mount that spreads",
        flink(volumeMounts=[{"name": "x", "mountPath": "/x", "mountPropagation": "Bidirectional"}]),
        "spec.containers[0].volumeMounts[0].mountPropagation",
        "is not allowed; allowed here: mountPath, name",
    ),
    (
        "container without a name",
        {"spec": {"containers": [{"image": "x"}]}},
        "spec.containers[0].name",
        "must be a name",
    ),
    (
        "security context beside",
        beside(securityContext={"privileged": True}),
        "spec.containers[0].securityContext",
        "gets the operator's restricted security context",
    ),
    (
        "unknown field beside",
        beside(volumeDevices=[]),
        "spec.containers[0].volumeDevices",
        "is not allowed; allowed here: args, command",
    ),
    (
        "port of the node",
        beside(ports=[{"containerPort": 1, "hostPort": 1}]),
        "spec.containers[0].ports[0].hostPort",
        "is not allowed",
    ),
    (
        "probe of another host",
        beside(livenessProbe={"httpGet": {"host": "x", "port": 1}}),
        "spec.containers[0].livenessProbe.httpGet.host",
        "asks its own pod",
    ),
    (
        "hook to another host",
        beside(lifecycle={"preStop": {"tcpSocket": {"host": "x"}}}),
        "spec.containers[0].lifecycle.preStop.tcpSocket.host",
        "asks its own pod",
    ),
    (
        "flink before flink",
        {"spec": {"initContainers": [{"name": "flink", "image": "x"}]}},
        "spec.initContainers[0].name",
        "is the name of a container of the operator",
    ),
    ("restartPolicy beside", beside(restartPolicy="Always"), "spec.containers[0].restartPolicy", "is not allowed"),
    ("volume of the node", volume(hostPath={"path": "/"}), "spec.volumes[0]", "found hostPath"),
    ("volume of no kind", volume(), "spec.volumes[0]", "must hold exactly one kind of volume out of configMap, csi"),
    ("volume of two kinds", volume(emptyDir={}, secret={}), "spec.volumes[0]", "found emptyDir, secret"),
    ("volume that is nothing", volume(emptyDir=[]), "spec.volumes[0].emptyDir", "must be a mapping"),
    (
        "volume of the operator",
        {"spec": {"volumes": [{"name": "ledger", "emptyDir": {}}]}},
        "spec.volumes[0].name",
        "is set by the operator",
    ),
    (
        "token",
        volume(projected={"sources": [{"serviceAccountToken": {}}]}),
        "spec.volumes[0].projected.sources[0].serviceAccountToken",
        "is not allowed; allowed here: configMap, downwardAPI, secret",
    ),
]


@pytest.mark.parametrize("template, path, message", [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_cannot_be_had_is_refused_by_its_path(template: Any, path: str, message: str) -> None:
    found = errors(template)

    assert list(found) == [path]
    assert message in found[path]


def test_the_job_managers_template_is_judged_as_well() -> None:
    assert list(errors(volume(hostPath={"path": "/"}), role="jobManager")) == ["spec.volumes[0]"]


def test_everything_is_told_at_once() -> None:
    template = {"spec": {"containers": [{"name": "flink", "image": "x", "args": []}], "volumes": [{"name": "tmp"}]}}

    assert list(errors(template)) == [
        "spec.containers[0].args",
        "spec.containers[0].image",
        "spec.volumes[0]",
        "spec.volumes[0].name",
    ]


@pytest.mark.parametrize(
    "template",
    [
        {},
        {"metadata": {"labels": {"team": "x"}, "annotations": {"a": "b"}}},
        flink(env=[{"name": "TZ", "value": ""}]),
        beside(env=[{"name": "A", "value": "b"}], envFrom=[{"secretRef": {"name": "x"}}]),
        beside(ports=[{"containerPort": 1}], readinessProbe={"exec": {"command": ["true"]}}),
        {"spec": {"initContainers": [{"name": "before", "image": "x", "restartPolicy": "Always"}]}},
        volume(projected={"sources": [{"secret": {"name": "x"}}]}),
        volume(ephemeral={"volumeClaimTemplate": {}}),
    ],
)
def test_what_may_be_had_is_not_refused(template: Any) -> None:
    assert errors(template) == {}


def parsed(template: Any) -> dict[str, Any] | None:
    """The template as the operator hands it on, None when it is refused."""
    if errors(template):
        return None
    return PodTemplate.model_validate(template).model_dump(mode="json", by_alias=True, exclude_none=True)


def leaves(value: Any, at: tuple[str | int, ...] = ()) -> dict[str, Any]:
    """Every value that is neither a mapping nor a list, by its path; items of lists by their name."""
    if isinstance(value, dict):
        return {path: leaf for key, one in value.items() for path, leaf in leaves(one, (*at, str(key))).items()}
    if isinstance(value, list):
        names = [one.get("name", number) if isinstance(one, dict) else number for number, one in enumerate(value)]
        return {
            path: leaf
            for name, one in zip(names, value, strict=True)
            for path, leaf in leaves(one, (*at, name)).items()
        }
    return {path_text([str(part) for part in at]): value}


WORDS = st.sampled_from(["a", "b", "1e3", ""])
MAPPINGS = st.dictionaries(st.sampled_from(["k", "l"]), WORDS, max_size=2)
NAMED = st.sampled_from(["one", "two", "three"])
LISTS = st.lists(MAPPINGS, max_size=2)
MOUNTS = st.lists(
    st.fixed_dictionaries({"name": NAMED, "mountPath": st.sampled_from(["/a", "/b"])}),
    unique_by=(lambda one: one["name"], lambda one: one["mountPath"]),
)
COMMON = {
    "env": st.lists(st.fixed_dictionaries({"name": NAMED, "value": WORDS}), unique_by=lambda one: one["name"]),
    "envFrom": LISTS,
}
ZONES = st.lists(st.fixed_dictionaries({"name": st.just("TZ"), "value": WORDS}), max_size=1)
FLINK = st.fixed_dictionaries({"name": st.just("flink")}, optional={"env": ZONES, "volumeMounts": MOUNTS})
BESIDE = st.fixed_dictionaries(
    {"name": NAMED, "image": WORDS},
    optional={
        **COMMON,
        "volumeMounts": MOUNTS,
        "args": st.lists(WORDS, max_size=2),
        "resources": MAPPINGS,
        "ports": st.lists(st.fixed_dictionaries({"name": NAMED, "containerPort": st.just(1)}), max_size=1),
        "livenessProbe": st.fixed_dictionaries({"exec": MAPPINGS}),
    },
)
KINDS = st.sampled_from(["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "secret"])
PLACES = st.fixed_dictionaries(
    {},
    optional={
        "containers": st.lists(BESIDE | FLINK, max_size=3, unique_by=lambda one: one["name"]),
        "initContainers": st.lists(BESIDE, max_size=2, unique_by=lambda one: one["name"]),
        "volumes": st.lists(
            st.builds(lambda name, kind, source: {"name": name, kind: source}, NAMED, KINDS, MAPPINGS),
            max_size=2,
            unique_by=lambda one: one["name"],
        ),
        "affinity": st.fixed_dictionaries({"nodeAffinity": MAPPINGS}),
        "nodeSelector": MAPPINGS,
        "dnsConfig": MAPPINGS,
        **dict.fromkeys(("tolerations", "hostAliases", "imagePullSecrets", "topologySpreadConstraints"), LISTS),
        **dict.fromkeys(
            ("dnsPolicy", "preemptionPolicy", "priorityClassName", "runtimeClassName", "schedulerName"), st.just("a")
        ),
    },
)
POSSIBLE = st.fixed_dictionaries(
    {}, optional={"spec": PLACES, "metadata": st.fixed_dictionaries({"labels": MAPPINGS, "annotations": MAPPINGS})}
)


@given(template=POSSIBLE)
def test_a_template_that_is_not_refused_arrives_whole(template: Any) -> None:
    handed_on = parsed(template)
    assert handed_on is not None, errors(template)

    pod = leaves(merged(POD, handed_on))

    # An empty value is as good as none.
    assert {path: value for path, value in leaves(handed_on).items() if value != pod.get(path, "")} == {}


@given(template=TEMPLATES)
def test_judging_a_template_never_fails(template: Any) -> None:
    assert all(message for message in errors(template).values())
