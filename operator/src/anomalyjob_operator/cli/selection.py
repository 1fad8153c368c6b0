"""Which job a command means: the one that is named, the only one there is, or one whose volume lies in a folder."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from anomalyjob.volume_layout import JobFolder
from anomalyjob_operator.cli.console import BadInput
from anomalyjob_operator.local.state_folder import StateFolder, known_jobs
from anomalyjob_operator.settings import Settings


def current_settings() -> Settings:
    """Return the settings of this process's environment."""
    return Settings.of(os.environ)


def names_job(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command take a job's name as an argument, and its namespace as an option."""
    named = click.argument("name", required=False)
    return named(_in_namespace(function))


def names_job_by_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command take a job's name as an option, where an argument means something else."""
    named = click.option("--name", help="Name of the job.  [default: the only one]")
    return named(_in_namespace(function))


def names_job_or_volume(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command take a job as above, or the folder of a job on a volume, or a copy of it, as an option."""
    option = click.option(
        "--volume",
        metavar="FOLDER",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="The folder <namespace>.<name> of a job on a volume, or a copy of it, wherever that job runs.",
    )
    return names_job(option(function))


def _in_namespace(function: Callable[..., Any]) -> Callable[..., Any]:
    option = click.option("--namespace", "-n", help="Namespace of the job.  [default: any]")
    return option(function)


def selected_job(settings: Settings, name: str | None, namespace: str | None) -> StateFolder:
    """Return the one job that is meant; raise Failure when there is none or more than one."""
    jobs = matching_jobs(settings, name, namespace)
    if len(jobs) == 1:
        return jobs[0]
    if jobs:
        keys = ", ".join(job.key for job in jobs)
        raise BadInput(f"there are {len(jobs)} such jobs: {keys}. Name one, with --namespace if need be")
    raise BadInput(_none(settings, name, namespace))


def selected_volume(name: str | None, namespace: str | None, volume: Path | None) -> JobFolder:
    """Return the folder on its volume of the job that is meant; raise Failure when that is not plain."""
    if volume is None:
        folder = selected_job(current_settings(), name, namespace)
        return JobFolder(volume=folder.volume, namespace=folder.namespace, name=folder.name)
    if name is not None or namespace is not None:
        raise BadInput("name either a job or, with --volume, the folder of one")
    path = volume.absolute()
    parts = path.name.split(".")
    if len(parts) != 2 or not all(parts):
        raise BadInput(f"{volume} is not named like the folder of a job, <namespace>.<name>. Give it that name")
    return JobFolder(volume=path.parent, namespace=parts[0], name=parts[1])


def matching_jobs(settings: Settings, name: str | None, namespace: str | None) -> tuple[StateFolder, ...]:
    """Return the jobs of this machine that fit what was named."""
    return tuple(
        job for job in known_jobs(settings.home) if name in {None, job.name} and namespace in {None, job.namespace}
    )


def _none(settings: Settings, name: str | None, namespace: str | None) -> str:
    known = known_jobs(settings.home)
    if not known:
        return f"there is no job in {settings.home}. Start one: anomalyjob up -f FILE"
    wanted = "/".join(part for part in (namespace, name) if part)
    return f"there is no job {wanted} in {settings.home}. There is: {', '.join(job.key for job in known)}"
