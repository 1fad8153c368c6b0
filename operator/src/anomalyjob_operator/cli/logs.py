"""`anomalyjob logs`: the records and alerts that the log sink wrote, of all TaskManagers together."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import click

from anomalyjob_operator.cli.console import plain_errors
from anomalyjob_operator.cli.selection import current_settings, names_job, selected_job
from anomalyjob_operator.local.log_tail import LogTail, all_records, is_alert, is_record, taskmanager_logs
from anomalyjob_operator.local.state_folder import StateFolder

_POLL_SECONDS: Final = 0.3


@click.command()
@names_job
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--alerts", is_flag=True, help="Only the [ALERT] lines.")
def logs(name: str | None, namespace: str | None, *, follow: bool, alerts: bool) -> None:
    """Print what the log sink wrote: lines of JSON and [ALERT] lines, in the order of their times.

    After a recovery records may come twice here: the log is at least once. Exactly once are the part files of the sink
    `files`, which `anomalyjob audit` reads.
    """
    with plain_errors():
        folder = selected_job(current_settings(), name, namespace)
        wanted = is_alert if alerts else is_record
        tails = {file: LogTail.from_end(file) for file in _files(folder)}
        for line in filter(wanted, all_records(_files(folder))):
            click.echo(line)
        if follow:
            # Ctrl-C is how a user ends this: no error.
            with contextlib.suppress(KeyboardInterrupt):
                for line in _follow(folder, tails, wanted):
                    click.echo(line)


def _files(folder: StateFolder) -> list[Path]:
    return taskmanager_logs(folder.logs, folder.name)


def _follow(folder: StateFolder, tails: dict[Path, LogTail], wanted: Callable[[str], bool]) -> Iterator[str]:
    """Yield new lines for ever; the user ends it."""
    while True:
        for file in _files(folder):
            tail = tails.setdefault(file, LogTail(file=file))
            yield from filter(wanted, tail.new_lines())
        time.sleep(_POLL_SECONDS)  # noqa: TID251 - a log file tells nobody that it has grown
