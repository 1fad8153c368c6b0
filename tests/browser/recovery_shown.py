"""What a page shows of the loss of a TaskManager, from the blow to the end, without being loaded again."""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page
from tests.browser.artefacts import keep_picture
from tests.browser.job_page import JobPage, Seen

DEAD_STATES = frozenset({"down", "restarting"})
RECOVERY_SECONDS = 60.0
"""Four times the target for the loss of a TaskManager."""
RESTORES = '[data-panel="checkpoints"] [data-entry="restore"]'
COLOUR = """
(workload) => {
  const frame = document.querySelector(`[data-panel="architecture"] [data-workload="${workload}"] rect`);
  return getComputedStyle(frame).stroke.match(/[\\d.]+/g).slice(0, 3).map(Number);
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRecovery:
    """Seconds from the blow to what the page showed."""

    dead: float
    recovering: float
    running: float


def follow_recovery(page: JobPage, victim: str, strike: Callable[[], None], picture: str) -> ShownRecovery:
    """Strike, and follow the page; it fails unless everything is shown, in its order."""
    restores = page.count(RESTORES)
    began = page.page.evaluate("() => Date.now()")
    strike()
    page.wait(f"{victim} to be shown dead", lambda: page.states(victim) <= DEAD_STATES, RECOVERY_SECONDS)
    page.wait(f"{victim} to be red", lambda: is_red(page.page, victim), 5)
    keep_picture(page.page, f"{picture}-red")
    page.wait_seen("phase Recovering", lambda change: _is(change, began, "Recovering"), RECOVERY_SECONDS)
    page.wait("the restore mark", lambda: page.count(RESTORES) > restores, RECOVERY_SECONDS)
    page.wait("phase Running", lambda: page.phase() == "Running", RECOVERY_SECONDS)
    page.wait(f"{victim} to be well again", lambda: page.states(victim) == {"running"}, RECOVERY_SECONDS)
    keep_picture(page.page, f"{picture}-recovered")
    return _told(page, victim, began)


def is_red(page: Page, workload: str) -> bool:
    """Whether its box in the drawing has a red edge."""
    red, green, blue = page.evaluate(COLOUR, workload)
    return bool(red > 1.5 * green and red > 1.5 * blue)


def _is(change: Seen, began: int, phase: str) -> bool:
    return change.at >= began and (change.kind, change.value) == ("phase", phase)


def _told(page: JobPage, victim: str, began: int) -> ShownRecovery:
    after = [change for change in page.seen() if change.at >= began]
    dead = [change.at for change in after if change.name.endswith(victim) and change.value in DEAD_STATES]
    recovering = [change.at for change in after if _is(change, began, "Recovering")]
    running = [change.at for change in after if _is(change, began, "Running")]
    assert dead[0] < running[-1], page.describe()
    assert recovering[0] < running[-1], page.describe()
    first, second, last = ((moment - began) / 1000 for moment in (dead[0], recovering[0], running[-1]))
    return ShownRecovery(dead=first, recovering=second, running=last)
