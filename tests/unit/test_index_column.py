from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalyjob.index_column import IndexColumn

indexes = st.one_of(st.integers(min_value=0, max_value=600), st.integers(min_value=0, max_value=2**53))
values = st.integers(min_value=0, max_value=2**60)


@given(st.lists(st.tuples(indexes, values), max_size=80))
def test_a_column_tells_what_a_dictionary_and_a_counter_would(puts: list[tuple[int, int]]) -> None:
    column, first = IndexColumn(), dict[int, int]()
    for index, value in puts:
        column.put(index, value)
        first.setdefault(index, value)
    counted = Counter(index for index, _ in puts)
    assert list(column.items()) == sorted(first.items())
    assert list(column.repeats()) == sorted((index, times - 1) for index, times in counted.items() if times > 1)
    assert column.differing() == sorted((index, value) for index, value in puts if value != first[index])
    assert column.present == len(first)
    assert column.last == max(first, default=-1)
    assert all(column.get(index) == value for index, value in first.items())


def test_an_absent_index_has_no_value_also_beside_a_present_one() -> None:
    column = IndexColumn()
    column.put(5, 0)
    assert (column.get(5), column.get(6), column.get(10**12)) == (0, None, None)


@pytest.mark.parametrize("index, value", [(-1, 0), (0, -1)])
def test_negative_numbers_are_refused(index: int, value: int) -> None:
    with pytest.raises(ValueError, match="negative"):
        IndexColumn().put(index, value)
