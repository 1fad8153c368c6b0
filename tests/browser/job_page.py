"""The page of one job as its viewer has it: panels, fields, cards, rows; and what changed in it since it was opened.

It knows the page's hooks for tests (data-… attributes) and nothing of how the page is made, nor of the server.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from playwright.sync_api import Locator, Page

PANELS = ("overview", "workloads", "tasks", "checkpoints", "log", "architecture", "pipeline")
SEEN = (Path(__file__).parent / "seen.js").read_text(encoding="utf-8")
PAUSE_MILLISECONDS = 50.0
SOON_SECONDS = 5.0
"""Within which a page is filled; waits are bound by three times as much."""
# What shows that a panel without fields has something to show.
MARKS = {
    "checkpoints": "[data-entry]",
    "log": "[data-log-kind]",
    "architecture": "[data-workload]",
    "pipeline": "[data-vertex]",
}

# Each field with where it stands: the panel; the workload, subtask or checkpoint that it belongs to; its name.
FIELDS = """
() => [...document.querySelectorAll("[data-panel] [data-field]")].map((element) => {
  const near = (name) => element.closest(`[data-${name}]`)?.getAttribute(`data-${name}`);
  const of = near("subtask") !== undefined && near("vertex") !== undefined ? `${near("vertex")}/${near("subtask")}`
    : near("checkpoint") !== undefined && near("entry") !== undefined ? `${near("entry")} ${near("checkpoint")}`
    : near("workload") ?? near("vertex") ?? "";
  return [near("panel"), of, element.dataset.field, element.dataset.value ?? null];
})
"""

STALE = """
() => [...document.querySelectorAll("[data-panel][data-stale]")].map(({ dataset }) => [dataset.panel, dataset.stale])
"""

DRAWN = "(element) => element.checkVisibility({ contentVisibilityAuto: true })"

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a field stands: `of` is "" or a workload, "source/0", "checkpoint 18"."""

    panel: str
    of: str
    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One change: when (ms since 1970, the browser's clock), of what, and what it became."""

    at: int
    kind: str
    name: str
    value: str


class JobPage:
    """One open page."""

    def __init__(self, page: Page, address: str) -> None:
        """`address` is that of the job's page."""
        self.page = page
        self._address = address
        page.add_init_script(SEEN)

    def open(self) -> None:
        """Go there; it is not waited for anything but the document."""
        self.page.goto(self._address, wait_until="commit")

    def open_filled(self, seconds: float = 3 * SOON_SECONDS) -> None:
        """Go there, and wait until every panel has something to show."""
        self.open()
        self.wait("all panels to be filled", lambda: self.filled() == set(PANELS), seconds)

    # --- what can be seen

    def filled(self) -> set[str]:
        """The panels that show something of their own."""
        with_fields = {place.panel for place, value in self.fields().items() if value} - MARKS.keys()
        return with_fields | {panel for panel, mark in MARKS.items() if self.count(f'[data-panel="{panel}"] {mark}')}

    def fields(self) -> dict[Place, str]:
        """Every field with its raw value; "" is unknown."""
        found = self.page.evaluate(FIELDS)
        return {Place(panel, of, field): value for panel, of, field, value in found if value is not None}

    def seen(self) -> list[Seen]:
        """Every change since the page was opened; a reload would begin anew."""
        return [Seen(**change) for change in self.page.evaluate("() => window.seenByTest")]

    def phase(self) -> str | None:
        """What the badge says, None while there is none."""
        return self.attribute("[data-phase]", "data-phase")

    def attribute(self, selector: str, name: str) -> str | None:
        """The attribute of the first element of the selector, None when there is none."""
        found = self.page.evaluate(
            "([selector, name]) => document.querySelector(selector)?.getAttribute(name)", [selector, name]
        )
        return None if found is None else str(found)

    def count(self, selector: str) -> int:
        """How many elements there are."""
        return self.page.locator(selector).count()

    def states(self, workload: str) -> set[str | None]:
        """What the cards and diagram nodes of a workload say of it; all say the same, or it is in between."""
        found = self.page.locator(f'[data-workload="{workload}"][data-state]')
        return {element.get_attribute("data-state") for element in found.all()}

    def look_at(self, panel: str) -> Locator:
        """Scroll to a panel and return it once it is drawn: what is not on the screen has no text to read."""
        found = self.page.locator(f'[data-panel="{panel}"]')
        found.scroll_into_view_if_needed()
        self.wait(f"{panel} to be drawn", lambda: found.locator("h2").evaluate(DRAWN), SOON_SECONDS)
        return found

    def stale(self) -> dict[str, bool]:
        """Which panels say that what they show is old."""
        found = self.page.evaluate(STALE)
        return {panel: value == "true" for panel, value in found}

    # --- waiting

    def wait(self, what: str, condition: Callable[[], Value], seconds: float) -> Value:
        """Wait until `condition` is truthy and return it; fail with what the page looks like after the bound."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if value := condition():
                return value
            self.page.wait_for_timeout(PAUSE_MILLISECONDS)
        raise AssertionError(f"{what}: not within {seconds:g} s\n{self.describe()}")

    def wait_seen(self, what: str, wanted: Callable[[Seen], bool], seconds: float) -> Seen:
        """Wait for a change, which may have been and gone already."""

        def first() -> Seen | None:
            return next((change for change in self.seen() if wanted(change)), None)

        found = self.wait(what, first, seconds)
        assert found is not None
        return found

    def describe(self) -> str:
        """What there is to see, in some lines."""
        changes = [
            f"{change.at} {change.kind} {change.name}: {change.value}" for change in self.seen() if change.kind != "log"
        ]
        return f"phase {self.phase()}; filled: {sorted(self.filled())}; stale: {self.stale()}; changes:\n" + "\n".join(
            changes[-40:]
        )


def numbers(fields: Mapping[Place, str]) -> dict[Place, float]:
    """The fields that hold a number."""
    found: dict[Place, float] = {}
    for place, value in fields.items():
        number = _number(value)
        if number is not None:
            found[place] = number
    return found


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
