"""A dashboard for each test, with a job that runs, and that job's page."""

from collections.abc import Iterator

import pytest
from tests.browser.job_page import JobPage
from tests.browser.page.opened_page import opened
from tests.browser.page.played_dashboard import PlayedDashboard, played_dashboard
from tests.browser.watched_pages import WatchedPages


@pytest.fixture
def dashboard() -> Iterator[PlayedDashboard]:
    """A server of this test's own."""
    with played_dashboard() as dashboard:
        yield dashboard


@pytest.fixture
def job(dashboard: PlayedDashboard, pages: WatchedPages) -> JobPage:
    """The job's page, open and filled."""
    return opened(JobPage(pages.open(), dashboard.job_address))
