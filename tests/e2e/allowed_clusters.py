"""Which clusters these tests may touch: they install, kill and delete, so a context has to be named as one for that.

Pure. Whether a name is allowed is computed from what kubectl says of its configuration.
"""

from collections.abc import Mapping
from typing import Any

ALLOWED_PREFIX = "kind-"
ALLOWED_NAMES = frozenset({"devcluster"})
"""Single-node clusters of a developer's machine, by the name of the context and of its cluster."""
VARIABLE = "E2E_ALLOW_CONTEXT"


def refusal(configuration: Mapping[str, Any], environment: Mapping[str, str]) -> str | None:
    """Return why the present context must not be used, None when it may; `configuration` is `kubectl config view`."""
    current = configuration.get("current-context") or ""
    if not current:
        return "the kubeconfig names no current context; choose one: kubectl config use-context NAME"
    cluster = _cluster_of(configuration, current)
    if current == environment.get(VARIABLE) or _is_known(current, cluster):
        return None
    return (
        f"the context {current!r} (cluster {cluster!r}) is not on the list of clusters for tests: {ALLOWED_PREFIX}*, "
        f"{', '.join(sorted(ALLOWED_NAMES))}. These tests install, kill and delete. If that is what this cluster is "
        f"for: {VARIABLE}={current}"
    )


def _is_known(context: str, cluster: str) -> bool:
    """Both names count: a context may be called what one likes."""
    if context.startswith(ALLOWED_PREFIX) and cluster.startswith(ALLOWED_PREFIX):
        return True
    return context in ALLOWED_NAMES and cluster in ALLOWED_NAMES


def _cluster_of(configuration: Mapping[str, Any], context: str) -> str:
    contexts = configuration.get("contexts") or ()
    found = next((entry["context"]["cluster"] for entry in contexts if entry["name"] == context), "")
    return str(found)
