"""How long is waited between two tries, and what an answer means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.observations import T0

from anomalyjob_operator.notify.policy import Outcome, Policy, outcome_of, pause_seconds, verdict_of, wished_seconds

POLICY = Policy()


def test_pauses_double_up_to_a_bound() -> None:
    pauses = [pause_seconds(POLICY, failed, chance=1.0) for failed in range(1, 12)]

    assert pauses == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]


@given(st.integers(1, 10**6), st.floats(0, 1), st.none() | st.floats(0, 10**9))
def test_a_pause_is_never_shorter_than_half_of_it_nor_longer_than_the_bounds(
    failed: int, chance: float, wished: float | None
) -> None:
    pause = pause_seconds(POLICY, failed, chance, wished)

    assert pause >= POLICY.first_pause_seconds / 2
    assert pause <= POLICY.longest_wished_seconds


@pytest.mark.parametrize(
    "wished, expected",
    [(None, 0.5), (0.1, 0.5), (3.0, 3.0), (10_000.0, 120.0)],
    ids=["none", "less", "more", "too much"],
)
def test_a_wish_makes_a_pause_longer_up_to_a_bound(wished: float | None, expected: float) -> None:
    assert pause_seconds(POLICY, 1, 1.0, wished) == expected


@pytest.mark.parametrize(
    "status, verdict",
    [
        *((status, "delivered") for status in (200, 202, 204, 299)),
        *((status, "again") for status in (408, 429, 500, 502, 503, 504, 599)),
        *((status, "refused") for status in (301, 302, 307, 308, 400, 401, 403, 404, 410, 422, 499)),
    ],
)
def test_a_status_means(status: int, verdict: str) -> None:
    assert verdict_of(status) == verdict


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("17", 17.0),
        (" 17 ", 17.0),
        ("Fri, 02 Jan 2026 03:01:30 GMT", 90.0),
        ("Thu, 01 Jan 2026 00:00:00 GMT", 0.0),
        ("9" * 5_000, 999_999_999.0),
        ("-1", None),
        ("soon", None),
        ("²", None),
        ("Fri, 02 Jan 2026 03:01:30 +9999999999999", None),
        ("", None),
        (None, None),
    ],
)
def test_a_wish_is_read_from_seconds_or_a_date(text: str | None, seconds: float | None) -> None:
    assert wished_seconds(text, T0) == seconds


@given(st.text())
def test_a_wish_may_say_anything(text: str) -> None:
    found = wished_seconds(text, T0)

    assert found is None or found >= 0


def test_an_outcome_says_what_a_person_needs() -> None:
    assert outcome_of(204, "5", T0) == Outcome(verdict="delivered")
    assert outcome_of(503, "5", T0) == Outcome(verdict="again", words="it answered 503", wished_seconds=5.0)
    assert outcome_of(302, "5", T0).words == "it answered 302 (a redirection, which is not followed)"
    assert outcome_of(401, "5", T0).wished_seconds is None
