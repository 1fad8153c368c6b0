"""A pod of the operator, and templates for it that say anything at all, for tests of what a template may do."""

from typing import Any

from hypothesis import strategies as st

from anomalyjob_operator.spec.pod_mask import CONTAINER_SECURITY_CONTEXT, POD_SECURITY_CONTEXT

POD: dict[str, Any] = {
    "metadata": {"labels": {"anomalyjob.dev/job": "demo"}, "annotations": {"anomalyjob.dev/content-hash": "0123"}},
    "spec": {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": POD_SECURITY_CONTEXT,
        "terminationGracePeriodSeconds": 15,
        "affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "own"}]}},
        "containers": [
            {
                "name": "flink",
                "image": "anomalyjob:dev",
                "args": ["jobmanager"],
                "env": [{"name": "ANOMALYJOB_CONFIG_DIR", "value": "/etc/anomalyjob/config"}],
                "ports": [{"name": "rest", "containerPort": 8081}],
                "resources": {"limits": {"memory": "1Gi"}},
                "securityContext": CONTAINER_SECURITY_CONTEXT,
                "volumeMounts": [{"name": "volume", "mountPath": "/var/lib/anomalyjob/volume"}],
            }
        ],
        "volumes": [{"name": "volume", "persistentVolumeClaim": {"claimName": "demo-checkpoints"}}],
    },
}

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "x", "/", "flink", "Unconfined", "ALL"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "host", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)
CONTEXTS = st.dictionaries(
    st.sampled_from(
        "privileged runAsUser runAsNonRoot capabilities allowPrivilegeEscalation procMount seccompProfile "
        "readOnlyRootFilesystem appArmorProfile seLinuxOptions sysctls windowsOptions".split()
    ),
    VALUES | st.just({"add": ["SYS_ADMIN"]}) | st.just({"type": "Unconfined"}),
)
HANDLERS = st.fixed_dictionaries(
    {}, optional={"httpGet": st.just({"host": "10.0.0.1", "port": 1}), "tcpSocket": st.just({"host": "x", "port": 1})}
)
CONTAINERS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["flink", "beside", ""]) | VALUES,
        "image": VALUES,
        "env": VALUES | st.lists(st.fixed_dictionaries({"name": st.sampled_from(["HOME", "A"]), "value": VALUES})),
        "ports": VALUES | st.just([{"containerPort": 1, "hostPort": 1}]),
        "lifecycle": VALUES | st.fixed_dictionaries({}, optional={"preStop": HANDLERS, "postStart": HANDLERS}),
        "livenessProbe": VALUES | HANDLERS,
        "startupProbe": VALUES | HANDLERS,
        "volumeDevices": VALUES | st.just([{"name": "x", "devicePath": "/dev/x"}]),
        "volumeMounts": VALUES | st.just([{"name": "x", "mountPath": "/x", "mountPropagation": "Bidirectional"}]),
        "securityContext": VALUES | CONTEXTS,
        "newField": VALUES,
    },
)
VOLUMES: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["volume", "mine"]) | VALUES,
        "hostPath": st.just({"path": "/"}),
        "emptyDir": VALUES,
        "projected": VALUES | st.just({"sources": [{"serviceAccountToken": {}}, {"clusterTrustBundle": {}}]}),
        "newKind": VALUES,
    },
)
POD_SPECS = st.fixed_dictionaries(
    {},
    optional={
        "containers": VALUES | st.lists(CONTAINERS, max_size=3),
        "initContainers": VALUES | st.lists(CONTAINERS, max_size=3),
        "ephemeralContainers": VALUES | st.lists(CONTAINERS, max_size=1),
        "volumes": VALUES | st.lists(VOLUMES, max_size=3),
        "securityContext": VALUES | CONTEXTS,
        "affinity": VALUES,
        **dict.fromkeys(("hostNetwork", "hostPID", "hostIPC", "hostUsers", "shareProcessNamespace"), VALUES),
        **dict.fromkeys(("serviceAccountName", "serviceAccount", "automountServiceAccountToken"), VALUES),
        **dict.fromkeys(("nodeName", "nodeSelector", "tolerations", "newField", "enableServiceLinks"), VALUES),
    },
)
ANNOTATIONS = st.dictionaries(
    st.sampled_from(
        ["a", "container.apparmor.security.beta.kubernetes.io/flink", "seccomp.security.alpha.kubernetes.io/pod"]
    ),
    st.just("unconfined"),
)
TEMPLATES = st.fixed_dictionaries(
    {}, optional={"spec": VALUES | POD_SPECS, "metadata": VALUES | st.fixed_dictionaries({"annotations": ANNOTATIONS})}
)
