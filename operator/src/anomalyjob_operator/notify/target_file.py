"""Reads the targets and their headers from files. It keeps nothing: a mounted Secret may be another one any time."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from anomalyjob_operator.bounded_text import UnreadableTextError, read_text
from anomalyjob_operator.notify.targets import Target, TargetsError, parse_headers, parse_targets

LARGEST_FILE_BYTES: Final = 256 * 1024


def read_targets(file: Path) -> tuple[Target, ...]:
    """Return the targets in a file, with whole paths of headers files; raise TargetsError when any of it is wrong.

    Headers are read once to find mistakes at the start, and again whenever they are used.
    """
    try:
        found = parse_targets(read_text(file, LARGEST_FILE_BYTES))
    except (UnreadableTextError, TargetsError) as error:
        raise TargetsError(f"{file}: {error}") from None
    targets = tuple(
        one if one.headers_file is None else replace(one, headers_file=str(file.absolute().parent / one.headers_file))
        for one in found
    )
    for target in targets:
        read_headers(target)
    return targets


def read_headers(target: Target) -> Mapping[str, str]:
    """Return what has to be sent along to a target as of now; raise TargetsError."""
    if target.headers_file is None:
        return {}
    try:
        return parse_headers(read_text(Path(target.headers_file), LARGEST_FILE_BYTES))
    except (UnreadableTextError, TargetsError) as error:
        raise TargetsError(f"{target.headers_file}: {error}") from None
