"""`anomalyjob validate`: says whether a file holds a valid resource. It reads nothing else and starts nothing."""

from pathlib import Path

import click

from anomalyjob_operator.cli.console import plain_errors, resource_in


@click.command()
@click.option("-f", "--file", type=click.Path(path_type=Path), required=True, help="YAML file with one AnomalyJob.")
def validate(file: Path) -> None:
    """Check FILE and say everything that is wrong with it; exit status 2 if anything is."""
    with plain_errors():
        _, resource = resource_in(file)
    spec = resource.spec
    replicas, slots = spec.task_manager.replicas, spec.task_manager.slots
    click.echo(f"{file}: AnomalyJob {resource.metadata.namespace}/{resource.metadata.name} is valid")
    click.echo(
        f"parallelism {spec.job.parallelism}; {replicas} TaskManagers x {slots} slots = {replicas * slots} slots"
    )
