"""Rendering: which objects there are, what they say, and that no value can break them."""

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError
from tests.unit.pod_security import violations
from tests.unit.rendering import OWNER, SETTINGS, desired, flink, manifests, named, of_kind, pod

from anomalyjob_operator import names
from anomalyjob_operator.cluster import render as rendering
from anomalyjob_operator.cluster.kinds import Manifest
from anomalyjob_operator.cluster.placement import cluster_placement
from anomalyjob_operator.cluster.render import render
from anomalyjob_operator.desired.workloads import DesiredState, StartIntent, Workload

REFERENCE = manifests()
WORKLOADS = ("demo-jobmanager", "demo-taskmanager-1", "demo-taskmanager-2", "demo-taskmanager-3")


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


@pytest.mark.parametrize("workload", WORKLOADS)
def test_each_workload_is_one_pod_that_is_replaced_and_not_doubled(workload: str) -> None:
    spec = named(REFERENCE, "Deployment", workload)["spec"]

    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}
    assert spec["selector"]["matchLabels"] == names.workload_selector("demo", workload)
    assert spec["template"]["metadata"]["labels"].items() >= spec["selector"]["matchLabels"].items()


def test_a_job_that_is_not_to_run_keeps_its_deployments_without_pods() -> None:
    deployments = of_kind(manifests(running=False), "Deployment")

    assert [one["metadata"]["name"] for one in deployments] == list(WORKLOADS)
    assert {one["spec"]["replicas"] for one in deployments} == {0}


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
def test_a_policy_lets_the_job_in_at_every_port_of_its_pods(workload: str, policy: str) -> None:
    ports = {port["containerPort"] for port in flink(REFERENCE, workload)["ports"]}
    rules = named(REFERENCE, "NetworkPolicy", policy)["spec"]["ingress"]

    assert {port["port"] for rule in rules for port in rule["ports"]} == ports


def test_a_claim_that_one_node_can_mount_keeps_all_pods_of_the_job_together() -> None:
    for workload in WORKLOADS:
        template = pod(REFERENCE, workload)
        (term,) = template["spec"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        assert term["topologyKey"] == "kubernetes.io/hostname"
        # The first of them finds no other: it may be anywhere, since it is one of those it looks for.
        assert template["metadata"]["labels"].items() >= term["labelSelector"]["matchLabels"].items()


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


NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", fullmatch=True)
NAMESPACES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)


@given(name=NAMES, namespace=NAMESPACES, replicas=st.integers(3, 100))
def test_no_name_and_no_label_is_longer_than_kubernetes_allows(name: str, namespace: str, replicas: int) -> None:
    state = desired({"taskManager": {"replicas": replicas}}, name=name, namespace=namespace)
    few = dataclasses.replace(state, task_managers=state.task_managers[-1:])

    for manifest in render(few, SETTINGS, OWNER):
        texts = [manifest["metadata"]["name"], *manifest["metadata"]["labels"].values()]
        assert all(len(text) <= 63 for text in texts)


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


def workload_named(state: DesiredState, name: str) -> Workload:
    return next(one for one in state.workloads if one.name == name)


@pytest.mark.parametrize("workload", WORKLOADS)
def test_the_configuration_names_the_ports_that_the_container_opens(workload: str) -> None:
    text = workload_named(desired(), workload).files["config.yaml"]

    ports = {port["containerPort"] for port in flink(REFERENCE, workload)["ports"]}
    assert all(re.search(rf'port": "?{port}"?[,\n]', text) for port in ports)
