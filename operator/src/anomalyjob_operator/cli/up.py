"""`anomalyjob up`: applies a file to the stored resource and supervises the job in the foreground."""

import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from anomalyjob_operator.aside import end_process
from anomalyjob_operator.cli.console import plain_errors, resource_in, teller
from anomalyjob_operator.cli.selection import current_settings
from anomalyjob_operator.dashboard.login import read_token
from anomalyjob_operator.local.applied_file import AppliedFile, signature_of
from anomalyjob_operator.local.backend import Place
from anomalyjob_operator.local.json_file import read_json
from anomalyjob_operator.local.ports import ChosenPorts, choose_ports, hold_dashboard_port
from anomalyjob_operator.local.preflight import Machine, preflight
from anomalyjob_operator.local.process_identity import is_alive
from anomalyjob_operator.local.process_table import end_recorded_processes
from anomalyjob_operator.local.session import Session
from anomalyjob_operator.local.show import ShowOptions
from anomalyjob_operator.local.state_folder import StateFolder
from anomalyjob_operator.local.stored_resource import store_resource
from anomalyjob_operator.local.supervisor_lock import supervisor_lock, write_supervisor_record
from anomalyjob_operator.notify.target_file import read_targets
from anomalyjob_operator.settings import Settings

_LEFTOVER_SECONDS: Final = 10.0

Tell = Callable[[str], None]


@click.command()
@click.option("-f", "--file", type=click.Path(path_type=Path), required=True, help="YAML file with one AnomalyJob.")
@click.option(
    "--rest-port",
    type=click.IntRange(1, 65_535),
    help="Port of Flink's web page and REST.  [default: the one it had, else 8081 or the next free one]",
)
@click.option(
    "--dashboard-port",
    type=click.IntRange(1, 65_535),
    help="Port of the dashboard, on this machine only.  [default: 8090 or the next free one]",
)
@click.option("--no-dashboard", is_flag=True, help="Serve no dashboard and no metrics.")
def up(file: Path, rest_port: int | None, dashboard_port: int | None, *, no_dashboard: bool) -> None:
    """Start the job in FILE, or go on with it from its newest checkpoint.

    It runs in the foreground. Saving FILE applies it again: what can be taken over at once is, the rest takes a
    checkpoint, a stop and a start. Ctrl-C stops all processes and keeps everything; the next `up` goes on.
    """
    tell = teller()
    with plain_errors():
        seen = signature_of(file)
        document, folder = _read(file)
        options = _show_options(current_settings())
        with supervisor_lock(folder):
            machine = preflight(current_settings(), folder)
            _end_leftovers(folder, tell)
            with choose_ports(folder, rest_port) as chosen, ExitStack() as held:
                if not no_dashboard:
                    port = held.enter_context(hold_dashboard_port(folder, dashboard_port))
                    options = replace(options, dashboard_port=port)
                stored = store_resource(folder, document, datetime.now(UTC))
                folder.prepare()
                write_supervisor_record(folder, datetime.now(UTC), chosen.ports.rest_url)
                _greet(folder, machine, chosen, tell)
                place = Place(folder=folder, ports=chosen.ports, machine=machine)
                ended = asyncio.run(_supervise(place, AppliedFile(file, seen, folder, stored, tell), tell, options))
    tell(_farewell(folder, file))
    if not ended:
        end_process(0)


async def _supervise(place: Place, file: AppliedFile, tell: Tell, options: ShowOptions) -> bool:
    # Made inside the loop: what it waits on belongs to the loop.
    return await Session(place, file, tell, options).run()


def _show_options(settings: Settings) -> ShowOptions:
    """Read what the environment names, before anything is started. Raise TokenError or TargetsError."""
    token, targets = settings.dashboard_token_file, settings.notification_targets
    return ShowOptions(
        token=None if token is None else read_token(token), targets=() if targets is None else read_targets(targets)
    )


def _read(file: Path) -> tuple[dict[str, Any], StateFolder]:
    document, resource = resource_in(file)
    metadata = resource.metadata
    return document, StateFolder(home=current_settings().home, namespace=metadata.namespace, name=metadata.name)


def _end_leftovers(folder: StateFolder, tell: Tell) -> None:
    """End what a supervisor that died left running, and wait until its ports and locks are free."""
    left = end_recorded_processes(folder.processes_file, folder.path)
    if not left:
        return
    names = ", ".join(f"{folder.short_name(process.name)} (process {process.identity.pid})" for process in left)
    tell(f"ended what an earlier supervisor left running: {names}")
    deadline = time.monotonic() + _LEFTOVER_SECONDS
    while any(is_alive(process.identity) for process in left) and time.monotonic() < deadline:
        time.sleep(0.05)  # noqa: TID251 - waits, within a bound, for processes that are no children of this one


def _greet(folder: StateFolder, machine: Machine, chosen: ChosenPorts, tell: Tell) -> None:
    tell(f"job {folder.key}, state in {folder.path}")
    tell(f"Java {machine.java.version} in {machine.java.home}; Python with PyFlink: {machine.flink_python}")
    for remark in chosen.remarks:
        tell(remark)
    tell(f"Flink's web page: {chosen.ports.rest_url} (it answers some seconds after the start)")
    tell(f"Ctrl-C stops all processes and keeps everything; logs in {folder.logs}")


def _farewell(folder: StateFolder, file: Path) -> str:
    floor = (read_json(folder.ledger_file) or {}).get("floor")
    then = "begins" if floor is None else f"goes on from checkpoint {floor['checkpointId']} or a newer one"
    return f"stopped; everything is kept in {folder.path}. `anomalyjob up -f {file}` {then}"
