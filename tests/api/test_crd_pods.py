"""What the definition lets a podTemplate say, asked of a real API server: what the mask takes over, and no more."""

from typing import Any

import pytest
from tests.api.resource_kind import ResourceKind
from tests.golden.manifest_cases import POD_TEMPLATE

from anomalyjob_operator.spec import InvalidResource, parse

pytestmark = pytest.mark.api


def template(**fields: Any) -> dict[str, Any]:
    return {"taskManager": {"podTemplate": fields}}


def pod(**fields: Any) -> dict[str, Any]:
    return template(spec=fields)


def flink(**fields: Any) -> dict[str, Any]:
    return pod(containers=[{"name": "flink", **fields}])


def beside(**fields: Any) -> dict[str, Any]:
    return pod(containers=[{"name": "beside", "image": "beside:1", **fields}])


def volume(**fields: Any) -> dict[str, Any]:
    return pod(volumes=[{"name": "mine", **fields}])


def mount(path: str) -> dict[str, Any]:
    return flink(volumeMounts=[{"name": "mine", "mountPath": path}])


def is_right(spec: dict[str, Any]) -> bool:
    identity = {"apiVersion": "anomalyjob.dev/v1alpha1", "kind": "AnomalyJob", "metadata": {"name": "demo"}}
    try:
        parse({**identity, "spec": spec})
    except InvalidResource:
        return False
    return True


PLACE = "spec.taskManager.podTemplate"
CONTAINER = f"{PLACE}.spec.containers[0]"

REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "label of the operator": (
        template(metadata={"labels": {"team": "a"}}),
        template(metadata={"labels": {"anomalyjob.dev/job": "x"}}),
        f"{PLACE}.metadata.labels",
        "anomalyjob.dev/job is set by the operator",
    ),
    "common label": (
        template(metadata={"labels": {"app.kubernetes.io/part-of-me": "a"}}),
        template(metadata={"labels": {"app.kubernetes.io/name": "x"}}),
        f"{PLACE}.metadata.labels",
        "app.kubernetes.io/name is set by the operator",
    ),
    "annotation of the operator": (
        template(metadata={"annotations": {"a": "b"}}),
        template(metadata={"annotations": {"anomalyjob.dev/content-hash": "x"}}),
        f"{PLACE}.metadata.annotations",
        "anomalyjob.dev/content-hash is set by the operator",
    ),
    "unconfined": (
        template(metadata={"annotations": {"security": "b"}}),
        template(metadata={"annotations": {"container.apparmor.security.beta.kubernetes.io/flink": "unconfined"}}),
        f"{PLACE}.metadata.annotations",
        "every container keeps its confinement",
    ),
    "empty label": (
        template(metadata={"labels": {"a": ""}}),
        template(metadata={"labels": {"": "a"}}),
        f"{PLACE}.metadata.labels",
        "characters long",
    ),
    "long label": (
        pod(nodeSelector={"a" * 317: "b"}),
        pod(nodeSelector={"a" * 318: "b"}),
        f"{PLACE}.spec.nodeSelector",
        "317 characters long",
    ),
    "image of Flink's container": (
        beside(),
        flink(image="x"),
        CONTAINER,
        "to the container flink only env, volumeMounts can be added",
    ),
    "resources of Flink's container": (
        beside(resources={"limits": {"cpu": "1"}}),
        flink(resources={}),
        CONTAINER,
        "to the container flink only env, volumeMounts can be added",
    ),
    "variable that does not reach Flink": (
        beside(env=[{"name": "PASSWORD", "value": "x"}]),
        flink(env=[{"name": "PASSWORD", "value": "x"}]),
        f"{CONTAINER}.env",
        "does not reach Flink",
    ),
    "mount over a folder": (mount("/etc/certificates"), mount("/opt"), f"{CONTAINER}.volumeMounts", "found /opt"),
    "mount in a folder": (mount("/opt/mine"), mount("/tmp/x/"), f"{CONTAINER}.volumeMounts", "found /tmp/x/"),
    "mount that is a folder": (
        mount("/var/lib/anomalyjob2"),
        mount("/var/lib/anomalyjob"),
        f"{CONTAINER}.volumeMounts",
        "must be an absolute path that hides no folder which Flink needs",
    ),
    "mount on the way": (mount("/data/"), mount("data"), f"{CONTAINER}.volumeMounts", "found data"),
    "mount with steps": (mount("/a/b"), mount("/a/../tmp"), f"{CONTAINER}.volumeMounts", "found /a/../tmp"),
    "mount on everything": (mount("/a"), mount("/"), f"{CONTAINER}.volumeMounts", "found /"),
    "container without a name": (beside(), pod(containers=[{"image": "x"}]), f"{CONTAINER}.name", "Required value"),
    "first container of Flink's name": (
        pod(initContainers=[{"name": "wait", "image": "x"}]),
        pod(initContainers=[{"name": "flink", "image": "x"}]),
        f"{PLACE}.spec.initContainers[0].name",
        "is the name of a container of the operator",
    ),
    "volume of no kind": (
        volume(emptyDir={}),
        volume(),
        f"{PLACE}.spec.volumes[0]",
        "must hold exactly one kind of volume out of configMap,",
    ),
    "volume of two kinds": (
        volume(secret={"secretName": "a"}),
        volume(secret={"secretName": "a"}, emptyDir={}),
        f"{PLACE}.spec.volumes[0]",
        "found several",
    ),
    "volume of the operator's name": (
        volume(emptyDir={}),
        pod(volumes=[{"name": "tmp", "emptyDir": {}}]),
        f"{PLACE}.spec.volumes[0].name",
        "is set by the operator",
    ),
    "many containers": (
        pod(containers=[{"name": f"c{number}"} for number in range(50)]),
        pod(containers=[{"name": f"c{number}"} for number in range(51)]),
        f"{PLACE}.spec.containers",
        "at most 50",
    ),
}


