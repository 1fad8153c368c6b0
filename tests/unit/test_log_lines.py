"""Lines of a pod's log: cut from bytes as they come, and each once though the log is asked for again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalyjob_operator.cluster.log_lines import MAXIMUM_LINE_BYTES, LineCutter, NewLines


def stamp(nanoseconds: int) -> str:
    return f"2026-01-02T03:04:{nanoseconds // 10**9:02}.{nanoseconds % 10**9:09}Z"


@given(st.lists(st.text(alphabet="abä ", max_size=8), max_size=8), st.integers(1, 9))
def test_lines_are_the_same_however_they_are_cut_into_chunks(lines: list[str], size: int) -> None:
    content = "".join(f"{line}\n" for line in lines).encode()
    cutter = LineCutter()
    found = [line for begin in range(0, len(content), size) for line in cutter.lines(content[begin : begin + size])]
    assert found == lines


def test_a_line_without_an_end_is_kept_back() -> None:
    cutter = LineCutter()
    assert cutter.lines(b"one\ntw") == ["one"]
    assert cutter.lines(b"o\n") == ["two"]


def test_of_a_line_that_is_too_long_only_the_beginning_is_kept() -> None:
    cutter = LineCutter()
    for _ in range(10):
        assert cutter.lines(b"x" * MAXIMUM_LINE_BYTES) == []
    assert cutter.lines(b"y\nnext\n") == ["x" * MAXIMUM_LINE_BYTES, "next"]


def test_bytes_that_are_no_text_do_no_harm() -> None:
    assert LineCutter().lines(b"\xff\n") == ["�"]


def test_lines_come_without_their_times() -> None:
    assert NewLines().take(f"{stamp(1)} [ALERT] a  b ") == "[ALERT] a  b "


@pytest.mark.parametrize("line", ["", "failed to watch the log", "unable to retrieve container logs", "2026-01-02"])
def test_what_the_kubelet_says_by_itself_is_no_line_of_the_log(line: str) -> None:
    assert NewLines().take(line) is None


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.data())
def test_every_line_comes_once_wherever_the_log_breaks_off(gaps: list[int], data: st.DataObject) -> None:
    times = [sum(gaps[: position + 1]) * 400_000_000 for position in range(len(gaps))]
    log = [f"{stamp(time)} line {number}" for number, time in enumerate(times)]
    taken, lines, reached = [], NewLines(), 0
    while reached < len(log):
        since = lines.since
        again = [line for line in log if since is None or line[:19] >= since[:19]]
        lines.ask_again()
        stop = data.draw(st.integers(1, len(again)))
        taken += [text for line in again[:stop] if (text := lines.take(line)) is not None]
        reached = max(reached, log.index(again[stop - 1]) + 1)
    assert taken == [f"line {number}" for number in range(len(log))]


def test_the_log_is_asked_for_from_the_second_of_its_last_line_in_utc() -> None:
    lines = NewLines()
    assert lines.since is None
    lines.take("2026-01-02T05:04:05.900000001+02:00 text")
    assert lines.since == "2026-01-02T03:04:05Z"


def test_clocks_that_are_put_back_for_winter_lose_no_line() -> None:
    lines = NewLines()
    lines.take("2026-10-25T02:59:59.900000000+02:00 summer")
    lines.ask_again()
    assert lines.take("2026-10-25T02:00:00.100000000+01:00 winter") == "winter"
