from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalyjob.timestamps import EPOCH, format_time, from_epoch_milliseconds, parse_time, to_epoch_milliseconds

LAST_MILLISECOND = (datetime(9999, 12, 31, tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)
milliseconds = st.integers(min_value=-LAST_MILLISECOND // 8, max_value=LAST_MILLISECOND)


@given(milliseconds)
def test_milliseconds_survive_the_way_to_a_time_to_text_and_back(value: int) -> None:
    assert to_epoch_milliseconds(parse_time(format_time(from_epoch_milliseconds(value)))) == value


@pytest.mark.parametrize(
    "time, text",
    [
        (datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC), "2026-01-02T03:04:05.678Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 999_999, tzinfo=UTC), "2026-01-02T03:04:05.999Z"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05.000Z"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2))), "2026-01-02T01:04:05.000Z"),
        (datetime(7, 1, 2, 3, 4, 5, tzinfo=UTC), "0007-01-02T03:04:05.000Z"),
    ],
)
def test_a_time_is_written_in_utc_with_milliseconds_cut_not_rounded(time: datetime, text: str) -> None:
    assert format_time(time) == text


def test_a_time_without_a_zone_is_refused() -> None:
    naive = datetime(2026, 1, 2, tzinfo=UTC).replace(tzinfo=None)
    with pytest.raises(ValueError, match="no time zone"):
        format_time(naive)
    with pytest.raises(ValueError, match="no time zone"):
        to_epoch_milliseconds(naive)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-02",
        "2026-01-02T03:04:05Z",
        "2026-01-02T03:04:05.678",
        "2026-01-02T03:04:05.678+00:00",
        "2026-01-02T03:04:05.678Z\n",
        "2026-13-02T03:04:05.678Z",
        "2026-02-30T03:04:05.678Z",
        "٢026-01-02T03:04:05.678Z",
    ],
)
def test_any_other_spelling_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="is not a") as caught:
        parse_time(text)
    assert repr(text) in str(caught.value)
