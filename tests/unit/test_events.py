import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalyjob.events import (
    MAX_NUMBER,
    Alert,
    ProcessRecord,
    Record,
    RecordError,
    UserEvent,
    counted_event_line,
    decode_record,
    event_abnormal,
    event_user_key,
    is_alert_line,
    process_line,
    user_key,
)
from anomalyjob.timestamps import from_epoch_milliseconds

TIME = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
LATER = datetime(2026, 1, 2, 3, 4, 6, 1_000, tzinfo=UTC)
EVENT = UserEvent(user_id="user2", index=17, event_time=TIME, abnormal=True)

# Ids that look like the very pieces of text by which lines are taken apart, beside any others.
PIECES = ['"', "\\", '\\"', '", "index": ', ', "count": 1', "true}", '"}', "\n", "\x00", "é", "🙂", "\ud800", "\u2028"]
texts = st.text(st.characters()) | st.lists(st.sampled_from(PIECES), max_size=4).map("".join)
numbers = st.integers(min_value=0, max_value=MAX_NUMBER)
times = st.integers(min_value=0, max_value=4_000_000_000_000).map(from_epoch_milliseconds)
events = st.builds(UserEvent, user_id=texts, index=numbers, event_time=times, abnormal=st.booleans())
records: st.SearchStrategy[Record] = st.one_of(
    events,
    st.builds(ProcessRecord.of, events, count=numbers, subtask=numbers, processed_time=times),
    st.builds(Alert.of, events, count=numbers, emitted_time=times),
)


EVENT_LINE = (
    '{"kind": "event", "userId": "user2", "index": 17, "eventTime": "2026-01-02T03:04:05.678Z", "abnormal": true}'
)
PROCESS_LINE = (
    '{"kind": "process", "userId": "user2", "index": 17, "eventTime": "2026-01-02T03:04:05.678Z", '
    '"abnormal": true, "count": 3, "subtask": 1, "processedTime": "2026-01-02T03:04:06.001Z"}'
)
ALERT_LINE = (
    '{"kind": "alert", "userId": "user2", "index": 17, "eventTime": "2026-01-02T03:04:05.678Z", '
    '"emittedTime": "2026-01-02T03:04:06.001Z", "count": 3, "message": "[ALERT] userId=user2 abnormal 3 times"}'
)


@pytest.mark.parametrize(
    "record, line",
    [
        (EVENT, EVENT_LINE),
        (ProcessRecord.of(EVENT, count=3, subtask=1, processed_time=LATER), PROCESS_LINE),
        (Alert.of(EVENT, count=3, emitted_time=LATER), ALERT_LINE),
    ],
)
def test_each_kind_of_record_has_the_documented_line(record: Record, line: str) -> None:
    assert record.encode() == line
    assert decode_record(line) == record
    assert decode_record(f"{line}\n") == record


@given(records)
def test_every_record_survives_its_line_and_the_line_is_one_line_of_ascii(record: Record) -> None:
    line = record.encode()
    assert decode_record(line) == record
    assert line.isascii()
    assert "\n" not in line
    # The line is built by hand: it must be what a JSON library writes for the same keys.
    assert json.dumps(json.loads(line)) == line


@given(events, numbers)
def test_a_process_record_gives_back_its_event(event: UserEvent, count: int) -> None:
    assert ProcessRecord.of(event, count=count, subtask=0, processed_time=LATER).event == event
    assert UserEvent.decode(event.encode()) == event


@given(events)
def test_an_event_line_taken_apart_gives_what_a_json_reader_reads(event: UserEvent) -> None:
    line = event.encode()
    read = json.loads(line)

    assert json.loads(f'"{event_user_key(line)}"') == read["userId"]
    assert event_user_key(line) == user_key(event.user_id)
    assert event_user_key(line).isascii()
    assert event_abnormal(line) == read["abnormal"]


@given(texts, texts)
def test_two_users_have_two_keys(one: str, other: str) -> None:
    assert (user_key(one) == user_key(other)) == (one == other)


@given(events, numbers, numbers, times)
def test_a_process_line_made_from_an_event_line_is_that_of_the_record(
    event: UserEvent, count: int, subtask: int, time: datetime
) -> None:
    record = ProcessRecord.of(event, count=count, subtask=subtask, processed_time=time)
    line = process_line(event.encode(), count=count, subtask=subtask, processed_time=time)

    assert line == record.encode()
    assert counted_event_line(line) == event.encode()


@given(records)
def test_an_alert_is_known_by_its_first_letters(record: Record) -> None:
    assert is_alert_line(record.encode()) == isinstance(record, Alert)


@pytest.mark.parametrize("line", ["", PROCESS_LINE, ALERT_LINE, "{}", '{"kind":"event","userId":"user2"}'])
def test_a_line_that_does_not_begin_as_an_event_has_no_key(line: str) -> None:
    with pytest.raises(RecordError, match="not a record of kind event"):
        event_user_key(line)


@given(st.one_of(st.text(), records.map(lambda record: record.encode())), st.data())
def test_any_text_is_a_record_or_a_record_error(text: str, data: st.DataObject) -> None:
    cut = text[: data.draw(st.integers(min_value=0, max_value=len(text)))]
    with suppress(RecordError):
        assert decode_record(cut).encode() == cut


PROCESS = json.loads(PROCESS_LINE)
ALERT = json.loads(ALERT_LINE)


@pytest.mark.parametrize(
    "line, message",
    [
        ("", "not JSON"),
        ("[1, 2]", "not a JSON object"),
        ("[" * 100_000, "not JSON"),
        ('{"kind": "event", "index": ' + "1" * 5000 + "}", "not JSON"),
        (json.dumps(PROCESS)[:-1], "not JSON"),
        ("{}", "kind is None, expected one of event, process, alert"),
        (json.dumps(PROCESS | {"kind": "proces"}), "kind is 'proces', expected one of event, process, alert"),
        (json.dumps(PROCESS | {"kind": ["process"]}), "kind is ['process'], expected one of"),
        (json.dumps({key: value for key, value in PROCESS.items() if key != "count"}), "missing: count"),
        (json.dumps(PROCESS | {"colour": 1}), "unknown: 'colour'"),
        (json.dumps(PROCESS | {"userId": 4}), "userId is 4, expected a string"),
        (json.dumps(PROCESS | {"index": "17"}), "index is '17', expected a whole number"),
        (json.dumps(PROCESS | {"index": True}), "index is True, expected a whole number"),
        (json.dumps(PROCESS | {"index": -1}), "index is -1, expected a whole number"),
        (json.dumps(PROCESS | {"count": 3.0}), "count is 3.0, expected a whole number"),
        (json.dumps(PROCESS | {"count": MAX_NUMBER + 1}), "expected a whole number from 0 to 2^53 - 1"),
        (json.dumps(PROCESS | {"abnormal": 1}), "abnormal is 1, expected true or false"),
        (json.dumps(PROCESS | {"eventTime": "yesterday"}), "eventTime: 'yesterday' is not a UTC time"),
        (json.dumps(PROCESS | {"processedTime": 5}), "processedTime is 5, expected a string"),
        (json.dumps(ALERT | {"message": "[ALERT] userId=user2 abnormal 4 times"}), "message is '[ALERT]"),
        (json.dumps(ALERT | {"message": 3}), "message is 3"),
    ],
)
def test_what_is_wrong_with_a_line_is_named(line: str, message: str) -> None:
    with pytest.raises(RecordError) as caught:
        decode_record(line)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_record_of_another_kind_is_no_event() -> None:
    with pytest.raises(RecordError, match="not a record of kind event"):
        UserEvent.decode(json.dumps(PROCESS))
