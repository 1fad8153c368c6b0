"""The merge of a user's podTemplate into a pod: what is added, what stays, and that nothing unrestricted gets in."""

import copy
from typing import Any

import pytest
from hypothesis import given
from tests.unit.pod_security import violations
from tests.unit.pod_templates import POD, TEMPLATES

from anomalyjob_operator.cluster.pod_template import merged
from anomalyjob_operator.spec.pod_mask import CONTAINER_SECURITY_CONTEXT


def with_template(**spec: Any) -> Any:
    return merged(POD, {"spec": spec})["spec"]


def with_flink(**fields: Any) -> Any:
    return with_template(containers=[{"name": "flink", **fields}])["containers"][0]


def with_beside(**fields: Any) -> Any:
    return with_template(containers=[{"name": "beside", "image": "beside:1", **fields}])["containers"][1]


@pytest.mark.parametrize("template", [None, {}, {"metadata": {}}, {"spec": {}}, {"spec": {"containers": []}}])
def test_no_template_changes_nothing(template: Any) -> None:
    assert merged(POD, template) == POD


def test_a_merge_leaves_the_pod_it_was_given_as_it_was() -> None:
    before = copy.deepcopy(POD)

    merged(POD, {"metadata": {"labels": {"team": "x"}}, "spec": {"tolerations": [{"operator": "Exists"}]}})

    assert before == POD


def test_labels_and_annotations_are_added_and_the_operators_own_stay() -> None:
    wanted = {
        "labels": {"team": "fraud", "anomalyjob.dev/job": "another"},
        "annotations": {"team/pager": "7", "anomalyjob.dev/content-hash": "forged"},
    }

    metadata = merged(POD, {"metadata": wanted})["metadata"]

    assert metadata["labels"] == {"team": "fraud", "anomalyjob.dev/job": "demo"}
    assert metadata["annotations"] == {"team/pager": "7", "anomalyjob.dev/content-hash": "0123"}


@pytest.mark.parametrize(
    "field, value",
    [
        ("nodeSelector", {"disk": "ssd"}),
        ("priorityClassName", "high"),
        ("runtimeClassName", "gvisor"),
        ("schedulerName", "mine"),
        ("dnsPolicy", "None"),
        ("dnsConfig", {"nameservers": ["10.0.0.10"]}),
        ("hostAliases", [{"ip": "10.0.0.1", "hostnames": ["x"]}]),
        ("imagePullSecrets", [{"name": "registry"}]),
        ("tolerations", [{"key": "dedicated", "operator": "Equal", "value": "streams"}]),
        ("topologySpreadConstraints", [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]),
    ],
)
def test_what_says_where_a_pod_may_run_is_taken_over(field: str, value: Any) -> None:
    assert with_template(**{field: value})[field] == value


@pytest.mark.parametrize(
    "field, value",
    [
        ("hostNetwork", True),
        ("hostPID", True),
        ("hostIPC", True),
        ("hostUsers", True),
        ("shareProcessNamespace", True),
        ("serviceAccountName", "admin"),
        ("automountServiceAccountToken", True),
        ("enableServiceLinks", True),
        ("nodeName", "master"),
        ("securityContext", {"runAsUser": 0}),
        ("restartPolicy", "Never"),
        ("terminationGracePeriodSeconds", 0),
        ("activeDeadlineSeconds", 1),
        ("ephemeralContainers", [{"name": "shell", "image": "shell:1"}]),
    ],
)
def test_what_loosens_or_takes_over_a_pod_is_dropped(field: str, value: Any) -> None:
    assert with_template(**{field: value}) == POD["spec"]


def test_flinks_container_gets_more_variables_and_mounts_in_their_order() -> None:
    zone = {"name": "TZ", "valueFrom": {"configMapKeyRef": {"name": "site", "key": "zone"}}}
    mount = {"name": "ca", "mountPath": "/etc/ca", "readOnly": True}

    flink = with_flink(env=[zone], volumeMounts=[mount])

    own = POD["spec"]["containers"][0]
    assert flink["env"] == [*own["env"], zone]
    assert flink["volumeMounts"] == [*own["volumeMounts"], mount]