@pytest.mark.parametrize("rule", REFUSED)
def test_the_server_refuses_what_spec_refuses(kind: ResourceKind, rule: str) -> None:
    right, wrong, path, words = REFUSED[rule]
    kind.tried(right)

    assert is_right(right)
    assert not is_right(wrong)
    refused = kind.refusal(wrong)
    assert any(words in said for said in refused.causes.get(path, ())), refused.text


UNKNOWN: dict[str, tuple[dict[str, Any], str]] = {
    "network of the node": (pod(hostNetwork=True), "spec.hostNetwork"),
    "account": (pod(serviceAccountName="admin"), "spec.serviceAccountName"),
    "security context of the pod": (pod(securityContext={"runAsUser": 0}), "spec.securityContext"),
    "security context beside": (beside(securityContext={"privileged": True}), "spec.containers[0].securityContext"),
    "security context of Flink": (flink(securityContext={}), "spec.containers[0].securityContext"),
    "security context before": (
        pod(initContainers=[{"name": "a", "securityContext": {}}]),
        "spec.initContainers[0].securityContext",
    ),
    "device": (beside(volumeDevices=[]), "spec.containers[0].volumeDevices"),
    "port of the node": (
        beside(ports=[{"containerPort": 1, "hostPort": 1}]),
        "spec.containers[0].ports[0].hostPort",
    ),
    "mount that spreads": (
        beside(volumeMounts=[{"name": "x", "mountPath": "/x", "mountPropagation": "Bidirectional"}]),
        "spec.containers[0].volumeMounts[0].mountPropagation",
    ),
    "folder of the node": (volume(hostPath={"path": "/"}), "spec.volumes[0].hostPath"),
    "token": (
        volume(projected={"sources": [{"serviceAccountToken": {"path": "token"}}]}),
        "spec.volumes[0].projected.sources[0].serviceAccountToken",
    ),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_would_loosen_a_pod_is_no_field(kind: ResourceKind, case: str) -> None:
    spec, field = UNKNOWN[case]

    assert not is_right(spec)
    assert f'unknown field "{PLACE}.{field}"' in kind.refusal(spec).text


def test_a_rich_template_is_stored_as_it_is(kind: ResourceKind) -> None:
    stored = kind.tried({"taskManager": {"podTemplate": POD_TEMPLATE}})["spec"]["taskManager"]["podTemplate"]

    assert {field: stored["spec"][field] for field in POD_TEMPLATE["spec"]} == POD_TEMPLATE["spec"]
    assert stored["metadata"] == POD_TEMPLATE["metadata"]
