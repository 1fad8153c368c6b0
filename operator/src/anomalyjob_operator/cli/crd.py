"""`anomalyjob crd`: prints what teaches a Kubernetes API server the kind AnomalyJob. It asks no cluster."""

import click

from anomalyjob_operator.cluster.manifest_text import document_text
from anomalyjob_operator.crd import crd as definition


@click.command()
def crd() -> None:
    """Print the CustomResourceDefinition of AnomalyJob, for kubectl apply --server-side -f -."""
    click.echo(document_text(definition()), nl=False)
