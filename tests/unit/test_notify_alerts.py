"""Of a flood of anomaly alerts the first are told, then how many more there were: none goes uncounted."""

import json
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.notify_moments import KEY, alert
from tests.unit.observations import at

from anomalyjob_operator.notify.alert_bound import AlertBound
from anomalyjob_operator.notify.message import Message, alert_message

OTHER = ("default", "other")


def taken(bound: AlertBound, *moments: float) -> list[str]:
    """What is told of one alert at each of these moments."""
    messages = [message for moment in moments for message in bound.take(KEY, alert(int(moment * 100)), at(moment))]
    return [message.message for message in messages]


def test_the_first_few_of_a_flood_are_told_and_then_how_many_more_there_were() -> None:
    bound = AlertBound(at_once=2, window=timedelta(minutes=1))

    first = taken(bound, 1, 2, 3, 4, 5)
    due = [message.message for message in bound.due(at(61))]

    assert first == ["[ALERT] userId=user1 abnormal 3 times"] * 2
    assert due == [
        "and 3 more alerts since 2026-01-02T03:00:01.000Z; the newest: [ALERT] userId=user1 abnormal 3 times"
    ]
    assert bound.due(at(62)) == ()


def test_nothing_is_told_of_the_rest_before_the_minute_is_over() -> None:
    bound = AlertBound(at_once=1, window=timedelta(minutes=1))
    taken(bound, 1, 2)

    assert bound.due(at(60.9)) == ()


def test_after_the_minute_alerts_are_told_one_by_one_again() -> None:
    bound = AlertBound(at_once=1, window=timedelta(minutes=1))

    assert len(taken(bound, 1, 2)) == 1
    assert taken(bound, 61.5)[-1] == "[ALERT] userId=user1 abnormal 3 times"


def test_the_rest_is_told_before_an_alert_that_comes_later() -> None:
    bound = AlertBound(at_once=1, window=timedelta(minutes=1))
    taken(bound, 1, 2)

    assert taken(bound, 62)[0].startswith("and 1 more alert since")


def test_a_flood_of_one_job_holds_back_no_alert_of_another() -> None:
    bound = AlertBound(at_once=1)
    taken(bound, 1, 2, 3)

    assert len(bound.take(OTHER, alert(1), at(4))) == 1


def test_an_alert_that_a_job_writes_again_is_told_once() -> None:
    bound = AlertBound()

    assert [len(bound.take(KEY, alert(7, emitted=at(8 + again)), at(9))) for again in range(2)] == [1, 0]


def test_a_clock_that_was_put_back_holds_nothing_back_for_long() -> None:
    bound = AlertBound(at_once=1)
    taken(bound, 1_000, 1_001)

    assert len(bound.due(at(1))) == 1


def test_what_was_held_back_is_told_at_the_end() -> None:
    bound = AlertBound(at_once=1)
    taken(bound, 1, 2)

    assert [message.details["more"] for message in bound.rest()] == [1]
    assert bound.rest() == ()


def test_what_was_held_back_of_one_job_is_told_when_it_goes_and_the_other_ones_stay() -> None:
    bound = AlertBound(at_once=1)
    taken(bound, 1, 2)
    for moment in (3, 4, 5):
        bound.take(OTHER, alert(moment), at(moment))

    assert [(message.key, message.details["more"]) for message in bound.rest_of(KEY)] == [(KEY, 1)]
    assert bound.rest_of(KEY) == ()
    assert [(message.key, message.details["more"]) for message in bound.rest()] == [(OTHER, 2)]


@given(st.lists(st.tuples(st.sampled_from([KEY, OTHER]), st.floats(0, 200)), max_size=200), st.integers(1, 5))
def test_every_alert_is_told_or_counted(moments: list[tuple[tuple[str, str], float]], at_once: int) -> None:
    bound, told = AlertBound(at_once=at_once), list[Message]()
    for index, (key, moment) in enumerate(sorted(moments, key=lambda one: one[1])):
        told += (*bound.due(at(moment)), *bound.take(key, alert(index), at(moment)))
    told += bound.rest()

    for key in (KEY, OTHER):
        counted = sum(int(str(one.details.get("more", 1))) for one in told if one.key == key)
        assert counted == sum(one == key for one, _ in moments)


def test_an_alert_is_sent_with_its_parts() -> None:
    document = json.loads(alert_message(KEY, alert(7)).body())

    del document["id"]
    assert document == {
        "kind": "alert",
        "type": "Warning",
        "reason": "AnomalyAlert",
        "message": "[ALERT] userId=user1 abnormal 3 times",
        "namespace": "default",
        "name": "demo",
        "at": "2026-01-02T03:00:07.000Z",
        "userId": "user1",
        "index": 7,
        "count": 3,
        "eventTime": "2026-01-02T03:00:07.000Z",
        "emittedTime": "2026-01-02T03:00:07.000Z",
    }


def test_a_users_name_can_neither_steer_a_terminal_nor_fill_a_target() -> None:
    message = alert_message(KEY, alert(1, user="\x1b[2J\nu" + "x" * 1_000_000))

    assert "userId=\\u001b[2J\\u000aux" in message.message
    assert len(message.message) < 400
    assert len(message.body()) < 2_000


def test_a_message_told_again_has_the_same_id_and_another_one_has_not() -> None:
    assert alert_message(KEY, alert(7)).id == alert_message(KEY, alert(7)).id
    assert len({alert_message(key, alert(index)).id for key in (KEY, OTHER) for index in (7, 8)}) == 4
