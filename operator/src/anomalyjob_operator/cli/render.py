"""`anomalyjob render`: prints the Kubernetes objects of a resource, as the operator would apply them at a first start.

It asks no cluster. What belongs to the running system is missing: owner, ledger, and the start after the first.
"""

from pathlib import Path
from typing import Any

import click

from anomalyjob_operator.cli.console import BadInput, Failure, field_failure, plain_errors
from anomalyjob_operator.cluster.model import RenderSettings
from anomalyjob_operator.cluster.placement import cluster_placement
from anomalyjob_operator.desired.workloads import StartIntent, desired_state
from anomalyjob_operator.resource_file import read_document
from anomalyjob_operator.spec import AnomalyJob, InvalidResource, parse

_NO_EXTRA = "rendering needs {module}, which is not installed: pip install 'anomalyjob-operator[cluster]'"


@click.command()
@click.option("-f", "--file", type=click.Path(path_type=Path), required=True, help="YAML file with one AnomalyJob.")
@click.option("-n", "--namespace", help="Namespace of the job, if FILE names none.  [default: default]")
@click.option(
    "--image",
    default="anomalyjob:dev",
    show_default=True,
    envvar="ANOMALYJOB_JOB_IMAGE",
    show_envvar=True,
    help="Image of Flink's pods, if FILE names none.",
)
@click.option(
    "--image-pull-policy",
    type=click.Choice(["Always", "IfNotPresent", "Never"]),
    default="IfNotPresent",
    show_default=True,
    help="When nodes pull that image.",
)
@click.option(
    "--operator-namespace",
    default="anomalyjob-system",
    show_default=True,
    help="Namespace of the operator, whose pods may ask Flink's REST endpoint.",
)
def render(file: Path, namespace: str | None, image: str, image_pull_policy: str, operator_namespace: str) -> None:
    """Print the Kubernetes objects of the AnomalyJob in FILE; exit status 2 if anything is wrong with it.

    The objects have no owner: whoever applies them deletes them, too (kubectl delete -l anomalyjob.dev/job=NAME).
    """
    with plain_errors():
        resource = _resource(file, namespace)
    settings = RenderSettings(
        job_image=image, image_pull_policy=image_pull_policy, operator_namespace=operator_namespace
    )
    click.echo(_documents(resource, settings), nl=False)


def _resource(file: Path, namespace: str | None) -> AnomalyJob:
    document = read_document(file)
    try:
        return parse(document if namespace is None else _in_namespace(file, document, namespace))
    except InvalidResource as error:
        raise field_failure(file, error.errors) from None


def _in_namespace(file: Path, document: dict[str, Any], namespace: str) -> dict[str, Any]:
    """Return the document with the namespace; a file that names another one is refused, as kubectl does."""
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        return document
    found = metadata.get("namespace", namespace)
    if found != namespace:
        raise BadInput(f"{file}: metadata.namespace: is {found}, which --namespace {namespace} does not match")
    return document | {"metadata": metadata | {"namespace": namespace}}


def _documents(resource: AnomalyJob, settings: RenderSettings) -> str:
    try:
        # Only here: everything else of the command line works without the extra.
        from anomalyjob_operator.cluster.manifest_text import manifest_text  # noqa: PLC0415
        from anomalyjob_operator.cluster.render import render as rendered  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise Failure(_NO_EXTRA.format(module=error.name)) from None
    placement = cluster_placement(resource.metadata.namespace, resource.metadata.name)
    running = resource.spec.job.state == "running"
    desired = desired_state(resource, placement, StartIntent(), running=running)
    return manifest_text(rendered(desired, settings, None))
