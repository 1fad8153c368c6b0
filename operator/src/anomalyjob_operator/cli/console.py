"""How the command line speaks: plain lines, and one plain sentence for everything that a user can put right.

Exit statuses: 0 it is done; 1 it cannot be done now; 2 the input is bad, and nothing was started.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from anomalyjob_operator.dashboard.login import TokenError
from anomalyjob_operator.local.applied_file import read_applicable
from anomalyjob_operator.local.json_file import DamagedFileError
from anomalyjob_operator.local.ports import PortTakenError
from anomalyjob_operator.local.preflight import PreflightError
from anomalyjob_operator.local.supervisor_lock import AlreadySupervisedError
from anomalyjob_operator.notify.targets import TargetsError
from anomalyjob_operator.resource_file import ResourceFileError
from anomalyjob_operator.spec import AnomalyJob, FieldError, InvalidResource


class Failure(click.ClickException):
    """It cannot be done now: whole sentences for stderr, and exit status 1."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\nError: ".join(lines))


class BadInput(Failure):
    """The input is bad, and nothing was done: exit status 2."""

    exit_code = 2


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Turn what a user can put right into plain lines; anything else is a defect and keeps its stack trace."""
    try:
        yield
    except (ResourceFileError, TargetsError, TokenError) as error:
        raise BadInput(str(error)) from None
    except (AlreadySupervisedError, DamagedFileError, PortTakenError) as error:
        raise Failure(str(error)) from None
    except PreflightError as error:
        raise Failure(*error.problems) from None
    except OSError as error:
        if error.filename is None:
            raise
        raise Failure(f"{error.filename}: {error.strerror}") from None


def resource_in(file: Path) -> tuple[dict[str, Any], AnomalyJob]:
    """Return the document and the valid resource in a file; raise Failure with everything that is wrong with it."""
    try:
        return read_applicable(file)
    except InvalidResource as error:
        raise field_failure(file, error.errors) from None


def field_failure(file: Path, errors: Iterable[FieldError]) -> Failure:
    """Return the failure that names the file and the path of each wrong field."""
    return BadInput(*(f"{file}: {error.line}" for error in errors))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return aligned columns, the last one as long as it likes."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    lines = ("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (header, *rows))
    return "\n".join(line.rstrip() for line in lines)


def teller() -> Callable[[str], None]:
    """Return a function that prints a line with the time of day, for as long as anybody reads.

    Who only wanted the first lines (`| head`) has not asked for the job to be stopped.
    """
    read = True

    def tell(text: str) -> None:
        nonlocal read
        if not read:
            return
        try:
            click.echo(f"{datetime.now().astimezone():%H:%M:%S}  {text}")
        except OSError:
            read = False
            _discard_output()

    return tell


def _discard_output() -> None:
    """Let the rest go nowhere: Python writes what its buffer holds once more when it ends, and fails then, too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
