"""`make bench`: how soon the page shows what happened, printed as a table for docs/benchmarks.md.

From the job's own time, or from the kill, to the change in the page of a real browser on the same machine.
"""

import os
import signal
from pathlib import Path

import pytest
from tests.benchmarks.machine import machine
from tests.benchmarks.samples import Samples
from tests.browser.alert_delay import alert_seconds
from tests.browser.chromium import MISSING, executable, headless_chromium
from tests.browser.job_page import JobPage
from tests.browser.recovery_shown import follow_recovery
from tests.browser.shown_job import ShownJob, request_rates, shown_job
from tests.browser.watched_pages import WatchedPages

pytestmark = pytest.mark.bench

ALERTS = 30
KILLS = 5
MANY_PAGES = 50
MANY_SECONDS = 60.0
OPEN_SECONDS = 900.0
SMALL_SCREEN = {"width": 400, "height": 300}
VICTIM = "taskmanager-2"


@pytest.mark.timeout(900)
def test_measure_the_page(tmp_path: Path) -> None:
    path = executable()
    if path is None:
        pytest.skip(MISSING)
    before = os.getloadavg()[0]
    with shown_job(tmp_path) as job, headless_chromium(path) as browser:
        pages = WatchedPages(browser)
        page = JobPage(pages.open(), job.page_address)
        page.open_filled()
        alerts = Samples(values=tuple(alert_seconds(page, ALERTS)), unit="s")
        kills = [kill(job, page) for _ in range(KILLS)]
        assert pages.close() == []
    dead, recovering, running = (Samples(values=tuple(values), unit="s") for values in zip(*kills, strict=True))
    print(f"\n\n### The page\n\nLoad average before: {before:.2f}; {machine()}\n")
    print("| figure | target | here |\n| --- | --- | --- |")
    print(f"| alert written → in the page | median ≤ 2 s | {alerts.summary()} |")
    print(f"| TaskManager killed → red in the page | median ≤ 2 s | {dead.listed()} |")
    print(f"| TaskManager killed → Recovering in the page | | {recovering.listed()} |")
    print(f"| TaskManager killed → Running again in the page | | {running.listed()} |")


def kill(job: ShownJob, page: JobPage) -> tuple[float, float, float]:
    """`kill -9` of one TaskManager of a settled job; return when the page showed it dead, Recovering, Running."""
    checkpoints = job.checkpoints()
    assert checkpoints is not None
    job.wait_checkpoint_after(checkpoints["latest"]["completed"]["id"])
    seen = follow_recovery(page, VICTIM, lambda: os.kill(job.pids()[VICTIM], signal.SIGKILL), "bench")
    return seen.dead, seen.recovering, seen.running


@pytest.mark.timeout(2400)
def test_measure_fifty_open_pages(tmp_path: Path) -> None:
    """More than two cores can draw; what the server and Flink have to do with them is what counts."""
    path = executable()
    if path is None:
        pytest.skip(MISSING)
    with shown_job(tmp_path) as job, headless_chromium(path) as browser:
        pages = WatchedPages(browser)
        first = JobPage(pages.open(), job.page_address)
        first.open_filled()
        alone, before = request_rates(job, MANY_SECONDS), job.memory_bytes()
        others = [JobPage(pages.open(viewport=SMALL_SCREEN), job.page_address) for _ in range(MANY_PAGES - 1)]
        for page in others:
            page.open()
        for page in [first, *others]:
            page.page.locator("html[data-connection=live]").wait_for(timeout=OPEN_SECONDS * 1000)
        together, grown = request_rates(job, MANY_SECONDS), job.memory_bytes() - before
        load = os.getloadavg()[0]
    print(f"\n\n### {MANY_PAGES} open pages\n\nLoad average: {load:.2f}; {machine()}\n")
    print("| figure | target | here |\n| --- | --- | --- |")
    print(f"| looks at Flink a second, one page | | {alone[0]:.2f} ({alone[1]:.1f} requests in all) |")
    print(f"| the same, {MANY_PAGES} pages for a minute | unchanged | {together[0]:.2f} ({together[1]:.1f} requests) |")
    print(f"| memory of `anomalyjob up`, grown | < 30 MB | {grown / 1e6:.1f} MB |")
