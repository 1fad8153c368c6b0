"""The page that asks for the dashboard's token."""

from collections.abc import Iterator

import pytest
from tests.browser.axe import violations
from tests.browser.page.played_dashboard import PlayedDashboard, played_dashboard
from tests.browser.watched_pages import WatchedPages

pytestmark = pytest.mark.browser

TOKEN = "a-token-of-this-test"


@pytest.fixture
def guarded() -> Iterator[PlayedDashboard]:
    """A dashboard that asks for a token."""
    with played_dashboard(TOKEN) as dashboard:
        yield dashboard


def test_the_token_leads_to_the_page_that_was_asked_for(guarded: PlayedDashboard, pages: WatchedPages) -> None:
    page = pages.open()
    page.goto(guarded.job_address)
    page.get_by_label("Token").fill(TOKEN)
    page.keyboard.press("Enter")
    page.locator('[data-phase="Running"]').wait_for()
    assert page.url == guarded.job_address


def test_a_wrong_token_is_told(guarded: PlayedDashboard, pages: WatchedPages) -> None:
    page = pages.open()
    page.goto(guarded.job_address)
    page.get_by_label("Token").fill("a-token-of-somebody-else")
    page.get_by_role("button").click()
    page.get_by_role("alert").get_by_text("That token is not the one").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_login_page_has_no_serious_barrier(guarded: PlayedDashboard, pages: WatchedPages, scheme: str) -> None:
    page = pages.open(color_scheme=scheme)
    page.goto(guarded.address)
    page.get_by_label("Token").wait_for()
    assert violations(page) == []
