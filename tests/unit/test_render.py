"""Rendering: which objects there are beside the pods, and what they say."""

import dataclasses
import re
from collections.abc import Sequence

import pytest
from tests.unit.rendering import OWNER, SETTINGS, WORKLOADS, desired, flink, manifests, named, of_kind, pod

from anomalyjob_operator import names
from anomalyjob_operator.cluster.kinds import Manifest
from anomalyjob_operator.cluster.render import render
from anomalyjob_operator.desired.workloads import StartIntent

REFERENCE = manifests()


def test_the_reference_system_is_these_objects_in_order() -> None:
    found = [(one["kind"], re.sub(r"-[0-9a-f]{16}$", "-HASH", one["metadata"]["name"])) for one in REFERENCE]

    assert found == [
        ("ConfigMap", "demo-jobmanager-HASH"),
        ("ConfigMap", "demo-taskmanager-1-HASH"),
        ("ConfigMap", "demo-taskmanager-2-HASH"),
        ("ConfigMap", "demo-taskmanager-3-HASH"),
        ("Deployment", "demo-jobmanager"),
        ("Deployment", "demo-taskmanager-1"),
        ("Deployment", "demo-taskmanager-2"),
        ("Deployment", "demo-taskmanager-3"),
        ("NetworkPolicy", "demo-jobmanager"),
        ("NetworkPolicy", "demo-taskmanagers"),
        ("PersistentVolumeClaim", "demo-checkpoints"),
        ("PodDisruptionBudget", "demo-taskmanagers"),
        ("Service", "demo-jobmanager"),
        ("Service", "demo-rest"),
    ]


def test_every_object_is_found_by_the_jobs_label_in_its_namespace() -> None:
    for manifest in REFERENCE:
        assert manifest["metadata"]["namespace"] == "streams"
        assert manifest["metadata"]["labels"].items() >= names.job_selector("demo").items()


def test_every_object_but_the_claim_goes_with_its_owner() -> None:
    for manifest in REFERENCE:
        references = manifest["metadata"].get("ownerReferences", [])
        expected = [] if manifest["kind"] == "PersistentVolumeClaim" else [OWNER.uid]
        assert [reference["uid"] for reference in references] == expected


def test_the_claim_goes_too_where_the_policy_says_delete() -> None:
    claim = named(manifests({"deletionPolicy": "Delete"}), "PersistentVolumeClaim", "demo-checkpoints")

    assert [reference["uid"] for reference in claim["metadata"]["ownerReferences"]] == [OWNER.uid]


def test_without_an_owner_no_object_has_one() -> None:
    assert all("ownerReferences" not in one["metadata"] for one in render(desired(), SETTINGS, None))


def test_the_claim_remembers_the_incarnation() -> None:
    claim = named(manifests(intent=StartIntent(incarnation=7)), "PersistentVolumeClaim", "demo-checkpoints")

    assert claim["metadata"]["annotations"] == {"anomalyjob.dev/incarnation": "7"}


def test_the_claim_remembers_the_restore_that_was_asked_for_last() -> None:
    claim = named(manifests(intent=StartIntent(restore_nonce=4)), "PersistentVolumeClaim", "demo-checkpoints")

    assert claim["metadata"]["annotations"]["anomalyjob.dev/consumed-restore-nonce"] == "4"


def test_a_workloads_files_are_in_a_configmap_that_its_pod_mounts() -> None:
    state = desired()

    for workload in state.workloads:
        volumes = {volume["name"]: volume for volume in pod(REFERENCE, workload.name)["spec"]["volumes"]}
        configuration = named(REFERENCE, "ConfigMap", volumes["configuration"]["configMap"]["name"])
        assert configuration["data"] == workload.files
        assert configuration["immutable"] is True


def test_a_job_that_is_not_to_run_keeps_its_deployments_without_pods() -> None:
    deployments = of_kind(manifests(running=False), "Deployment")

    assert [one["metadata"]["name"] for one in deployments] == list(WORKLOADS)
    assert {one["spec"]["replicas"] for one in deployments} == {0}


def claim_of(found: Sequence[Manifest], workload: str) -> str:
    volumes = {volume["name"]: volume for volume in pod(found, workload)["spec"]["volumes"]}
    return str(volumes["volume"]["persistentVolumeClaim"]["claimName"])


def test_the_claim_is_as_asked_for_and_mounted_by_every_pod() -> None:
    asked = {"size": "5Gi", "storageClassName": "fast", "accessModes": ["ReadWriteOnce"]}
    found = manifests({"checkpointing": {"storage": {"persistentVolumeClaim": asked}}})

    assert named(found, "PersistentVolumeClaim", "demo-checkpoints")["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "5Gi"}},
        "storageClassName": "fast",
    }
    assert {claim_of(found, workload) for workload in WORKLOADS} == {"demo-checkpoints"}


def test_without_a_storage_class_it_is_the_clusters_own() -> None:
    assert "storageClassName" not in named(REFERENCE, "PersistentVolumeClaim", "demo-checkpoints")["spec"]


def test_a_claim_that_is_there_already_is_mounted_and_not_touched() -> None:
    found = manifests({"checkpointing": {"storage": {"existingClaim": "mine"}}})

    assert of_kind(found, "PersistentVolumeClaim") == []
    assert {claim_of(found, workload) for workload in WORKLOADS} == {"mine"}
    assert pod(found, "demo-jobmanager")["spec"]["affinity"] == pod(REFERENCE, "demo-jobmanager")["spec"]["affinity"]


