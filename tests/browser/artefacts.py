"""Where the pictures and figures of a run stay, for people to look at."""

import os
from pathlib import Path

FOLDER = Path(os.environ.get("ANOMALYJOB_TEST_RESULTS") or Path(__file__).parent / "results")


def artefact(name: str) -> Path:
    """Return the path of a file to write; its folder is there."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    return FOLDER / name
