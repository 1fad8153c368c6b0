"""`anomalyjob audit`: whether a run's output is complete, exactly once and right, by its part files alone."""

import sys
from pathlib import Path

import click

from anomalyjob.audit_output import AuditInputError, audit_folder
from anomalyjob_operator.cli.console import Failure, plain_errors
from anomalyjob_operator.cli.selection import names_job_or_volume, selected_volume


@click.command()
@names_job_or_volume
@click.option("--incarnation", type=click.IntRange(min=1), help="Which life of the job.  [default: the present one]")
def audit(name: str | None, namespace: str | None, volume: Path | None, incarnation: int | None) -> None:
    """Compare the committed part files of the sink `files` with what the job must have written.

    Every event once, every count and alert as the rule says. Exit status 1 when anything is lost, doubled or wrong, or
    when there was nothing to compare.
    """
    with plain_errors():
        folder = selected_volume(name, namespace, volume)
        try:
            report = audit_folder(folder.path, incarnation)
        except AuditInputError as error:
            raise Failure(str(error)) from None
    click.echo(report.describe())
    if not report.clean:
        sys.exit(1)