@pytest.mark.parametrize(
    "field, value",
    [
        ("image", "mine:1"),
        ("command", ["sh"]),
        ("envFrom", [{"secretRef": {"name": "broker"}}]),
        ("args", ["taskmanager"]),
        ("ports", [{"containerPort": 22}]),
        ("resources", {"limits": {"memory": "1Ti"}}),
        ("securityContext", {"privileged": True}),
        ("livenessProbe", {"httpGet": {"path": "/jobs", "port": 8081}}),
        ("readinessProbe", {"exec": {"command": ["true"]}}),
        ("lifecycle", {"preStop": {"exec": {"command": ["sleep", "3600"]}}}),
        ("terminationMessagePath", "/dev/null"),
        ("workingDir", "/root"),
        ("volumeDevices", [{"name": "disk", "devicePath": "/dev/sda"}]),
        ("stdin", True),
    ],
)
def test_what_flinks_container_is_stays_the_operators_business(field: str, value: Any) -> None:
    assert with_flink(**{field: value}) == POD["spec"]["containers"][0]


@pytest.mark.parametrize("name", ["ANOMALYJOB_CONFIG_DIR", "ANOMALYJOB_POD_IP", "HOME", "JAVA_HOME", "PASSWORD"])
def test_a_variable_that_is_the_operators_or_does_not_reach_flink_is_dropped(name: str) -> None:
    assert with_flink(env=[{"name": name, "value": "mine"}]) == POD["spec"]["containers"][0]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/etc",
        "/etc/anomalyjob",
        "/etc/anomalyjob/config/",
        "/etc/anomalyjob/config/start.json",
        "/etc/x/../anomalyjob",
        "/opt/anomalyjob/lib",
        "/var/lib/anomalyjob/volume",
        "/var/lib",
        "/tmp",
        "relative",
        "",
    ],
)
def test_a_mount_that_hides_what_flink_needs_is_dropped(path: str) -> None:
    assert with_flink(volumeMounts=[{"name": "mine", "mountPath": path}]) == POD["spec"]["containers"][0]


@pytest.mark.parametrize("path", ["/etc/anomalyjobs", "/data", "/opt/anomalyjob-extra", "/tmpfs"])
def test_a_mount_elsewhere_is_taken_over(path: str) -> None:
    mount = {"name": "mine", "mountPath": path}

    assert with_flink(volumeMounts=[mount])["volumeMounts"][-1] == mount


def test_the_last_of_two_variables_of_one_name_holds() -> None:
    flink = with_flink(env=[{"name": "TZ", "value": "1"}, {"name": "TZ", "value": "2"}])

    assert flink["env"][1:] == [{"name": "TZ", "value": "2"}]


def test_a_container_beside_flink_is_confined_like_flink() -> None:
    asked = {"privileged": True, "runAsUser": 0, "capabilities": {"add": ["SYS_ADMIN"]}}

    beside = with_beside(args=["run"], resources={"limits": {"memory": "64Mi"}}, securityContext=asked)

    assert beside == {
        "name": "beside",
        "image": "beside:1",
        "args": ["run"],
        "resources": {"limits": {"memory": "64Mi"}},
        "securityContext": CONTAINER_SECURITY_CONTEXT,
    }


def test_a_container_before_flink_is_confined_and_may_stay() -> None:
    before = with_template(initContainers=[{"name": "before", "image": "before:1", "restartPolicy": "Always"}])

    assert before["initContainers"] == [
        {
            "name": "before",
            "image": "before:1",
            "restartPolicy": "Always",
            "securityContext": CONTAINER_SECURITY_CONTEXT,
        }
    ]


def test_no_container_before_flink_takes_its_name() -> None:
    assert with_template(initContainers=[{"name": "flink", "image": "before:1"}]) == POD["spec"]


def test_a_container_beside_flink_takes_no_port_of_the_node() -> None:
    port = {"name": "http", "containerPort": 80, "hostPort": 80, "hostIP": "10.0.0.1"}

    assert with_beside(ports=[port])["ports"] == [{"name": "http", "containerPort": 80}]


def test_a_probe_asks_no_other_host() -> None:
    probe = {"httpGet": {"host": "10.0.0.1", "path": "/", "port": 80}, "periodSeconds": 5}

    assert with_beside(livenessProbe=probe)["livenessProbe"] == {
        "httpGet": {"path": "/", "port": 80},
        "periodSeconds": 5,
    }


