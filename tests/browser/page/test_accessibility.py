"""The pages for everybody: barriers, keyboard, small and large screens, both themes, less motion."""

from itertools import pairwise

import pytest
from tests.browser.axe import violations
from tests.browser.job_page import JobPage
from tests.browser.page.opened_page import opened
from tests.browser.page.played_dashboard import PlayedDashboard, played_now
from tests.browser.watched_pages import WatchedPages

pytestmark = pytest.mark.browser

WIDTHS = (360, 1024, 1600)
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
THEME = "() => document.documentElement.dataset.theme ?? ''"
SETTLED = "() => document.getAnimations().every((animation) => animation instanceof CSSAnimation)"
LEVELS = "() => [...document.querySelectorAll('h1, h2, h3, h4')].map((node) => Number(node.tagName[1]))"
GROUND = "() => getComputedStyle(document.documentElement).backgroundColor"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("situation", ["running", "task manager lost", "restored"])
def test_the_job_page_has_no_serious_barrier(
    dashboard: PlayedDashboard, pages: WatchedPages, scheme: str, situation: str
) -> None:
    job = opened(JobPage(pages.open(color_scheme=scheme), dashboard.job_address))
    played = played_now()
    if situation != "running":
        dashboard.play(
            "overview", played.task_manager_lost() if situation == "task manager lost" else played.restored()
        )
        job.wait("it is shown", lambda: job.page.locator(".recovery").is_visible(), 6)
    job.page.locator("summary").click()
    # Colours on their way from one tone to another are of neither.
    job.wait("nothing moves", lambda: job.page.evaluate(SETTLED), 6)
    assert violations(job.page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_list_has_no_serious_barrier(dashboard: PlayedDashboard, pages: WatchedPages, scheme: str) -> None:
    page = pages.open(color_scheme=scheme)
    page.goto(dashboard.address)
    page.locator("tr[data-job]").wait_for()
    assert violations(page) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_is_wider_than_the_screen(dashboard: PlayedDashboard, pages: WatchedPages, width: int) -> None:
    job = opened(JobPage(pages.open(viewport={"width": width, "height": 800}), dashboard.job_address))
    assert job.page.evaluate(OVERFLOW) == 0
    job.page.goto(dashboard.address)
    job.page.locator("tr[data-job]").wait_for()
    assert job.page.evaluate(OVERFLOW) == 0


def test_the_drawings_follow_the_width_of_the_screen(job: JobPage) -> None:
    job.page.set_viewport_size({"width": 360, "height": 800})
    drawing = job.page.locator('[data-panel="architecture"] svg')
    job.wait("it is narrow", lambda: float(drawing.get_attribute("width") or "0") < 360, 6)


def test_the_first_tab_stop_leads_past_the_banner_to_the_content(job: JobPage) -> None:
    job.page.keyboard.press("Tab")
    assert job.page.evaluate("() => document.activeElement.className") == "skip"
    job.page.keyboard.press("Enter")
    assert job.page.evaluate("() => document.activeElement.id") == "content"


def test_everything_that_can_be_used_is_reached_by_keyboard(job: JobPage) -> None:
    reached = set()
    for _ in range(40):
        job.page.keyboard.press("Tab")
        reached.add(job.page.evaluate("() => document.activeElement.dataset.control ?? document.activeElement.id"))
    assert {"theme", "kind-source", "kind-process", "kind-alert", "user", "pause"} <= reached


def test_pause_works_by_keyboard_and_keeps_the_focus_while_news_come(dashboard: PlayedDashboard, job: JobPage) -> None:
    job.page.locator('[data-control="pause"]').focus()
    job.page.keyboard.press("Space")
    dashboard.play("overview", played_now().overview())
    dashboard.play("log", played_now().log(61, 4))
    job.page.get_by_role("button", name="Resume (4 new)").wait_for()
    assert job.page.evaluate("() => document.activeElement.dataset.control") == "pause"


def test_the_theme_follows_the_system_until_it_is_chosen_and_is_kept(
    dashboard: PlayedDashboard, pages: WatchedPages
) -> None:
    job = opened(JobPage(pages.open(color_scheme="dark"), dashboard.job_address))
    dark = job.page.evaluate(GROUND)
    job.page.get_by_role("button", name="Switch to the light theme").click()
    assert job.page.evaluate(THEME) == "light"
    light = job.page.evaluate(GROUND)
    opened(job)
    assert job.page.evaluate(GROUND) == light != dark


def test_a_change_of_the_phase_is_said_to_screen_readers(dashboard: PlayedDashboard, job: JobPage) -> None:
    dashboard.play("overview", played_now().task_manager_lost())
    said = job.page.locator("#announcer")
    job.wait("it is said", lambda: "demo is Recovering" in said.inner_text(), 6)


def test_who_asked_for_less_motion_sees_a_restore_without_any(dashboard: PlayedDashboard, pages: WatchedPages) -> None:
    job = opened(JobPage(pages.open(reduced_motion="reduce"), dashboard.job_address))
    dashboard.play("overview", played_now().task_manager_lost())
    flow = job.page.locator('[data-edge="taskmanager-1-volume"][data-flow="restoring"] .flow')
    flow.wait_for()
    assert flow.get_attribute("marker-end") == "url(#flow-head)"
    assert job.page.evaluate("() => document.getAnimations().length") == 0


def test_headings_go_down_by_one_level_at_a_time(job: JobPage) -> None:
    levels = job.page.evaluate(
        "() => [...document.querySelectorAll('h1, h2, h3, h4')].map((node) => Number(node.tagName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
