from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalyjob.checkpoint_choice import Candidate, Choice, Condition, IncarnationFacts, choose
from anomalyjob.config import StartRule
from anomalyjob.refusal import Reason, Refusal

LATEST = StartRule(kind="latest")
EMPTY = StartRule(kind="empty")
NAMED = StartRule(kind="path", path="/other/savepoint-1")


def good(identifier: int, start: int | None = 1, condition: Condition = Condition.VERIFIED) -> Candidate:
    return Candidate(
        path=f"/checkpoints/{start}/job/chk-{identifier}", checkpoint_id=identifier, start=start, condition=condition
    )


def bad(identifier: int | None, start: int = 1, condition: Condition = Condition.BROKEN) -> Candidate:
    return Candidate(
        path=f"/checkpoints/{start}/job/chk-{identifier}",
        checkpoint_id=identifier,
        start=start,
        condition=condition,
        note="its state file is missing",
    )


def unfinished(number: int, start: int = 1) -> Candidate:
    return Candidate(
        path=f"/checkpoints/{start}/job/chk-{number}",
        checkpoint_id=None,
        start=start,
        condition=Condition.UNFINISHED,
        note="has no _metadata",
    )


def named(condition: Condition = Condition.VERIFIED) -> Candidate:
    return Candidate(path="/other/savepoint-1", checkpoint_id=5, start=None, condition=condition, note="damaged")


def decide(
    candidates: Sequence[Candidate],
    *,
    floor: int | None = None,
    rule: StartRule = LATEST,
    allowed: int = 0,
    facts: IncarnationFacts | None = None,
) -> Choice | Refusal:
    facts = facts or IncarnationFacts(incarnation=1)
    return choose(candidates, floor=floor, rule=rule, allow_older_checkpoints=allowed, facts=facts)


def seen(decision: Choice | Refusal) -> tuple[object, ...]:
    """What was decided: an id, or "empty", with the ids that were skipped; or the reason of the refusal."""
    if isinstance(decision, Refusal):
        return (decision.reason,)
    return (
        "empty" if decision.chosen is None else decision.chosen.checkpoint_id,
        *(item.checkpoint_id for item in decision.skipped),
    )


ONCE_AT_9 = IncarnationFacts(incarnation=1, newest_checkpoint_id=9)
SECOND = IncarnationFacts(incarnation=2, older_has_checkpoints=True)
WITH_PATH = IncarnationFacts(incarnation=1, restore=named())