def test_volumes_are_added_by_name_and_the_operators_own_stay() -> None:
    more = {"name": "ca", "secret": {"secretName": "ca"}}

    volumes = with_template(volumes=[more, {"name": "volume", "emptyDir": {}}])["volumes"]

    assert volumes == [*POD["spec"]["volumes"], more]


@pytest.mark.parametrize(
    "volume",
    [
        {"hostPath": {"path": "/"}},
        {"nfs": {"server": "x", "path": "/"}},
        {"iscsi": {}},
        {"projected": None},
        {},
    ],
)
def test_a_volume_of_the_node_is_dropped(volume: Any) -> None:
    assert with_template(volumes=[{"name": "mine", **volume}]) == POD["spec"]


def test_a_projected_volume_brings_no_token() -> None:
    sources = [{"serviceAccountToken": {"path": "token"}}, {"secret": {"name": "x"}}]

    volumes = with_template(volumes=[{"name": "mine", "projected": {"sources": sources}}])["volumes"]

    assert volumes[1] == {"name": "mine", "projected": {"sources": [{"secret": {"name": "x"}}]}}


def test_affinity_is_added_to_what_keeps_the_pods_together() -> None:
    node: Any = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}
    term = {"topologyKey": "zone"}
    wanted = {"nodeAffinity": node, "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}

    affinity = with_template(affinity=wanted)["affinity"]

    required = affinity["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert required == [{"topologyKey": "own"}, term]
    assert affinity["nodeAffinity"] == node


def test_what_the_server_does_not_store_is_not_applied_either() -> None:
    mount = {"name": "ca", "mountPath": "/etc/ca", "readOnly": False, "subPath": ""}
    probe = {"exec": {"command": ["true", ""]}, "initialDelaySeconds": 0}

    found = with_template(
        containers=[
            {"name": "flink", "env": [{"name": "TZ", "value": ""}], "volumeMounts": [mount]},
            {"name": "beside", "image": "x", "livenessProbe": probe},
        ],
        tolerations=[{"key": "a", "value": "", "tolerationSeconds": 0}],
        nodeSelector={"value": ""},
    )

    flink, other = found["containers"]
    assert flink["env"][-1] == {"name": "TZ"}
    assert flink["volumeMounts"][-1] == {"name": "ca", "mountPath": "/etc/ca"}
    assert other["livenessProbe"] == {"exec": {"command": ["true", ""]}}
    assert found["tolerations"] == [{"key": "a", "tolerationSeconds": 0}]
    assert found["nodeSelector"] == {"value": ""}


@given(template=TEMPLATES)
def test_whatever_a_template_says_the_pod_stays_restricted(template: Any) -> None:
    assert violations(merged(POD, template)) == []


@given(template=TEMPLATES)
def test_whatever_a_template_says_the_operators_own_statements_stay(template: Any) -> None:
    pod = merged(POD, template)

    for field in ("securityContext", "terminationGracePeriodSeconds", "automountServiceAccountToken"):
        assert pod["spec"][field] == POD["spec"][field]
    flink, own = pod["spec"]["containers"][0], POD["spec"]["containers"][0]
    assert {key: flink[key] for key in own if key not in {"env", "volumeMounts"}} == {
        key: value for key, value in own.items() if key not in {"env", "volumeMounts"}
    }
    assert flink["env"][:1] == own["env"]
    assert flink["volumeMounts"][:1] == own["volumeMounts"]
    assert pod["spec"]["volumes"][:1] == POD["spec"]["volumes"]
    assert pod["metadata"]["labels"].items() >= POD["metadata"]["labels"].items()
    assert [container["name"] for container in pod["spec"]["containers"]].count("flink") == 1


def test_the_rules_of_the_tests_see_what_they_look_for() -> None:
    pod = copy.deepcopy(POD)
    pod["spec"]["hostNetwork"] = True
    pod["spec"]["containers"][0]["securityContext"] = {"runAsUser": 0}
    pod["spec"]["volumes"].append({"name": "root", "hostPath": {"path": "/"}})

    assert violations(pod) == [
        "hostNetwork is set",
        "flink: may run as root",
        "flink: is not confined by seccomp",
        "flink: may escalate its privileges",
        "flink: has capabilities",
        "flink: may write to its root filesystem",
        "volume root: is of the kind ['hostPath']",
    ]
