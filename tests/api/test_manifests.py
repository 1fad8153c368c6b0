"""What is rendered, judged by a real API server. Nothing is created: the server only says what it would do."""

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests.e2e.cluster_access import Cluster, RefusedByServerError
from tests.golden.manifest_cases import SPECS, golden_manifests

from anomalyjob_operator.cluster.drift import drifted
from anomalyjob_operator.cluster.kinds import Manifest
from anomalyjob_operator.cluster.manifest_text import manifest_text
from anomalyjob_operator.names import MANAGER

pytestmark = pytest.mark.api


def tried(api_server: Cluster, manifests: Sequence[Manifest]) -> list[Manifest]:
    """The objects as the server would store them, applied as the operator applies them."""
    document = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
    options = ("--server-side", "--force-conflicts", f"--field-manager={MANAGER}", "--dry-run=server", "-o", "json")
    answer = json.loads(api_server.kubectl("apply", *options, "-f", "-", text=document))
    return list(answer["items"])


def pods(manifests: Sequence[Manifest]) -> list[Manifest]:
    """The pods that the Deployments would make."""
    deployments = [one for one in manifests if one["kind"] == "Deployment"]
    return [as_pod(one["metadata"], one["spec"]["template"]) for one in deployments]


def as_pod(metadata: Mapping[str, Any], template: Mapping[str, Any]) -> Manifest:
    pod: Manifest = {"apiVersion": "v1", "kind": "Pod", **copy.deepcopy(dict(template))}
    pod["metadata"] |= {"name": metadata["name"], "namespace": metadata["namespace"]}
    return pod


@pytest.mark.parametrize("case", SPECS)
def test_the_server_takes_every_object_and_stores_what_was_said(
    api_server: Cluster, restricted_namespace: str, case: str
) -> None:
    manifests = golden_manifests(case, restricted_namespace)

    stored = {(one["kind"], one["metadata"]["name"]): one for one in tried(api_server, manifests)}

    # Whatever the server drops or writes otherwise would be taken for somebody's edit, and applied again for ever.
    differing = [key for one in manifests if drifted(one, stored[key := (one["kind"], one["metadata"]["name"])])]
    assert differing == []


@pytest.mark.parametrize("case", SPECS)
def test_a_restricted_namespace_takes_every_pod(api_server: Cluster, restricted_namespace: str, case: str) -> None:
    wanted = pods(golden_manifests(case, restricted_namespace))

    assert [one["metadata"]["name"] for one in tried(api_server, wanted)] == [one["metadata"]["name"] for one in wanted]


def test_the_namespace_refuses_a_pod_that_asks_for_more(api_server: Cluster, restricted_namespace: str) -> None:
    pod = pods(golden_manifests("reference", restricted_namespace))[0]
    pod["spec"]["hostNetwork"] = True
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True

    with pytest.raises(RefusedByServerError, match='violates PodSecurity \\\\"restricted:latest') as refused:
        api_server.call("POST", f"/api/v1/namespaces/{restricted_namespace}/pods?dryRun=All", pod)

    assert refused.value.status == 403


TRAPS = "yes no on off y n null ~ true 1e3 0x1f 0o17 017 1_000 1:30 .5 .inf 2026-01-01 = << '".split()


def test_kubectl_reads_text_as_it_is_meant(api_server: Cluster, restricted_namespace: str) -> None:
    data = {f"text-{number}": text for number, text in enumerate([*TRAPS, "", " a", "a\n", "\n", "ü\u2028😀", '"\\'])}
    metadata = {"name": "traps", "namespace": restricted_namespace}
    text = manifest_text([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}])

    stored = json.loads(api_server.kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", text=text))

    assert stored["data"] == data
