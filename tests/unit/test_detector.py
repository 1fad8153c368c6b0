from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalyjob.detector import Rule, step

flags = st.lists(st.booleans(), max_size=60)
rules = st.builds(Rule, max_count=st.integers(min_value=1, max_value=6))


def run(abnormal_flags: Iterable[bool], rule: Rule, count: int = 0) -> tuple[int, list[tuple[int, bool]]]:
    """The count at the end, and (count, alert) after each event."""
    steps = []
    for abnormal in abnormal_flags:
        count, alert = step(count, abnormal, rule)
        steps.append((count, alert))
    return count, steps


def test_three_abnormal_events_in_a_row_alert_and_each_further_one_until_a_normal_one() -> None:
    _, steps = run([True, True, True, True, False, True, True, False, True], Rule(max_count=3))
    assert [count for count, _ in steps] == [1, 2, 3, 4, 0, 1, 2, 0, 1]
    assert [index for index, (_, alert) in enumerate(steps) if alert] == [2, 3]


@given(flags, rules)
def test_an_alert_says_that_the_last_max_count_events_were_all_abnormal(made: list[bool], rule: Rule) -> None:
    _, steps = run(made, rule)
    for index, (_, alert) in enumerate(steps):
        window = made[max(0, index + 1 - rule.max_count) : index + 1]
        assert alert == (len(window) == rule.max_count and all(window))


@given(flags, rules, st.data())
def test_any_chunking_and_any_replay_from_a_checkpoint_gives_the_same_alerts(
    made: list[bool], rule: Rule, data: st.DataObject
) -> None:
    _, undisturbed = run(made, rule)
    position, count = 0, 0
    checkpoint = (0, 0)
    output: list[tuple[int, bool]] = []
    for _ in range(data.draw(st.integers(min_value=0, max_value=10))):
        if data.draw(st.booleans(), label="fail and replay"):
            position, count = checkpoint
            output = output[:position]
        until = data.draw(st.integers(min_value=position, max_value=len(made)))
        count, steps = run(made[position:until], rule, count)
        output += steps
        position = until
        if data.draw(st.booleans(), label="checkpoint"):
            checkpoint = (position, count)
    output += run(made[position:], rule, count)[1]
    assert output == undisturbed


@pytest.mark.parametrize("max_count", [0, -1])
def test_a_rule_below_one_is_refused(max_count: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Rule(max_count=max_count)
