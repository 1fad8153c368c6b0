"""The page of one job, in Chromium: what it makes of the documents it is sent."""

import pytest
from tests.browser.job_page import PANELS, JobPage, Place
from tests.browser.page.opened_page import opened
from tests.browser.page.played_dashboard import PlayedDashboard, played_now
from tests.browser.page.played_documents import Played

pytestmark = pytest.mark.browser

MARK_CARDS = "() => document.querySelectorAll('[data-workload], tr, .figure').forEach((node) => { node.kept = true; })"
UNMARKED = "() => [...document.querySelectorAll('[data-workload], tr, .figure')].filter((node) => !node.kept).length"
COLOR = "(node) => getComputedStyle(node)[node instanceof SVGElement ? 'stroke' : 'borderTopColor']"
BOX = 'g[data-workload="taskmanager-2"] .box'
EVIL = '<script>document.title="taken"</script><img src=x onerror="document.title=1">'


def is_red(color: str) -> bool:
    """Whether `rgb(r, g, b)` is what people call red."""
    red, green, blue = (int(part) for part in color.removeprefix("rgb(").removesuffix(")").split(","))
    return red > 180 and green < 120 and blue < 120


def test_every_panel_is_filled_from_the_documents(job: JobPage) -> None:
    empty = [panel for panel in PANELS if not job.look_at(panel).locator(".panel-body").inner_text()]
    assert not empty
    assert not any(job.stale().values())


def test_a_number_carries_its_raw_value_and_a_text_with_its_unit(job: JobPage) -> None:
    size = job.page.locator('[data-panel="overview"] [data-field="lastCheckpoint.sizeBytes"]')
    assert (size.get_attribute("data-value"), size.inner_text()) == ("18764", "18.3 KB")


def test_an_unknown_number_is_a_dash_and_never_a_zero(job: JobPage) -> None:
    rate = job.look_at("tasks").locator('tr[data-vertex="clock"][data-subtask="0"] [data-field="recordsInPerSecond"]')
    assert (rate.get_attribute("data-value"), rate.inner_text()) == ("", "\N{EN DASH}")


def test_ages_tick_without_news(job: JobPage) -> None:
    age = job.page.locator('[data-panel="overview"] [data-field="lastCheckpoint.completedAt"]')
    first = age.inner_text()
    job.wait("the age grows", lambda: age.inner_text() != first, 6)


def test_a_script_in_a_user_name_stays_text(dashboard: PlayedDashboard, job: JobPage) -> None:
    played = Played(played_now().now, users=(EVIL, "user2", "user3"))
    dashboard.play("overview", played.overview())
    dashboard.play("log", played.log(100, 10))
    log = job.look_at("log")
    job.wait("the name is shown", lambda: EVIL in log.inner_text(), 6)
    assert job.count("main script, main img") == 0
    assert job.page.title() == "Running · demo · AnomalyJob"


def test_a_killed_task_manager_becomes_red(dashboard: PlayedDashboard, job: JobPage) -> None:
    dashboard.play("overview", played_now().task_manager_lost())
    job.wait("card and drawing say so", lambda: job.states("taskmanager-2") == {"down"}, 6)
    card, box = job.page.locator('li[data-workload="taskmanager-2"]'), job.page.locator(BOX)
    job.wait("both are red", lambda: is_red(card.evaluate(COLOR)) and is_red(box.evaluate(COLOR)), 6)
    assert job.phase() == "Recovering"


def test_a_task_manager_that_runs_is_not_red(job: JobPage) -> None:
    assert not is_red(job.page.locator(BOX).evaluate(COLOR))


def test_a_restore_is_seen_going_from_the_volume_to_the_task_managers(dashboard: PlayedDashboard, job: JobPage) -> None:
    dashboard.play("overview", played_now().task_manager_lost())
    flow = '[data-edge="taskmanager-1-volume"]'
    job.wait("it is going on", lambda: job.attribute(flow, "data-flow") == "restoring", 6)
    dashboard.play("overview", played_now().restored())
    job.wait("it is over", lambda: job.attribute(flow, "data-flow") == "restored", 6)
    assert "Restored from checkpoint 18" in job.look_at("architecture").inner_text()


def test_nothing_flows_before_it_is_known_what_is_restored(dashboard: PlayedDashboard, job: JobPage) -> None:
    lost = played_now().task_manager_lost()
    lost["status"]["recovery"]["fromCheckpoint"] = None
    dashboard.play("overview", lost)
    job.wait("it waits", lambda: job.attribute('[data-panel="architecture"] svg', "data-flow") == "waiting", 6)
    assert job.count('[data-flow="restoring"]') == 0


