"""What the page says when nothing new comes: it never shows old numbers as new."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from tests.browser.job_page import PANELS, JobPage
from tests.browser.page.opened_page import opened
from tests.browser.page.played_dashboard import PlayedDashboard, played_now
from tests.browser.page.played_documents import Played
from tests.browser.watched_pages import WatchedPages

pytestmark = pytest.mark.browser

LOOKED_AT = """(looked) => {
  Object.defineProperty(document, "hidden", { value: looked === "no", configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
STALE_TEXT = re.compile(r"stale: last seen \d+ s ago")


def test_silence_of_the_server_makes_every_panel_stale(dashboard: PlayedDashboard, job: JobPage) -> None:
    dashboard.fall_silent()
    job.wait("all are stale", lambda: all(job.stale().get(panel) for panel in PANELS), 15)
    causes = {job.attribute(f'[data-panel="{panel}"]', "data-stale-cause") for panel in PANELS}
    assert causes == {"connection"}
    assert STALE_TEXT.search(job.look_at("tasks").locator(".panel-state").inner_text())


def test_heartbeats_alone_do_not_keep_old_numbers_fresh(dashboard: PlayedDashboard, job: JobPage) -> None:
    dashboard.play("overview", Played(datetime.now(UTC) - timedelta(seconds=8)).overview())
    job.wait("they are stale", lambda: job.stale()["overview"] and job.stale()["tasks"], 15)
    assert not job.stale()["log"]


def test_when_flink_is_silent_its_numbers_are_stale_and_the_processes_are_not(
    dashboard: PlayedDashboard, job: JobPage
) -> None:
    silent = played_now().overview()
    silent["flink"]["answering"] = False
    dashboard.play("overview", silent)
    job.wait("tasks are stale", lambda: job.stale()["tasks"], 6)
    assert not job.stale()["architecture"]
    assert job.attribute('[data-panel="tasks"]', "data-stale-cause") == "flink"


def test_a_suspended_job_is_not_stale_where_the_operator_looks_itself(dashboard: PlayedDashboard, job: JobPage) -> None:
    suspended = played_now().overview() | {"pipeline": None, "job": None}
    suspended["status"]["phase"] = "Suspended"
    suspended["flink"] |= {"answering": None, "observedAt": played_now().ago(7200)}
    dashboard.play("overview", suspended)
    job.wait("it is shown", lambda: job.phase() == "Suspended", 6)
    assert not any(job.stale()[panel] for panel in ("overview", "workloads", "architecture"))


def test_the_age_of_stale_numbers_is_that_of_flinks_last_answer(dashboard: PlayedDashboard, job: JobPage) -> None:
    played = played_now()
    silent = played.overview()
    silent["flink"] |= {"answering": False, "observedAt": played.ago(70)}
    dashboard.play("overview", silent)
    job.page.locator('[data-panel="overview"] .stale-mark', has_text="stale: last seen 1 min 1").wait_for()


def test_stale_ends_with_news(dashboard: PlayedDashboard, job: JobPage) -> None:
    silent = played_now().overview()
    silent["flink"]["answering"] = False
    dashboard.play("overview", silent)
    job.wait("it is stale", lambda: job.stale()["tasks"], 6)
    dashboard.play("overview", played_now().overview())
    job.wait("it is not", lambda: not job.stale()["tasks"], 6)


def test_a_screen_reader_hears_once_that_a_panel_is_stale(dashboard: PlayedDashboard, job: JobPage) -> None:
    silent = played_now().overview()
    silent["flink"]["answering"] = False
    dashboard.play("overview", silent)
    said = job.page.locator("#announcer")
    job.wait("it is said", lambda: "stale" in said.inner_text(), 6)
    text = said.inner_text()
    mark = job.page.locator('[data-panel="tasks"] .stale-mark')
    first = mark.inner_text()
    job.wait("the mark counts on", lambda: mark.inner_text() != first, 6)
    assert said.inner_text() == text


def test_a_page_finds_its_server_again(dashboard: PlayedDashboard, job: JobPage, pages: WatchedPages) -> None:
    pages.problems(job.page).tolerate(r"ERR_|request failed|status 0")
    dashboard.stop()
    job.wait("it says so", lambda: job.attribute("html", "data-connection") == "disconnected", 15)
    assert job.page.locator("#notice").is_visible()
    dashboard.start()
    dashboard.play_job(played_now())
    job.wait("it is back", lambda: job.attribute("html", "data-connection") == "live", 30)
    job.wait("nothing is stale", lambda: not any(job.stale().values()), 15)
    assert not job.page.locator("#notice").is_visible()


def test_a_page_that_nobody_looks_at_gives_its_connection_back(dashboard: PlayedDashboard, job: JobPage) -> None:
    job.page.evaluate(LOOKED_AT, "no")
    job.wait("it is given back", lambda: dashboard.readers() == 0, 15)
    job.page.evaluate(LOOKED_AT, "yes")
    job.wait("it is back", lambda: job.attribute("html", "data-connection") == "live", 15)
    assert dashboard.readers() == 1


def test_a_page_that_was_opened_in_the_background_gives_its_connection_back_too(
    dashboard: PlayedDashboard, pages: WatchedPages
) -> None:
    page = pages.open()
    page.add_init_script('Object.defineProperty(document, "hidden", { value: true, configurable: true });')
    job = opened(JobPage(page, dashboard.job_address))
    job.wait("it is given back", lambda: dashboard.readers() == 0, 15)


def test_a_job_that_nobody_knows_is_told_in_words(dashboard: PlayedDashboard, pages: WatchedPages) -> None:
    page = pages.open()
    pages.problems(page).tolerate(r"404")
    page.goto(f"{dashboard.address}jobs/default/nobody")
    page.locator("#notice", has_text="There is no AnomalyJob default/nobody").wait_for()
