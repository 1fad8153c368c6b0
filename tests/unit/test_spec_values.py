"""The values a spec is made of: durations, amounts of memory, names of Flink settings."""

import re

import pytest

from anomalyjob_operator.spec import Duration, InvalidResource, Quantity, parse
from anomalyjob_operator.spec.flink_keys import OWNED_KEYS, OWNED_PREFIXES, owner_reason

EMPTY: dict[str, object] = {
    "apiVersion": "anomalyjob.dev/v1alpha1",
    "kind": "AnomalyJob",
    "metadata": {"name": "demo"},
    "spec": {},
}


@pytest.mark.parametrize(
    "text, milliseconds", [("1ms", 1), ("500ms", 500), ("10s", 10_000), ("5m", 300_000), ("24h", 86_400_000)]
)
def test_a_duration_has_milliseconds_and_stays_what_was_written(text: str, milliseconds: int) -> None:
    assert Duration(text).milliseconds == milliseconds
    assert Duration(text) == text


@pytest.mark.parametrize("text", ["", "s", "5", "-5s", "05s", "5S", "5s\n", "1.5s", "٣s", "1m30s", "9" * 20 + "s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration"):
        Duration(text)


@pytest.mark.parametrize(
    "text, size_bytes",
    [
        ("1024", 1024),
        ("1Ki", 1024),
        ("1k", 1000),
        ("1728Mi", 1_811_939_328),
        ("1.5Gi", 1_610_612_736),
        ("0.3k", 300),
        ("1.0001k", 1001),
        ("2T", 2 * 10**12),
    ],
)
def test_an_amount_of_memory_has_bytes(text: str, size_bytes: int) -> None:
    assert Quantity(text).size_bytes == size_bytes


@pytest.mark.parametrize("text", ["", "Mi", "-1Mi", "1 Mi", "1MB", "1e3", "1m", ".5Gi", "1Mi\n", "1" * 30])
def test_what_is_no_amount_of_memory_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be an amount of memory"):
        Quantity(text)


@pytest.mark.parametrize("key", [*OWNED_KEYS, *(prefix + "x" for prefix in OWNED_PREFIXES)])
def test_every_owned_flink_setting_is_refused_with_its_reason(key: str) -> None:
    reason = owner_reason(key)

    assert reason
    with pytest.raises(InvalidResource, match=re.escape(reason)):
        parse(EMPTY | {"spec": {"flinkConfiguration": {key: "1"}}})


@pytest.mark.parametrize("key", ["heartbeat.interval", "state.backend.rocksdb.memory.managed", "metrics.reporters"])
def test_other_flink_settings_are_the_users(key: str) -> None:
    assert owner_reason(key) is None
