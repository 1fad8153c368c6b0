"""`anomalyjob kill`: ends a process the hard way, so that people can watch the job come back."""

import signal

import click

from anomalyjob_operator.cli.console import BadInput, Failure, plain_errors
from anomalyjob_operator.cli.selection import current_settings, names_job_by_option, selected_job
from anomalyjob_operator.local.process_identity import kill_process
from anomalyjob_operator.local.process_table import RecordedProcess, read_process_table
from anomalyjob_operator.local.state_folder import StateFolder
from anomalyjob_operator.local.supervisor_lock import is_supervised


@click.command()
@click.argument("target", metavar="jobmanager|taskmanager-N|all")
@names_job_by_option
def kill(target: str, name: str | None, namespace: str | None) -> None:
    """Kill a process of a job (SIGKILL). Its supervisor starts it again at once."""
    with plain_errors():
        folder = selected_job(current_settings(), name, namespace)
        processes = read_process_table(folder.processes_file) if is_supervised(folder) else ()
        meant = [process for process in processes if target in {"all", folder.short_name(process.name)}]
        if not meant:
            raise (BadInput if processes else Failure)(_nothing(folder, target, processes))
        for process in meant:
            _kill(folder, process)


def _kill(folder: StateFolder, process: RecordedProcess) -> None:
    name, pid = folder.short_name(process.name), process.identity.pid
    was_there = kill_process(process.identity, signal.SIGKILL)
    click.echo(f"killed {name} (process {pid})" if was_there else f"{name} (process {pid}) is dead already")


def _nothing(folder: StateFolder, target: str, processes: tuple[RecordedProcess, ...]) -> str:
    if not processes:
        return f"no process of job {folder.key} runs. Start it: anomalyjob up -f FILE"
    names = ", ".join(folder.short_name(process.name) for process in processes)
    return f"job {folder.key} has no process {target!r}. It has: {names}; all means every one of them"
