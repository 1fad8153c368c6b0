"""Reads and writes the JSON files of the state folder: whole or not at all.

A reader never meets half a file, and a damaged one is an error that names the file, not a stack trace.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anomalyjob.atomic_file import write_atomically


class DamagedFileError(Exception):
    """A file of the state folder cannot be understood. The message names it and says what to do."""


def write_json(file: Path, document: Mapping[str, Any]) -> None:
    """Replace `file` by the document, creating its folder if need be. Raise OSError when the disk refuses."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def read_json(file: Path) -> dict[str, Any] | None:
    """Return the document, None when there is no such file; raise DamagedFileError when it holds no JSON object."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        raise DamagedFileError(f"{file} cannot be read: {error}. Repair it or remove it, then try again.") from None
    if not isinstance(document, dict):
        raise DamagedFileError(f"{file} does not hold a JSON object. Repair it or remove it, then try again.")
    return document
