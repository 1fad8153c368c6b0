"""The live log of the job's page."""

import pytest
from tests.browser.job_page import JobPage
from tests.browser.page.played_dashboard import PlayedDashboard, played_now
from tests.browser.watched_pages import WatchedPages

pytestmark = pytest.mark.browser

ROW = "[data-log-kind]"
SEQUENCE = "() => [...document.querySelectorAll('[data-log-kind]')].map((row) => Number(row.dataset.seq))"

# Until the page was told of it, as it is within the frame in which a reader scrolls.
SCROLL_DOWN = """
() => new Promise((scrolled) => {
  const rows = document.querySelector(".log-rows");
  rows.addEventListener("scroll", () => scrolled(), { once: true });
  rows.scrollTop = 500;
})
"""


def sequence(job: JobPage) -> list[int]:
    """The numbers of the rows, from the top."""
    return [int(number) for number in job.page.evaluate(SEQUENCE)]


def test_the_newest_entry_stands_on_top(job: JobPage) -> None:
    assert sequence(job) == list(range(60, 0, -1))


def test_the_newest_alerts_are_pinned_above_the_log(dashboard: PlayedDashboard, job: JobPage) -> None:
    dashboard.play("log", played_now().log(61, 3))
    newest = job.look_at("log").locator("[data-pinned-alert]").first
    job.wait("the new alert is first", lambda: "[ALERT] userId=user3 abnormal" in newest.inner_text(), 6)
    assert job.count("[data-pinned-alert]") == 5


def test_the_filter_by_kind_leaves_the_other_kinds(job: JobPage) -> None:
    job.page.get_by_role("button", name="source").click()
    job.page.get_by_role("button", name="process").click()
    assert job.count(ROW) == job.count('[data-log-kind="alert"]') > 0


def test_the_filter_by_user_leaves_that_user(job: JobPage) -> None:
    job.page.get_by_label("User").select_option("user2")
    assert job.count(ROW) == job.count('[data-log-kind][data-user="user2"]') > 0


def test_the_filter_holds_for_what_comes_later(dashboard: PlayedDashboard, job: JobPage) -> None:
    job.page.get_by_label("User").select_option("user2")
    before = job.count(ROW)
    dashboard.play("log", played_now().log(61, 30))
    job.wait("more came", lambda: job.count(ROW) > before, 6)
    assert job.count(ROW) == job.count('[data-log-kind][data-user="user2"]')


def test_a_paused_log_keeps_still_and_catches_up(dashboard: PlayedDashboard, job: JobPage) -> None:
    job.page.get_by_role("button", name="Pause").click()
    before = sequence(job)
    dashboard.play("log", played_now().log(61, 9))
    resume = job.page.get_by_role("button", name="Resume (9 new)")
    resume.wait_for()
    assert sequence(job) == before
    resume.click()
    assert sequence(job)[0] == 69


def test_the_page_keeps_at_most_500_rows(dashboard: PlayedDashboard, job: JobPage) -> None:
    for first in range(100, 1700, 400):
        dashboard.play("log", played_now().log(first, 400))
        job.page.locator(f'[data-seq="{first + 399}"]').wait_for()
    assert job.count(ROW) == 500


def test_many_events_do_not_push_the_alerts_out(dashboard: PlayedDashboard, job: JobPage) -> None:
    flood = played_now().log(100, 500)
    for entry in flood["entries"]:
        entry["kind"] = "source"
    dashboard.play("log", flood)
    job.wait("they came", lambda: sequence(job)[0] == 599, 10)
    job.page.get_by_role("button", name="source").click()
    assert job.count('[data-log-kind="alert"]') == 8


def test_what_comes_again_is_not_shown_twice(dashboard: PlayedDashboard, job: JobPage) -> None:
    dashboard.play("log", played_now().log(41, 30))
    job.wait("the new ones came", lambda: sequence(job)[0] == 70, 6)
    assert sequence(job) == list(range(70, 0, -1))


def test_after_the_servers_restart_its_numbers_may_begin_anew(
    dashboard: PlayedDashboard, job: JobPage, pages: WatchedPages
) -> None:
    pages.problems(job.page).tolerate(r"ERR_|request failed")
    dashboard.stop()
    dashboard.play("log", played_now().log(1, 5))
    dashboard.start()
    job.wait("only the new ones are there", lambda: sequence(job) == [5, 4, 3, 2, 1], 30)


def test_a_reader_further_down_keeps_the_line_before_the_eyes(dashboard: PlayedDashboard, job: JobPage) -> None:
    job.look_at("log")
    top = "() => document.querySelector('[data-seq=\"30\"]').getBoundingClientRect().top"
    job.page.evaluate(SCROLL_DOWN)
    before = job.page.evaluate(top)
    dashboard.play("log", played_now().log(61, 20))
    job.wait("they came", lambda: sequence(job)[0] == 80, 6)
    assert abs(job.page.evaluate(top) - before) < 2


def test_a_count_of_dropped_entries_is_told(dashboard: PlayedDashboard, job: JobPage) -> None:
    dashboard.play("log", played_now().log(61, 3) | {"dropped": 12})
    job.page.get_by_text("12 dropped").wait_for()


def test_an_endless_name_takes_four_lines(dashboard: PlayedDashboard, job: JobPage) -> None:
    endless = played_now().log(61, 1)
    endless["entries"][0] |= {"userId": "x" * 16_000, "kind": "alert", "text": "[ALERT] userId=" + "x" * 16_000}
    dashboard.play("log", endless)
    job.page.locator('[data-seq="61"]').wait_for()
    heights = [job.page.locator(place).first.bounding_box() for place in ('[data-seq="61"]', "[data-pinned-alert]")]
    assert all(box is not None and box["height"] < 150 for box in heights)
