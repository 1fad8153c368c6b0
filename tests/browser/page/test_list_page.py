"""The list of all jobs."""

import pytest
from tests.browser.page.played_dashboard import PlayedDashboard, played_now
from tests.browser.watched_pages import WatchedPages

pytestmark = pytest.mark.browser


def test_a_job_of_the_list_leads_to_its_page(dashboard: PlayedDashboard, pages: WatchedPages) -> None:
    page = pages.open()
    page.goto(dashboard.address)
    page.get_by_role("link", name="demo").click()
    page.locator('[data-phase="Running"]').wait_for()
    assert page.url == dashboard.job_address


def test_the_list_follows_the_jobs_without_a_reload(dashboard: PlayedDashboard, pages: WatchedPages) -> None:
    page = pages.open()
    page.goto(dashboard.address)
    page.locator('[data-job="default/demo"]').wait_for()
    row = played_now().row()
    dashboard.play_list([row | {"phase": "Recovering"}, row | {"name": "other", "namespace": "payments"}])
    page.locator('[data-job="payments/other"]').wait_for()
    assert page.locator('[data-job="default/demo"] [data-phase]').get_attribute("data-phase") == "Recovering"


def test_an_empty_list_says_how_to_begin(dashboard: PlayedDashboard, pages: WatchedPages) -> None:
    page = pages.open()
    page.goto(dashboard.address)
    page.locator("tr[data-job]").wait_for()
    dashboard.play_list([])
    page.get_by_text("There is no AnomalyJob yet").wait_for()


def test_the_list_says_when_it_is_stale(dashboard: PlayedDashboard, pages: WatchedPages) -> None:
    page = pages.open()
    page.goto(dashboard.address)
    page.locator("tr[data-job]").wait_for()
    dashboard.fall_silent()
    page.locator('[data-panel="jobs"][data-stale="true"]').wait_for()
