"""Rendering: the pods of a job, as their Deployments describe them."""

import re

import pytest
from tests.unit.pod_security import violations
from tests.unit.rendering import WORKLOADS, desired, flink, manifests, named, of_kind, pod

from anomalyjob_operator import names
from anomalyjob_operator.cluster.placement import cluster_placement
from anomalyjob_operator.desired.workloads import DesiredState, Workload

REFERENCE = manifests()


def workload_named(state: DesiredState, name: str) -> Workload:
    return next(one for one in state.workloads if one.name == name)


@pytest.mark.parametrize("workload", WORKLOADS)
def test_each_workload_is_one_pod_that_is_replaced_and_not_doubled(workload: str) -> None:
    spec = named(REFERENCE, "Deployment", workload)["spec"]

    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}
    assert spec["selector"]["matchLabels"] == names.workload_selector("demo", workload)
    assert spec["template"]["metadata"]["labels"].items() >= spec["selector"]["matchLabels"].items()


@pytest.mark.parametrize("workload", WORKLOADS)
def test_every_pod_is_restricted(workload: str) -> None:
    assert violations(pod(REFERENCE, workload)) == []


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_pod_tells_which_content_it_was_started_from(workload: str) -> None:
    by_name = {one.name: one.content_hash for one in desired().workloads}

    assert pod(REFERENCE, workload)["metadata"]["annotations"] == {"anomalyjob.dev/content-hash": by_name[workload]}


@pytest.mark.parametrize("workload, role", [(workload, workload.split("-")[1]) for workload in WORKLOADS])
def test_the_container_tells_the_launcher_its_role_and_folders(workload: str, role: str) -> None:
    container = flink(REFERENCE, workload)

    assert container["args"] == [role]
    assert "command" not in container
    assert {variable["name"]: variable.get("value") for variable in container["env"]} == {
        "ANOMALYJOB_CONFIG_DIR": "/etc/anomalyjob/config",
        "ANOMALYJOB_POD_IP": None,
        "ANOMALYJOB_TEMPORARY_FOLDER": f"/var/lib/anomalyjob/temporary/{workload}",
        "HOME": "/tmp",
        "JAVA_HOME": "/usr/lib/jvm/java-17-openjdk-amd64",
    }
    assert container["env"][-1]["valueFrom"] == {"fieldRef": {"fieldPath": "status.podIP"}}


@pytest.mark.parametrize("workload", WORKLOADS)
def test_the_termination_log_is_the_one_that_the_launcher_writes(workload: str) -> None:
    placement = cluster_placement("streams", "demo")

    assert flink(REFERENCE, workload)["terminationMessagePath"] == placement.termination_log_of(workload)


@pytest.mark.parametrize("workload", WORKLOADS)
def test_every_folder_that_flink_writes_to_is_a_mount_and_every_mount_has_its_volume(workload: str) -> None:
    mounts = {mount["mountPath"]: mount for mount in flink(REFERENCE, workload)["volumeMounts"]}
    volumes = {volume["name"] for volume in pod(REFERENCE, workload)["spec"]["volumes"]}

    writable = {path for path, mount in mounts.items() if not mount.get("readOnly")}
    assert writable == {"/tmp", "/var/lib/anomalyjob/temporary", "/var/lib/anomalyjob/volume"}
    assert {mount["name"] for mount in mounts.values()} == volumes


def test_only_the_job_manager_sees_the_ledger_and_starts_without_one() -> None:
    with_ledger = [
        (workload, volume)
        for workload in WORKLOADS
        for volume in pod(REFERENCE, workload)["spec"]["volumes"]
        if volume["name"] == "ledger"
    ]

    ledger = {"name": "ledger", "configMap": {"name": "demo-ledger", "optional": True}}
    assert with_ledger == [("demo-jobmanager", ledger)]


def test_a_pod_that_ends_has_the_time_it_needs() -> None:
    grace = [pod(REFERENCE, workload)["spec"]["terminationGracePeriodSeconds"] for workload in WORKLOADS]

    assert grace == [15, 10, 10, 10]