def test_pods_spread_over_nodes_that_can_all_mount_the_claim() -> None:
    found = manifests({"checkpointing": {"storage": {"persistentVolumeClaim": {"accessModes": ["ReadWriteMany"]}}}})

    for workload in WORKLOADS:
        affinity = pod(found, workload)["spec"]["affinity"]
        (term,) = affinity["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
        assert term["podAffinityTerm"]["labelSelector"]["matchLabels"] == names.job_selector("demo")
        assert "podAffinity" not in affinity


def test_the_services_reach_the_job_manager_alone() -> None:
    internal, rest = (named(REFERENCE, "Service", name)["spec"] for name in ("demo-jobmanager", "demo-rest"))

    assert {port["name"]: port["port"] for port in internal["ports"]} == {"rpc": 6123, "blob": 6124}
    assert {port["name"]: port["port"] for port in rest["ports"]} == {"rest": 8081}
    selected = pod(REFERENCE, "demo-jobmanager")["metadata"]["labels"].items()
    for service in (internal, rest):
        assert selected >= service["selector"].items()
        assert not pod(REFERENCE, "demo-taskmanager-1")["metadata"]["labels"].items() >= service["selector"].items()


def test_task_managers_reach_a_job_manager_that_is_not_ready_by_a_fixed_address() -> None:
    internal = named(REFERENCE, "Service", "demo-jobmanager")["spec"]

    assert internal["publishNotReadyAddresses"] is True
    assert internal.get("clusterIP") != "None"


def test_the_disruption_budget_counts_all_task_managers_and_not_the_job_manager() -> None:
    spec = named(REFERENCE, "PodDisruptionBudget", "demo-taskmanagers")["spec"]

    selector = spec["selector"]["matchLabels"].items()
    counted = [workload for workload in WORKLOADS if pod(REFERENCE, workload)["metadata"]["labels"].items() >= selector]
    assert spec["maxUnavailable"] == 1
    assert counted == list(WORKLOADS[1:])


def test_only_the_operator_may_ask_the_rest_endpoint() -> None:
    ingress = named(REFERENCE, "NetworkPolicy", "demo-jobmanager")["spec"]["ingress"]

    who = [rule["from"] for rule in ingress if {"port": 8081, "protocol": "TCP"} in rule["ports"]]
    namespace = {"matchLabels": {"kubernetes.io/metadata.name": "anomalyjob-system"}}
    labels = {"matchLabels": {"app.kubernetes.io/name": "anomalyjob-operator"}}
    assert who == [[{"namespaceSelector": namespace, "podSelector": labels}]]


@pytest.mark.parametrize("policy", ["demo-jobmanager", "demo-taskmanagers"])
def test_everything_else_is_for_pods_of_the_same_job(policy: str) -> None:
    spec = named(REFERENCE, "NetworkPolicy", policy)["spec"]

    inside = [{"podSelector": {"matchLabels": names.job_selector("demo")}}]
    within = [rule for rule in spec["ingress"] if {"port": 8081, "protocol": "TCP"} not in rule["ports"]]
    assert [rule["from"] for rule in within] == [inside]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    dns = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]
    assert spec["egress"] == [{"to": inside}, {"ports": dns}]


@pytest.mark.parametrize(
    "workload, policy", [("demo-jobmanager", "demo-jobmanager"), (WORKLOADS[1], "demo-taskmanagers")]
)
def test_a_policy_lets_the_job_in_at_every_port_of_its_pods_but_that_of_prometheus(workload: str, policy: str) -> None:
    ports = {port["containerPort"] for port in flink(REFERENCE, workload)["ports"]} - {names.PROMETHEUS_PORT}
    rules = named(REFERENCE, "NetworkPolicy", policy)["spec"]["ingress"]

    assert {port["port"] for rule in rules for port in rule["ports"]} == ports


@pytest.mark.parametrize(
    "workload, policy", [("demo-jobmanager", "demo-jobmanager"), (WORKLOADS[1], "demo-taskmanagers")]
)
def test_only_the_named_namespaces_may_scrape_the_pods(workload: str, policy: str) -> None:
    settings = dataclasses.replace(SETTINGS, metrics_namespaces=("monitoring", "ops"))
    found = render(desired(), settings, OWNER)
    (port,) = [one["containerPort"] for one in flink(found, workload)["ports"] if one["name"] == "prometheus"]

    rules = named(found, "NetworkPolicy", policy)["spec"]["ingress"]
    (scraping,) = [rule for rule in rules if {"port": port, "protocol": "TCP"} in rule["ports"]]
    places = [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}} for name in ("monitoring", "ops")
    ]
    assert scraping == {"from": places, "ports": [{"port": 9249, "protocol": "TCP"}]}


def test_another_checkpoint_interval_leaves_the_task_managers_as_they_are() -> None:
    before, after = (manifests({"checkpointing": {"interval": interval}}) for interval in ("10s", "20s"))

    for workload in WORKLOADS[1:]:
        assert named(before, "Deployment", workload) == named(after, "Deployment", workload)
    assert named(before, "Deployment", "demo-jobmanager") != named(after, "Deployment", "demo-jobmanager")


def test_one_more_task_manager_leaves_the_others_as_they_are() -> None:
    before, after = manifests(), manifests({"taskManager": {"replicas": 4}})

    assert [one for one in after if one in before and one["kind"] == "Deployment"] == of_kind(before, "Deployment")


def test_the_operators_own_settings_change_no_configuration() -> None:
    other = dataclasses.replace(SETTINGS, job_image="other:1", operator_namespace="else", image_pull_policy="Always")

    found = render(desired(), other, OWNER)

    assert of_kind(found, "ConfigMap") == of_kind(REFERENCE, "ConfigMap")
    assert flink(found, "demo-jobmanager")["image"] == "other:1"
    assert flink(found, "demo-jobmanager")["imagePullPolicy"] == "Always"
