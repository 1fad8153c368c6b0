"""A real Chromium for each module that asks for one, and pages in it that are watched for problems."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from tests.browser.artefacts import tell_all
from tests.browser.chromium import MISSING, executable, headless_chromium
from tests.browser.watched_pages import WatchedPages


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    tell_all(terminalreporter)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for the module; no `async` test may stand in the same module."""
    path = executable()
    if path is None:
        pytest.skip(MISSING)
    with headless_chromium(path) as browser:
        yield browser


@pytest.fixture
def pages(chromium: Browser) -> Iterator[WatchedPages]:
    """The pages of one test; it fails if anything went wrong in one of them that it did not say it would tolerate."""
    watched = WatchedPages(chromium)
    yield watched
    found = watched.close()
    assert not found, "in the page:\n" + "\n".join(found)