def test_a_recovery_that_a_change_cut_short_is_over(dashboard: PlayedDashboard, job: JobPage) -> None:
    cut = played_now().overview()
    cut["status"]["recovery"] = played_now().task_manager_lost()["status"]["recovery"]
    dashboard.play("overview", cut)
    job.page.get_by_text("Last recovery, cut short by a change of the job").wait_for()
    assert job.attribute(".recovery", "data-over") == "true"
    assert job.count('[data-flow="restoring"]') == 0


def test_a_restore_appears_as_a_row_and_as_a_mark_in_the_chart(dashboard: PlayedDashboard, job: JobPage) -> None:
    rows, marks = job.count('tr[data-entry="restore"]'), job.count('.chart-mark[data-mark="restore"]')
    dashboard.play("checkpoints", played_now().checkpoints(restored=True))
    job.wait("one row more", lambda: job.count('tr[data-entry="restore"]') == rows + 1, 6)
    job.wait("a mark in both plots", lambda: job.count('.chart-mark[data-mark="restore"]') == marks + 2, 6)
    assert marks == 2


@pytest.mark.parametrize("entries", [0, 1])
def test_a_history_that_has_hardly_begun_is_drawn_too(dashboard: PlayedDashboard, job: JobPage, entries: int) -> None:
    begun = played_now().checkpoints()
    begun["entries"] = begun["entries"][:entries]
    dashboard.play("checkpoints", begun)
    job.wait("it is shown", lambda: job.count("tr[data-entry]") == entries, 6)
    opened(job)
    assert job.count("tr[data-entry]") == entries
    assert job.count(".uplot") == 2


def test_a_failed_checkpoint_names_its_reason(job: JobPage) -> None:
    row = job.look_at("checkpoints").locator('tr[data-entry="checkpoint"][data-status="FAILED"]')
    assert "Checkpoint expired before completing." in row.inner_text()


def test_an_update_keeps_every_node_in_its_place(dashboard: PlayedDashboard, job: JobPage) -> None:
    job.page.evaluate(MARK_CARDS)
    played = Played(played_now().now)
    changed = played.overview()
    changed["status"]["recoveries"] = 7
    dashboard.play("overview", changed)
    job.wait("it is shown", lambda: job.fields()[Place("overview", "", "status.recoveries")] == "7", 6)
    assert job.page.evaluate(UNMARKED) == 0


def test_an_update_does_not_scroll_the_page(dashboard: PlayedDashboard, job: JobPage) -> None:
    job.page.evaluate("() => window.scrollTo(0, 700)")
    before = job.page.evaluate("() => window.scrollY")
    dashboard.play("overview", played_now().overview())
    dashboard.play("checkpoints", played_now().checkpoints())
    dashboard.play("log", played_now().log(200, 40))
    job.wait("the log came", lambda: job.count('[data-seq="239"]'), 6)
    assert job.page.evaluate("() => window.scrollY") == before > 0


def test_a_lost_task_manager_is_drawn_however_many_there_are(dashboard: PlayedDashboard, job: JobPage) -> None:
    many = played_now().overview()
    first, one = many["workloads"][:2]
    others = [one | {"name": f"demo-taskmanager-{n}", "shortName": f"taskmanager-{n}"} for n in range(1, 21)]
    many["workloads"] = [first, *others[:19], others[19] | {"state": "down"}]
    dashboard.play("overview", many)
    job.wait("all have a card", lambda: job.count('li[data-role="taskmanager"]') == 20, 6)
    assert job.attribute('g[data-workload="taskmanager-20"]', "data-tone") == "bad"
    assert "15 more" in (job.page.locator('g[data-node="others"]').text_content() or "")


def test_a_job_that_has_not_started_shows_no_numbers(dashboard: PlayedDashboard, job: JobPage) -> None:
    nothing = played_now().overview() | dict.fromkeys(("job", "taskManagers", "lastCheckpoint", "restored", "pipeline"))
    nothing |= {"workloads": [], "flink": {"answering": False, "observedAt": None, "version": None}}
    nothing["status"] |= {"phase": "Pending", "volumeFreeRatio": None, "message": None, "conditions": []}
    dashboard.play("overview", nothing)
    job.wait("it is shown", lambda: job.phase() == "Pending", 6)
    assert job.fields()[Place("overview", "", "job.tasksRunning")] == ""
    assert "has not started" in job.look_at("pipeline").inner_text()