@pytest.mark.parametrize("workload", WORKLOADS)
def test_no_probe_ends_a_container_for_what_its_job_does(workload: str) -> None:
    container = flink(REFERENCE, workload)

    assert "livenessProbe" not in container
    assert "startupProbe" not in container


def test_the_job_manager_is_ready_when_its_rest_endpoint_answers() -> None:
    assert flink(REFERENCE, "demo-jobmanager")["readinessProbe"]["httpGet"] == {"path": "/overview", "port": 8081}


@pytest.mark.parametrize("process, container", [("1Gi", "1280Mi"), ("1.5Gi", "1792Mi"), ("1000M", "1210Mi")])
def test_the_job_managers_container_has_room_for_the_python_client_beside_the_process(
    process: str, container: str
) -> None:
    found = manifests({"jobManager": {"resources": {"limits": {"memory": process}}}})

    assert flink(found, "demo-jobmanager")["resources"] == {
        "limits": {"memory": container},
        "requests": {"cpu": "100m", "memory": container},
    }


def test_a_task_managers_container_is_as_large_as_its_process() -> None:
    found = manifests({"taskManager": {"resources": {"limits": {"memory": "2Gi"}}}})

    assert flink(found, "demo-taskmanager-1")["resources"]["limits"] == {"memory": "2Gi"}


def test_what_a_pod_is_sure_of_and_its_share_of_processors_are_as_asked_for() -> None:
    resources = {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "2"}}

    found = flink(manifests({"taskManager": {"resources": resources}}), "demo-taskmanager-3")

    assert found["resources"] == {
        "requests": {"cpu": "500m", "memory": "1Gi"},
        "limits": {"cpu": "2", "memory": "1728Mi"},
    }


def test_other_processors_for_the_task_managers_leave_the_job_manager_as_it_is() -> None:
    after = manifests({"taskManager": {"resources": {"limits": {"cpu": "2"}}}})

    for kind, name in (("Deployment", "demo-jobmanager"), ("Service", "demo-rest")):
        assert named(after, kind, name) == named(REFERENCE, kind, name)
    assert of_kind(after, "ConfigMap") == of_kind(REFERENCE, "ConfigMap")


def test_the_resources_image_comes_before_the_operators() -> None:
    found = manifests({"image": "registry.example/anomalyjob:2"})

    assert {flink(found, workload)["image"] for workload in WORKLOADS} == {"registry.example/anomalyjob:2"}


def test_a_pod_template_is_for_the_pods_of_its_role() -> None:
    template = {"metadata": {"labels": {"team": "fraud"}}, "spec": {"nodeSelector": {"disk": "ssd"}}}

    found = manifests({"taskManager": {"podTemplate": template}})

    assert pod(found, "demo-jobmanager") == pod(REFERENCE, "demo-jobmanager")
    for workload in WORKLOADS[1:]:
        assert pod(found, workload)["spec"]["nodeSelector"] == {"disk": "ssd"}
        assert pod(found, workload)["metadata"]["labels"]["team"] == "fraud"


def test_a_pod_template_that_says_nothing_changes_nothing() -> None:
    assert manifests({"taskManager": {"podTemplate": {}}}) == REFERENCE


def test_a_claim_that_one_node_can_mount_keeps_all_pods_of_the_job_together() -> None:
    for workload in WORKLOADS:
        template = pod(REFERENCE, workload)
        (term,) = template["spec"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        assert term["topologyKey"] == "kubernetes.io/hostname"
        # The first of them finds no other: it may be anywhere, since it is one of those it looks for.
        assert template["metadata"]["labels"].items() >= term["labelSelector"]["matchLabels"].items()


@pytest.mark.parametrize("workload", WORKLOADS)
def test_the_configuration_names_the_ports_that_the_container_opens(workload: str) -> None:
    text = workload_named(desired(), workload).files["config.yaml"]

    ports = {port["containerPort"] for port in flink(REFERENCE, workload)["ports"]}
    assert all(re.search(rf'port": "?{port}"?[,\n]', text) for port in ports)
