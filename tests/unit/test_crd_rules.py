"""Rules in CEL and the same in Python: none without the other. Whether they decide the same is asked in tests/api."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.crd_schema import messages, part, parts, resource_schema

from anomalyjob_operator.crd.cel import Rule, sentence, text
from anomalyjob_operator.crd.rules import SPEC_RULES
from anomalyjob_operator.crd.values import READABLE_DURATION
from anomalyjob_operator.spec import Duration, Spec, model, storage, validation
from anomalyjob_operator.spec.base import RANGE_KEY
from anomalyjob_operator.spec.durations import DURATION_MAXIMUM_LENGTH, DURATION_PATTERN
from anomalyjob_operator.spec.field_errors import PATTERN_MESSAGES
from anomalyjob_operator.spec.flink_keys import OWNED_KEYS, OWNED_PREFIXES

SPEC = part("spec")


def test_every_rule_about_several_fields_has_its_twin_at_the_same_path() -> None:
    twins = [f"spec{rule.field}" for rule in SPEC_RULES]

    assert sorted(twins) == sorted(rule.path for rule in validation.RULES)
    assert SPEC["x-kubernetes-validations"] == [rule.document() for rule in SPEC_RULES]


SENTENCES = {
    "spec.job.parallelism": validation.SLOTS_MESSAGE,
    "spec.checkpointing.minPause": validation.MIN_PAUSE_MESSAGE,
    "spec.recovery.maxBackoff": validation.BACKOFF_MESSAGE,
    "spec.recovery.progressDeadline": validation.PROGRESS_MESSAGE,
    "spec.deletionPolicy": validation.DELETION_MESSAGE,
    "spec.notifications.alerts": validation.ALERTS_MESSAGE,
    **{
        f"spec.{role}.resources.requests.{kind}": validation.REQUESTS_MESSAGE
        for role in ("jobManager", "taskManager")
        for kind in ("memory", "cpu")
    },
}


@pytest.mark.parametrize("rule", SPEC_RULES, ids=lambda rule: rule.field)
def test_a_twin_says_the_same_sentence(rule: Rule) -> None:
    words = re.sub(r"\{\w+\}", "%s", SENTENCES[f"spec{rule.field}"])

    assert rule.message.startswith(text(words))


@pytest.mark.parametrize("rule", SPEC_RULES, ids=lambda rule: rule.field)
def test_a_twin_asks_only_for_fields_that_are_there(rule: Rule) -> None:
    fields = re.findall(r"(?:self)((?:\.[a-z]\w*)+)(?![\w(])", rule.rule + rule.message)

    assert fields
    for path in fields:
        part(f"spec{path}")


ONE_OF = {
    "spec.source": model.ONE_SOURCE_MESSAGE,
    "spec.sink": model.A_SINK_MESSAGE,
    "spec.checkpointing.storage": storage.ONE_CLAIM_MESSAGE,
}


@pytest.mark.parametrize("path", ONE_OF)
def test_alternatives_are_counted_with_the_same_sentence(path: str) -> None:
    assert ONE_OF[path].split("{")[0] in messages(part(path))[0]


@pytest.mark.parametrize("path", ONE_OF)
def test_no_alternative_is_forgotten(path: str) -> None:
    rule = part(path)["x-kubernetes-validations"][0]["rule"]

    assert set(re.findall(r"has\(self\.(\w+)\)", rule)) == part(path)["properties"].keys()


PATTERNED = {path: schema for path, schema in parts(SPEC, "spec") if "pattern" in schema}


@pytest.mark.parametrize("path", PATTERNED)
def test_every_pattern_is_also_a_sentence(path: str) -> None:
    schema = PATTERNED[path]
    sentence_of_ours = text(PATTERN_MESSAGES[schema["pattern"]] + "; found the text %s")

    assert sum(sentence_of_ours in message for message in messages(schema)) == 1


def test_every_range_of_the_model_is_a_rule() -> None:
    ranges: list[Any] = []

    def collect(schema: Any) -> None:
        if isinstance(schema, dict):
            ranges.extend([schema[RANGE_KEY]] if RANGE_KEY in schema else [])
            schema = list(schema.values())
        for inner in schema if isinstance(schema, list) else ():
            collect(inner)

    collect(Spec.model_json_schema())
    said = [message for schema in PATTERNED.values() for message in messages(schema)]
    for least, most in ranges:
        assert any(f'must be from %s to %s, found %s".format(["{least}", "{most}", self])' in one for one in said)


@given(st.from_regex(DURATION_PATTERN, fullmatch=True).filter(lambda found: len(found) <= DURATION_MAXIMUM_LENGTH))
def test_a_duration_that_cel_does_not_read_is_longer_than_a_day(found: str) -> None:
    assert re.fullmatch(READABLE_DURATION, found) or Duration(found).milliseconds > Duration("24h").milliseconds


def test_no_duration_may_be_longer_than_a_day() -> None:
    durations = [schema for schema in PATTERNED.values() if schema["pattern"] == DURATION_PATTERN]
    longest = [re.findall(r'duration\(self\) <= duration\("(\w+)"\)', str(schema)) for schema in durations]

    assert longest
    assert all(Duration(one).milliseconds <= Duration("24h").milliseconds for found in longest for one in found)


def test_every_setting_that_the_operator_owns_is_refused_with_its_reason() -> None:
    rules = part("spec.flinkConfiguration")["x-kubernetes-validations"]
    found = {
        key: rule["messageExpression"].partition(".format(")[0]
        for rule in rules
        for key in re.findall(r'"([^"]+)"', rule["rule"])
    }

    for key, reason in {**OWNED_KEYS, **OWNED_PREFIXES}.items():
        assert found[key] == text(f"%s is owned by the operator: {reason}")
    for prefix in OWNED_PREFIXES:
        assert f"key.startsWith({text(prefix)})" in str([rule["rule"] for rule in rules])


def test_a_setting_is_refused_once_although_two_reasons_would_fit() -> None:
    twice = [
        (key, prefix)
        for key, reason in OWNED_KEYS.items()
        for prefix, why in OWNED_PREFIXES.items()
        if key.startswith(prefix) and reason != why
    ]

    assert twice == []


def test_only_the_volume_cannot_be_changed() -> None:
    fixed = [path for path, schema in parts(resource_schema(), "") if "oldSelf" in str(rules_of(schema))]

    claim = ".spec.checkpointing.storage.persistentVolumeClaim"
    assert fixed == [
        ".spec.checkpointing.storage",
        claim,
        f"{claim}.size",
        f"{claim}.accessModes",
        ".spec.checkpointing.storage.existingClaim",
    ]


def rules_of(schema: dict[str, Any]) -> Any:
    return schema.get("x-kubernetes-validations", [])


def test_the_sentence_of_cel_has_a_gap_for_every_value() -> None:
    assert sentence("{a} of 100 % is {b}", a="self.x", b="1") == '"%s of 100 %% is %s".format([self.x, 1])'


@pytest.mark.parametrize("message, key", [(text('a "word"'), "message"), ("self.x", "messageExpression")])
def test_a_text_is_a_message_and_everything_else_an_expression(message: str, key: str) -> None:
    document = Rule(rule="true", message=message).document()

    assert document[key] == ('a "word"' if key == "message" else "self.x")
