import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from anomalyjob.config import ConfigError
from anomalyjob.start_summary import StartSummary

SUMMARY = StartSummary(
    start=4,
    incarnation=2,
    started_at=datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC),
    restart_counter=1,
    chosen_checkpoint_id=17,
    chosen_path="/volume/default.demo/checkpoints/3/ab/chk-17",
    skipped=1,
    message="start 4 of default/demo, incarnation 2, goes on from checkpoint 17",
)


def test_it_has_the_agreed_form_on_one_line() -> None:
    assert SUMMARY.text() == (
        '{"start":4,"incarnation":2,"startedAt":"2026-01-02T03:04:05.678Z","restartCounter":1,"chosenCheckpointId":17,'
        '"chosenPath":"/volume/default.demo/checkpoints/3/ab/chk-17","skipped":1,'
        '"message":"start 4 of default/demo, incarnation 2, goes on from checkpoint 17"}'
    )


@given(
    identifier=some.none() | some.integers(min_value=1),
    path=some.none() | some.text(some.characters(codec="utf-8"), min_size=1),
    message=some.text(some.characters(codec="utf-8"), min_size=1, max_size=2000),
)
def test_what_was_written_is_read(identifier: int | None, path: str | None, message: str) -> None:
    summary = replace(SUMMARY, chosen_checkpoint_id=identifier, chosen_path=path, message=message)

    assert StartSummary.parse(summary.text()) == summary
    assert summary.text().isascii()


def test_a_long_message_is_cut_off() -> None:
    message = StartSummary.parse(replace(SUMMARY, message="x" * 5000).text()).message

    assert message == "x" * 1999 + "…"


def test_a_path_that_is_no_utf_8_does_no_harm() -> None:
    summary = replace(SUMMARY, chosen_path=os.fsdecode(b"/vol-\xff/chk-17"))

    assert StartSummary.parse(summary.text()).chosen_path == "/vol-?/chk-17"


def test_what_a_newer_launcher_adds_is_overlooked() -> None:
    newer = json.dumps({**json.loads(SUMMARY.text()), "colour": "blue"})

    assert StartSummary.parse(newer) == SUMMARY


@pytest.mark.parametrize(
    "key, value", [("start", 0), ("start", "4"), ("startedAt", "yesterday"), ("skipped", None), ("chosenPath", 5)]
)
def test_what_makes_no_sense_is_refused_by_key(key: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"^{key}: "):
        StartSummary.parse(json.dumps({**json.loads(SUMMARY.text()), key: value}))


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        StartSummary.parse(text)
