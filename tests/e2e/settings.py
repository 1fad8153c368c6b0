"""What the environment tells these tests.

| variable          | default                     | meaning                                                            |
| --- | --- | --- |
| KUBECONFIG        | (required)                  | which cluster; without it everything is skipped                    |
| E2E_ALLOW_CONTEXT |                             | name of a context that may be used although it is not a known one  |
| E2E_LOAD          | `kind load docker-image`    | command that brings an image, its last word, into the cluster;     |
|                   |                             | empty or `true`: they are there already                            |
| E2E_JOB_IMAGE     | `anomalyjob:dev`            | the image of Flink's pods                                          |
| E2E_OPERATOR_IMAGE| `anomalyjob-operator:dev`   | the operator's image                                               |
| E2E_RESULTS       | `tests/e2e/results`         | folder for the figures, and for what a failure leaves to look at   |
| E2E_KEEP          |                             | anything: leave namespaces and operator behind, to look at them    |
"""

import os
import shlex
from pathlib import Path

OWN_LABEL = "anomalyjob.dev/e2e"
"""On everything that these tests make for themselves."""
NO_CLUSTER = "KUBECONFIG is not set: the tests on a real cluster need one"
REPOSITORY = Path(__file__).parents[2]
CHART = REPOSITORY / "charts" / "anomalyjob-operator"
SAMPLE = REPOSITORY / "manifests" / "anomalyjob.yaml"


def job_image() -> str:
    """The image of Flink's pods."""
    return os.environ.get("E2E_JOB_IMAGE") or "anomalyjob:dev"


def operator_image() -> str:
    """The operator's image."""
    return os.environ.get("E2E_OPERATOR_IMAGE") or "anomalyjob-operator:dev"


def load_command() -> list[str]:
    """The command that loads an image, without the image; empty when images are there already."""
    words = shlex.split(os.environ.get("E2E_LOAD", "kind load docker-image"))
    return [] if words in ([], ["true"]) else words


def results_folder() -> Path:
    """Where figures and diagnoses go."""
    return Path(os.environ.get("E2E_RESULTS") or REPOSITORY / "tests" / "e2e" / "results")


def keeps() -> bool:
    """Whether to leave everything behind."""
    return bool(os.environ.get("E2E_KEEP"))
