"""Starts Debian's Chromium, headless, for one module of tests; it is gone with the block, or with the test's process.

It must not know what the pages are about. Playwright's own loop runs in this thread as long as the block lasts, so a
module that uses it has no `async` tests: what needs a loop beside it runs in a thread or a process of its own.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

MISSING = "Chromium is not here: as root, apt-get install chromium"
"""Why tests are skipped; in CI a skip fails."""
START_SECONDS = 30
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def executable() -> str | None:
    """Return where Chromium is, None when it is nowhere."""
    return shutil.which("chromium", path="/usr/bin:/bin")


@contextmanager
def headless_chromium(path: str) -> Iterator[Browser]:
    """A browser with a new, empty profile of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=FLAGS, headless=True, timeout=START_SECONDS * 1000
        )
        try:
            yield browser
        finally:
            browser.close()