@pytest.mark.parametrize(
    "candidates,options,expected",
    [
        pytest.param([], {}, ("empty",), id="a new job begins empty"),
        pytest.param([good(1), good(3), good(2)], {}, (3,), id="the highest id wins in whatever order"),
        pytest.param([good(9), good(10)], {}, (10,), id="ids are numbers, not text"),
        pytest.param([good(7, 2), good(12, 1)], {}, (12,), id="the highest id wins, not the latest start"),
        pytest.param([good(7, 1), good(7, 3)], {}, (7,), id="an id given twice is no obstacle"),
        pytest.param([good(4), good(5, None)], {}, (5,), id="a savepoint of a stop counts as well"),
        pytest.param([good(4), bad(5)], {}, (4, 5), id="a broken newest one is skipped"),
        pytest.param([good(4), bad(3)], {}, (4,), id="a broken older one is of no interest"),
        pytest.param([good(4), bad(None)], {}, (4, None), id="one without a readable id is skipped"),
        pytest.param([good(4, 3), bad(None, 2)], {}, (4,), id="one without an id from an older start is not newer"),
        pytest.param(
            [good(4), bad(5, condition=Condition.ABANDONED)], {}, (4, 5), id="an abandoned branch is not taken up"
        ),
        pytest.param(
            [good(4), good(5, condition=Condition.UNCONFIRMED)], {}, (5,), id="what could not be confirmed is used"
        ),
        pytest.param([good(4), unfinished(5)], {}, (4,), id="what never completed is not a loss"),
        pytest.param([unfinished(1)], {}, ("empty",), id="a first checkpoint that never completed is none"),
        pytest.param([good(4)], {"floor": 4}, (4,), id="the floor itself is high enough"),
        pytest.param([good(5)], {"floor": 4}, (5,), id="above the floor is fine: the ledger may be stale"),
        pytest.param(
            [good(4)], {"floor": 5}, (Reason.CHECKPOINT_BELOW_FLOOR,), id="one below the floor is already refused"
        ),
        pytest.param([good(4)], {"floor": 5, "allowed": 1}, (4,), id="one below the floor, one allowed"),
        pytest.param(
            [good(4)],
            {"floor": 6, "allowed": 1},
            (Reason.CHECKPOINT_BELOW_FLOOR,),
            id="two below the floor, one allowed",
        ),
        pytest.param([good(4), bad(5)], {"floor": 4}, (4, 5), id="a broken one above the floor is skipped by itself"),
        pytest.param(
            [good(4), bad(5)],
            {"floor": 5},
            (Reason.CHECKPOINT_BELOW_FLOOR,),
            id="a broken one at the floor needs the user",
        ),
        pytest.param(
            [good(4), unfinished(5)],
            {"floor": 5, "allowed": 1},
            (4, None),
            id="below the floor even an unfinished one is named",
        ),
        pytest.param([bad(4), bad(5)], {}, (Reason.NO_USABLE_CHECKPOINT,), id="only broken ones never mean empty"),
        pytest.param(
            [bad(4)], {"rule": EMPTY}, (Reason.NO_USABLE_CHECKPOINT,), id="only broken ones, not even by the rule empty"
        ),
        pytest.param(
            [], {"floor": 9}, (Reason.CHECKPOINTS_MISSING,), id="a floor without checkpoints is a lost volume"
        ),
        pytest.param(
            [],
            {"floor": 9, "rule": EMPTY},
            (Reason.CHECKPOINTS_MISSING,),
            id="a floor without checkpoints, not even by the rule empty",
        ),
        pytest.param(
            [unfinished(10)], {"floor": 9}, (Reason.CHECKPOINTS_MISSING,), id="an unfinished one replaces no lost one"
        ),
        pytest.param(
            [],
            {"facts": ONCE_AT_9},
            (Reason.CHECKPOINTS_MISSING,),
            id="the volume remembers a checkpoint, the ledger is gone",
        ),
        pytest.param(
            [],
            {"facts": IncarnationFacts(incarnation=1, has_output=True)},
            (Reason.CHECKPOINTS_MISSING,),
            id="committed output tells of a checkpoint, ledger and lineage are gone",
        ),
        pytest.param(
            [],
            {"rule": EMPTY, "facts": IncarnationFacts(incarnation=1, has_output=True)},
            (Reason.CHECKPOINTS_MISSING,),
            id="committed output without checkpoints, not even by the rule empty",
        ),
        pytest.param([], {"rule": EMPTY, "facts": SECOND}, ("empty",), id="a new incarnation may begin empty by rule"),
        pytest.param(
            [],
            {"facts": SECOND},
            (Reason.CHECKPOINTS_MISSING,),
            id="a new incarnation never begins empty without the rule",
        ),
        pytest.param([], {"rule": NAMED, "facts": WITH_PATH}, (5,), id="the path that the user named"),
        pytest.param(
            [],
            {"rule": NAMED, "facts": IncarnationFacts(incarnation=1, restore=named(Condition.BROKEN))},
            (Reason.RESTORE_PATH_UNUSABLE,),
            id="the path that the user named is damaged",
        ),
        pytest.param(
            [good(1)],
            {"rule": NAMED, "facts": WITH_PATH},
            (1,),
            id="the path counts no more once there is a checkpoint",
        ),
        pytest.param([good(1)], {"rule": EMPTY}, (1,), id="empty counts no more once there is a checkpoint"),
    ],
)
def test_what_is_chosen(candidates: list[Candidate], options: dict[str, object], expected: tuple[object, ...]) -> None:
    assert seen(decide(candidates, **options)) == expected  # type: ignore[arg-type]


def test_of_two_with_the_same_id_the_later_start_is_the_living_branch() -> None:
    decision = decide([good(7, 9), good(7, 10)])

    assert isinstance(decision, Choice)
    assert decision.chosen == good(7, 10)


def test_a_refusal_below_the_floor_gives_both_numbers_and_what_to_set() -> None:
    decision = decide([good(12), bad(17)], floor=17)

    assert isinstance(decision, Refusal)
    assert decision.message == (
        "The newest usable checkpoint on the volume is 12 (/checkpoints/1/job/chk-12), but checkpoint 17 was completed "
        "before. Skipped: /checkpoints/1/job/chk-17 (its state file is missing). Put the newer checkpoint back and "
        "start again; or, to accept that what came after checkpoint 12 is computed again, set "
        "spec.recovery.allowOlderCheckpoints to at least 5 and start again."
    )
    assert seen(decide([good(12), bad(17)], floor=17, allowed=5)) == (12, 17)


def test_a_refusal_of_broken_ones_names_at_most_three() -> None:
    decision = decide([bad(number) for number in range(1, 6)])

    assert isinstance(decision, Refusal)
    assert "chk-5 (its state file is missing); " in decision.message
    assert "chk-3 (its state file is missing); and 2 more." in decision.message
    assert "chk-2" not in decision.message


def test_a_lost_volume_names_the_checkpoint_that_is_missing() -> None:
    decision = decide([], floor=9)

    assert isinstance(decision, Refusal)
    assert decision.message.startswith("Checkpoint 9 of incarnation 1 was completed before, but the volume holds no")


