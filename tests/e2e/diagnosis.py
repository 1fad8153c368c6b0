"""What a failed case leaves to look at, as files in a folder: objects, events, logs of all containers, the status."""

import contextlib
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.e2e.cluster_access import Cluster

SECONDS = 30.0


def diagnose(cluster: Cluster, namespaces: Iterable[str], folder: Path) -> None:
    """Write everything that these namespaces have to tell; what cannot be had is left out."""
    folder.mkdir(parents=True, exist_ok=True)
    for namespace in namespaces:
        for name, arguments in _questions(namespace):
            _write(folder / f"{namespace}.{name}.txt", cluster, arguments)
        for pod in _pods(cluster, namespace):
            logs = ("logs", "-n", namespace, pod, "--all-containers", "--timestamps", "--tail=3000")
            _write(folder / f"{namespace}.{pod}.log", cluster, logs)
            _write(folder / f"{namespace}.{pod}.previous.log", cluster, (*logs, "--previous"))


def _questions(namespace: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    here = ("-n", namespace)
    yield "anomalyjobs", ("get", "anomalyjobs", *here, "-o", "yaml")
    yield "configmaps", ("get", "configmaps", *here, "-o", "yaml")
    yield "objects", ("get", "all,persistentvolumeclaims,networkpolicies,poddisruptionbudgets", *here, "-o", "wide")
    yield "pods", ("describe", "pods", *here)
    yield "deployments", ("get", "deployments", *here, "-o", "yaml")
    yield "events", ("get", "events", *here, "--sort-by=.lastTimestamp")


def _pods(cluster: Cluster, namespace: str) -> list[str]:
    result = cluster.run("get", "pods", "-n", namespace, "-o", "name", seconds=SECONDS)
    return [line.partition("/")[2] for line in result.stdout.splitlines()]


def _write(file: Path, cluster: Cluster, arguments: tuple[str, ...]) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        result = cluster.run(*arguments, seconds=SECONDS)
        if result.stdout.strip():
            file.write_text(result.stdout, encoding="utf-8")
