"""The pure modules of the pages, called in the browser that runs them."""

from typing import Any

import pytest
from tests.browser.job_page import JobPage

pytestmark = pytest.mark.browser

CALL = """async ([file, name, rows]) => {
  const module = await import(`/static/${file}`);
  return rows.map((row) => module[name](...row));
}"""
COLUMNS = """async (edges) => {
  const { columnsOf } = await import("/static/panels/pipeline_layout.js");
  const names = [...new Set(edges.flat())];
  const inputs = (id) => edges.filter(([, to]) => to === id).map(([from]) => ({ id: from }));
  return columnsOf(names.map((id) => ({ id, inputs: inputs(id) }))).map((column) => column.map((vertex) => vertex.id));
}"""


def results(job: JobPage, file: str, name: str, *rows: tuple[Any, ...]) -> list[Any]:
    """What a function of a module makes of each row of arguments."""
    found = job.page.evaluate(CALL, [file, name, [list(row) for row in rows]])
    assert isinstance(found, list)
    return found


def test_sizes_are_written_as_in_flinks_own_page(job: JobPage) -> None:
    sizes = {
        0: "0 B",
        999: "999 B",
        1000: "0.98 KB",
        1024: "1.00 KB",
        6144: "6.00 KB",
        18_764: "18.3 KB",
        1_023_999: "1.00e+3 KB",
        1_024_000: "0.98 MB",
        268_435_456: "256 MB",
        3 * 1024**3: "3.00 GB",
    }
    texts = results(job, "app/numbers.js", "bytes", *((size,) for size in sizes))
    assert texts == [text.replace("1.00e+3 KB", "1000 KB") for text in sizes.values()]


def test_durations_are_written_in_the_units_that_people_read(job: JobPage) -> None:
    durations = {0: "0 ms", 76: "76 ms", 999: "999 ms", 1240: "1.24 s", 59_940: "59.9 s", 61_000: "1 min 1 s"}
    texts = results(job, "app/numbers.js", "milliseconds", *((duration,) for duration in durations))
    assert texts == list(durations.values())


def test_ages_are_written_with_their_two_largest_units(job: JobPage) -> None:
    ages = {-3: "0 s", 59.9: "59 s", 60: "1 min 0 s", 3725: "1 h 2 min", 90_000: "1 d 1 h"}
    assert results(job, "app/numbers.js", "span", *((age,) for age in ages)) == list(ages.values())


def test_a_small_ratio_is_not_rounded_to_nothing(job: JobPage) -> None:
    ratios = {0: "0 %", 0.004: "0.4 %", 0.0931: "9.3 %", 0.98: "98 %", 1: "100 %"}
    assert results(job, "app/numbers.js", "percent", *((ratio,) for ratio in ratios)) == list(ratios.values())


def test_what_is_unknown_is_a_dash_in_every_format(job: JobPage) -> None:
    formats = ("bytes", "bytesPerSecond", "milliseconds", "seconds", "count", "perSecond", "percent", "word", "span")
    texts = {results(job, "app/numbers.js", name, (None,))[0] for name in (*formats, "clockTime", "dateTime")}
    assert texts == {"\N{EN DASH}"}


@pytest.mark.parametrize(
    "silence,age,answering,cause",
    [
        (5.1, 0, True, "connection"),
        (5.1, 20, False, "connection"),
        (4.9, 10.1, True, "old"),
        (4.9, 9.9, False, "flink"),
        (4.9, 9.9, True, None),
        (4.9, 9.9, None, None),
        (0, None, False, "flink"),
    ],
)
def test_what_is_stale_and_why(
    job: JobPage, silence: float, age: float | None, answering: bool | None, cause: str | None
) -> None:
    facts = {"silence": silence, "observedAge": age, "answering": answering}
    assert results(job, "app/staleness.js", "staleCause", (facts,)) == [cause]


@pytest.mark.parametrize(
    "running,safe,phase,state",
    [
        (None, None, "Recovering", "recovering"),
        (None, None, "Degraded", "recovering"),
        (None, None, "Running", "cut"),
        (None, None, "Upgrading", "cut"),
        (None, None, "Failed", "failed"),
        ("at", None, "Running", "confirming"),
        ("at", None, "Suspended", "cut"),
        ("at", "at", "Running", "over"),
        ("at", "at", "Failed", "over"),
    ],
)
def test_how_far_a_recovery_is(job: JobPage, running: str | None, safe: str | None, phase: str, state: str) -> None:
    recovery = {"runningAt": running, "safeAt": safe}
    assert results(job, "app/recovery_state.js", "recoveryState", (recovery, phase)) == [state]


@pytest.mark.parametrize(
    "edges,columns",
    [
        ([["a", "b"], ["b", "c"]], [["a"], ["b"], ["c"]]),
        ([["a", "b"], ["a", "c"], ["b", "d"], ["c", "d"]], [["a"], ["b", "c"], ["d"]]),
        ([["a", "b"], ["b", "c"], ["a", "c"]], [["a"], ["b"], ["c"]]),
    ],
    ids=["chain", "diamond", "shortcut"],
)
def test_a_vertex_stands_behind_all_its_inputs(job: JobPage, edges: list[list[str]], columns: list[list[str]]) -> None:
    assert job.page.evaluate(COLUMNS, edges) == columns
