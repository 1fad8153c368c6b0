"""What a run leaves for people to look at: pictures in a folder, and figures, both told at the end of the run."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page

TOLD: list[str] = []
# The page leaves out what is not on the screen; a picture of all of it has all of it.
DRAW_ALL = """
() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(".panel { content-visibility: visible; }");
  document.adoptedStyleSheets = [sheet];
  return new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
}
"""
FOLDER = Path(os.environ.get("ANOMALYJOB_TEST_RESULTS") or Path(__file__).parent / "results")


def artefact(name: str) -> Path:
    """Return the path of a file to write; its folder is there."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    return FOLDER / name


def keep_picture(page: Page, name: str) -> None:
    """Keep what the page looks like, all of it, and say where."""
    file = artefact(f"{name}.png")
    page.evaluate(DRAW_ALL)
    page.screenshot(path=file, full_page=True)
    tell(f"picture: {file}")


def tell(line: str) -> None:
    """Print the line, and again at the end of the run: what passes is not shown before."""
    print(line)
    TOLD.append(line)


def tell_all(terminal: pytest.TerminalReporter) -> None:
    """Write what was told, if anything was."""
    if TOLD:
        terminal.section("pages")
        terminal.write_line("\n".join(TOLD))
        TOLD.clear()
