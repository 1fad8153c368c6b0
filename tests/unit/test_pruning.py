import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalyjob.checkpoint_choice import Candidate, Condition
from anomalyjob.pruning import removable_starts


def at(start: int | None, identifier: int, condition: Condition = Condition.VERIFIED) -> Candidate:
    return Candidate(path=f"{start}/{identifier}", checkpoint_id=identifier, start=start, condition=condition)


BROKEN = Condition.BROKEN


@pytest.mark.parametrize(
    "candidates,chosen,own,other,retained,removed",
    [
        pytest.param([at(3, 9)], at(3, 9), {1, 2, 3}, set(), 1, (1, 2), id="older starts without a checkpoint go"),
        pytest.param([at(3, 9)], at(3, 9), {3, 4}, set(), 1, (), id="newer starts stay, checkpoint or not"),
        pytest.param([at(1, 3), at(2, 6), at(3, 9)], at(3, 9), {1, 2, 3}, set(), 2, (1,), id="the newest two stay"),
        pytest.param([at(1, 3), at(2, 6), at(3, 9)], at(3, 9), {1, 2, 3}, set(), 3, (), id="the newest three stay"),
        pytest.param(
            [at(1, 3), at(3, 8), at(3, 9)], at(3, 9), {1, 2, 3}, set(), 2, (1, 2), id="one start may hold all retained"
        ),
        pytest.param(
            [at(1, 8), at(2, 9, BROKEN), at(3, 7)], at(1, 8), {1, 2, 3}, set(), 1, (), id="a broken newer one stays"
        ),
        pytest.param(
            [at(1, 7), at(2, 8, BROKEN), at(3, 9)],
            at(3, 9),
            {1, 2, 3},
            set(),
            2,
            (2,),
            id="a broken older one does not count as retained",
        ),
        pytest.param([at(2, 5)], at(2, 5), {2}, {1}, 2, (), id="an older incarnation stays in reserve"),
        pytest.param(
            [at(2, 5), at(2, 6)], at(2, 6), {2}, {1}, 2, (1,), id="an older incarnation goes when there is enough"
        ),
        pytest.param([at(2, 6), at(None, 7)], at(None, 7), {1, 2}, set(), 1, (1, 2), id="a savepoint needs no start"),
        pytest.param([], None, {1, 2}, {3}, 1, (), id="an empty start removes nothing"),
        pytest.param([], at(9, 5), {1, 2}, {3}, 1, (), id="a path from elsewhere removes nothing"),
    ],
)
def test_which_start_folders_go(
    candidates: list[Candidate],
    chosen: Candidate | None,
    own: set[int],
    other: set[int],
    retained: int,
    removed: tuple[int, ...],
) -> None:
    assert removable_starts(candidates, chosen, own_starts=own, other_starts=other, retained=retained) == removed


candidates = st.builds(at, st.integers(1, 8), st.integers(1, 40), st.sampled_from(Condition))


@given(st.lists(candidates, min_size=1, max_size=12, unique_by=lambda c: c.path), st.integers(1, 5), st.data())
def test_nothing_that_counts_is_ever_removed(volume: list[Candidate], retained: int, data: st.DataObject) -> None:
    chosen = data.draw(st.sampled_from(volume))
    removed = removable_starts(volume, chosen, own_starts=range(1, 9), other_starts=range(9, 12), retained=retained)

    assert chosen.start not in removed
    assert all(c.start not in removed for c in volume if (c.checkpoint_id or 0) > (chosen.checkpoint_id or 0))
    usable = sorted((c for c in volume if c.usable), key=lambda c: (c.checkpoint_id or 0, c.start or 0))
    assert all(c.start not in removed for c in usable[-retained:])
    assert all(start < (chosen.start or 0) for start in removed)
