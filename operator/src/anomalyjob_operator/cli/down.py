"""`anomalyjob down`: stops a job's processes and keeps everything, or deletes the job."""

import os
import signal
import time
from pathlib import Path
from typing import Final

import click

from anomalyjob_operator.cli.console import Failure, plain_errors, resource_in
from anomalyjob_operator.cli.selection import current_settings, names_job, selected_job
from anomalyjob_operator.local.process_identity import is_alive
from anomalyjob_operator.local.process_table import end_recorded_processes
from anomalyjob_operator.local.state_folder import StateFolder
from anomalyjob_operator.local.stored_resource import read_resource
from anomalyjob_operator.local.supervisor_lock import is_supervised, read_supervisor_record, supervisor_lock

_STOP_SECONDS: Final = 60.0


@click.command()
@names_job
@click.option("-f", "--file", type=click.Path(path_type=Path), help="Take name and namespace from this YAML file.")
@click.option("--delete", is_flag=True, help="Delete the job afterwards, as its deletionPolicy says.")
def down(name: str | None, namespace: str | None, file: Path | None, *, delete: bool) -> None:
    """Stop all processes of a job and keep everything: `up` goes on from the newest checkpoint.

    With --delete the job is deleted as well. Under deletionPolicy Retain its volume stays, and a job of the same name
    goes on from it; under Delete nothing stays.
    """
    with plain_errors():
        if file is not None:
            metadata = resource_in(file)[1].metadata
            name, namespace = metadata.name, metadata.namespace
        folder = selected_job(current_settings(), name, namespace)
        _stop(folder)
        with supervisor_lock(folder):
            _end_leftovers(folder)
            if delete:
                _delete(folder)


def _stop(folder: StateFolder) -> None:
    """Ask the supervisor to stop, and wait until it has."""
    if not is_supervised(folder):
        click.echo(f"job {folder.key} is not running")
        return
    record = read_supervisor_record(folder)
    if record is None or not is_alive(record.identity):
        raise Failure(f"another command works on job {folder.key} just now; try again in a moment")
    click.echo(f"stopping job {folder.key} (supervisor process {record.identity.pid})")
    os.kill(record.identity.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while is_supervised(folder):
        if time.monotonic() >= deadline:
            problem = f"job {folder.key} did not stop within {_STOP_SECONDS:g} s; its supervisor is process"
            raise Failure(f"{problem} {record.identity.pid}. Nothing was deleted")
        time.sleep(0.1)  # noqa: TID251 - waits, within a bound, for a process that is no child of this one
    click.echo(f"stopped; everything is kept in {folder.path}")


def _end_leftovers(folder: StateFolder) -> None:
    for process in end_recorded_processes(folder.processes_file, folder.path):
        name = folder.short_name(process.name)
        click.echo(f"ended {name} (process {process.identity.pid}), which nobody supervised any more")


def _delete(folder: StateFolder) -> None:
    stored = read_resource(folder)
    keep = stored is None or stored.resource.spec.deletion_policy == "Retain"
    folder.remove(keep_volume=keep)
    if keep:
        click.echo(f"deleted job {folder.key}; deletionPolicy Retain keeps its volume in {folder.volume}")
        click.echo("a job of the same name and namespace goes on from it")
    else:
        click.echo(f"deleted job {folder.key} with all its state (deletionPolicy Delete)")
