"""Where the pictures and figures of a run stay, for people to look at."""

import os
from pathlib import Path

from playwright.sync_api import Page

FOLDER = Path(os.environ.get("ANOMALYJOB_TEST_RESULTS") or Path(__file__).parent / "results")


def artefact(name: str) -> Path:
    """Return the path of a file to write; its folder is there."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    return FOLDER / name


def keep_picture(page: Page, name: str) -> None:
    """Keep what the page looks like, all of it, and say where."""
    file = artefact(f"{name}.png")
    page.screenshot(path=file, full_page=True)
    print(f"picture: {file}")