@pytest.mark.parametrize(
    "decision,because",
    [
        (decide([good(3), good(2)], floor=3), "the newest usable of 2 on the volume, floor 3"),
        (decide([good(3)]), "the newest usable of 1 on the volume, no floor recorded"),
        (decide([]), "this job never completed a checkpoint"),
        (decide([], rule=EMPTY), "the start rule says empty, and there is no checkpoint yet"),
        (decide([], rule=NAMED, facts=WITH_PATH), "the start rule names it, and there is no checkpoint yet"),
        (
            decide([Candidate(path="/c", checkpoint_id=3, start=1, condition=Condition.UNCONFIRMED, note="no time")]),
            "the newest usable of 1 on the volume, no floor recorded, no time",
        ),
    ],
)
def test_every_choice_says_why(decision: Choice | Refusal, because: str) -> None:
    assert isinstance(decision, Choice)
    assert decision.because == because


USABLE = (Condition.VERIFIED, Condition.UNCONFIRMED, Condition.UNCHECKED)
candidates = st.builds(
    lambda number, start, condition: Candidate(
        path=f"/checkpoints/{start}/job/chk-{number}",
        checkpoint_id=None if condition is Condition.UNFINISHED else number,
        start=start,
        condition=condition,
        note="" if condition in USABLE else "a note",
    ),
    st.integers(0, 30),
    st.integers(1, 9),
    st.sampled_from(Condition),
)
volumes = st.lists(candidates, max_size=8, unique_by=lambda candidate: candidate.path)
floors = st.none() | st.integers(0, 40)
rules = st.sampled_from([LATEST, EMPTY, NAMED])
allowances = st.integers(0, 10)
facts = st.builds(
    IncarnationFacts,
    incarnation=st.integers(1, 3),
    newest_checkpoint_id=st.none() | st.integers(0, 40),
    has_output=st.booleans(),
    older_has_checkpoints=st.booleans(),
    restore=st.sampled_from([None, named(), named(Condition.BROKEN)]),
)


@given(volumes, floors, rules, allowances, facts)
def test_never_below_the_floor_and_always_the_highest_usable(
    volume: list[Candidate], floor: int | None, rule: StartRule, allowed: int, facts: IncarnationFacts
) -> None:
    decision = decide(volume, floor=floor, rule=rule, allowed=allowed, facts=facts)

    usable = [
        candidate.checkpoint_id for candidate in volume if candidate.usable and candidate.checkpoint_id is not None
    ]
    if usable:
        lowest = max(usable) if floor is None else floor - allowed
        assert isinstance(decision, Choice) == (max(usable) >= lowest)
    if isinstance(decision, Choice) and decision.chosen in volume:
        assert decision.chosen.checkpoint_id == max(usable)


@given(volumes, floors, rules, allowances, facts)
def test_empty_only_when_nothing_ever_completed_and_nobody_says_otherwise(
    volume: list[Candidate], floor: int | None, rule: StartRule, allowed: int, facts: IncarnationFacts
) -> None:
    decision = decide(volume, floor=floor, rule=rule, allowed=allowed, facts=facts)

    if isinstance(decision, Choice) and decision.chosen is None:
        assert all(candidate.condition is Condition.UNFINISHED for candidate in volume)
        assert floor is None
        assert facts.newest_checkpoint_id is None
        assert not facts.has_output
        assert rule is EMPTY or (rule is LATEST and not facts.older_has_checkpoints)


@given(volumes, floors, rules, allowances, facts, st.randoms(use_true_random=False))
def test_the_order_of_the_candidates_does_not_matter(
    volume: list[Candidate],
    floor: int | None,
    rule: StartRule,
    allowed: int,
    facts: IncarnationFacts,
    random: object,
) -> None:
    shuffled = list(volume)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    first = decide(volume, floor=floor, rule=rule, allowed=allowed, facts=facts)
    assert decide(shuffled, floor=floor, rule=rule, allowed=allowed, facts=facts) == first


@given(volumes, floors, allowances)
def test_all_that_ranks_above_the_chosen_one_is_skipped_with_a_reason(
    volume: list[Candidate], floor: int | None, allowed: int
) -> None:
    decision = decide(volume, floor=floor, allowed=allowed)

    if isinstance(decision, Choice) and decision.chosen is not None:
        chosen = decision.chosen.checkpoint_id or 0
        skipped = {item.path for item in decision.skipped}
        assert {c.path for c in volume if (c.checkpoint_id or 0) > chosen} <= skipped
        assert decision.chosen.path not in skipped
        assert all(item.reason for item in decision.skipped)


@given(volumes, floors, allowances)
def test_allowing_more_never_chooses_less(volume: list[Candidate], floor: int | None, allowed: int) -> None:
    strict, lenient = decide(volume, floor=floor, allowed=allowed), decide(volume, floor=floor, allowed=allowed + 1)

    if isinstance(strict, Choice):
        assert lenient == strict
