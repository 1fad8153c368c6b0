"""Bounds, words and types of the definition, which a real API server refuses in words of its own."""

from typing import Any

import pytest
from tests.api.resource_kind import ResourceKind
from tests.api.spec_documents import INTERVAL, STORAGE, at, own_errors, users

pytestmark = pytest.mark.api

MANY = [f"u{number}" for number in range(101)]
SERVERS_WORDS: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "unknown word": (at("job.state", "suspended"), at("job.state", "paused"), "spec.job.state", '"running"'),
    "upgrade mode": (at("job.upgradeMode", "stateless"), at("job.upgradeMode", "x"), "spec.job.upgradeMode", "savepo"),
    "mode of checkpoints": (
        at("checkpointing.mode", "AT_LEAST_ONCE"),
        at("checkpointing.mode", "exactly_once"),
        "spec.checkpointing.mode",
        '"EXACTLY_ONCE"',
    ),
    "state backend": (
        at("checkpointing.stateBackend", "rocksdb"),
        at("checkpointing.stateBackend", "memory"),
        "spec.checkpointing.stateBackend",
        '"hashmap"',
    ),
    "execution mode": (
        at("job.pythonExecutionMode", "process"),
        at("job.pythonExecutionMode", "fork"),
        "spec.job.pythonExecutionMode",
        '"thread"',
    ),
    "event to be told": (
        at("notifications.events", ["Recovered", "JobFailed"]),
        at("notifications.events", ["Recovered", "AnomalyAlert"]),
        "spec.notifications.events[1]",
        '"CheckpointOverdue"',
    ),
    "event to be told twice": (
        at("notifications.events", []),
        at("notifications.events", ["Recovered", "Recovered"]),
        "spec.notifications.events[1]",
        "Duplicate value",
    ),
    "long name of a target": (
        at("notifications.webhook", "a" * 40),
        at("notifications.webhook", "a" * 41),
        "spec.notifications.webhook",
        "may not be more than 40",
    ),
    "alerts": (
        at("notifications.alerts", True),  # noqa: FBT003 - a value of the document
        at("notifications.alerts", "yes"),
        "spec.notifications.alerts",
        "boolean",
    ),
    "deletion": (at("deletionPolicy", "Delete"), at("deletionPolicy", "Keep"), "spec.deletionPolicy", '"Retain"'),
    "access mode": (
        at(f"{STORAGE}.persistentVolumeClaim.accessModes", ["ReadWriteMany"]),
        at(f"{STORAGE}.persistentVolumeClaim.accessModes", ["ReadOnlyMany"]),
        f"spec.{STORAGE}.persistentVolumeClaim.accessModes[0]",
        '"ReadWriteOnce"',
    ),
    "no access mode": (
        at(f"{STORAGE}.persistentVolumeClaim.accessModes", ["ReadWriteOnce", "ReadWriteMany"]),
        at(f"{STORAGE}.persistentVolumeClaim.accessModes", []),
        f"spec.{STORAGE}.persistentVolumeClaim.accessModes",
        "at least 1",
    ),
    "least count": (
        at("detection.maxCount", 1),
        at("detection.maxCount", 0),
        "spec.detection.maxCount",
        "or equal to 1",
    ),
    "largest count": (
        at("detection.maxCount", 10**6),
        at("detection.maxCount", 10**6 + 1),
        "spec.detection.maxCount",
        "less than or equal to 1",
    ),
    "slots": (at("taskManager.slots", 64), at("taskManager.slots", 65), "spec.taskManager.slots", "or equal to 64"),
    "replicas": (
        at("taskManager.replicas", 100),
        at("taskManager.replicas", 101),
        "spec.taskManager.replicas",
        "or equal to 100",
    ),
    "ratio": (
        at("source.simulated.abnormalRatio", 1),
        at("source.simulated.abnormalRatio", 1.1),
        "spec.source.simulated.abnormalRatio",
        "or equal to 1",
    ),
    "seed": (
        at("source.simulated.seed", 2**53 - 1),
        at("source.simulated.seed", 2**53),
        "spec.source.simulated.seed",
        "less than or equal to",
    ),
    "checkpoints to keep": (
        at("checkpointing.retained", 100),
        at("checkpointing.retained", 0),
        "spec.checkpointing.retained",
        "or equal to 1",
    ),
    "failures to bear": (
        at("checkpointing.tolerableFailures", 0),
        at("checkpointing.tolerableFailures", -1),
        "spec.checkpointing.tolerableFailures",
        "or equal to 0",
    ),
    "restarts": (
        at("recovery.maxRestarts", 0),
        at("recovery.maxRestarts", 1001),
        "spec.recovery.maxRestarts",
        "or equal to 1000",
    ),
    "older checkpoints": (
        at("recovery.allowOlderCheckpoints", 100),
        at("recovery.allowOlderCheckpoints", 101),
        "spec.recovery.allowOlderCheckpoints",
        "or equal to 100",
    ),
    "patience for checkpoints": (
        at("recovery.checkpointTimeoutFactor", 1),
        at("recovery.checkpointTimeoutFactor", 0),
        "spec.recovery.checkpointTimeoutFactor",
        "or equal to 1",
    ),
    "nonce": (at("job.restartNonce", 1), at("job.restartNonce", 0), "spec.job.restartNonce", "or equal to 1"),
    "nonce of a savepoint": (
        at("job.savepointTriggerNonce", 2),
        at("job.savepointTriggerNonce", 0),
        "spec.job.savepointTriggerNonce",
        "or equal to 1",
    ),
    "restore without a nonce": (
        at("job.restore", {"from": "empty", "nonce": 1}),
        at("job.restore", {"from": "empty"}),
        "spec.job.restore.nonce",
        "Required value",
    ),
    "a user twice": (users("a", "b"), users("a", "b", "a"), "spec.source.simulated.users[2]", "Duplicate value"),
    "no user": (users("a"), users(), "spec.source.simulated.users", "at least 1"),
    "too many users": (users(*MANY[:100]), users(*MANY), "spec.source.simulated.users", "at most 100"),
    "long name of a user": (
        users("u" * 64),
        users("u" * 65),
        "spec.source.simulated.users[0]",
        "may not be more than 64",
    ),
    "number of another type": (at("job.parallelism", 3), at("job.parallelism", "3"), "spec.job.parallelism", "integer"),
    "text of another type": (at(INTERVAL, "5s"), at(INTERVAL, 5), f"spec.{INTERVAL}", "string"),
    "truth of another type": (
        at("checkpointing.unaligned", False),  # noqa: FBT003 - a value of the document
        at("checkpointing.unaligned", "no"),
        "spec.checkpointing.unaligned",
        "boolean",
    ),
    "many settings": (
        {"flinkConfiguration": {f"a.{number}": "x" for number in range(100)}},
        {"flinkConfiguration": {f"a.{number}": "x" for number in range(101)}},
        "spec.flinkConfiguration",
        "at most 100",
    ),
    "name of a setting": (
        {"flinkConfiguration": {"a.B-c_d.1": "x"}},
        {"flinkConfiguration": {"$internal": "x"}},
        "spec.flinkConfiguration",
        "must be the full name of a Flink setting, such as heartbeat.interval",
    ),
    "long name of a setting": (
        {"flinkConfiguration": {"a" * 200: "x"}},
        {"flinkConfiguration": {"a" * 201: "x"}},
        "spec.flinkConfiguration",
        "200",
    ),
    "large setting": (
        {"flinkConfiguration": {"a.b": "x" * 4096}},
        {"flinkConfiguration": {"a.b": "x" * 4097}},
        "spec.flinkConfiguration.a.b",
        "may not be more than 4096",
    ),
}
"""Bounds, words and types: accepted, refused, and where the server says what in words of its own."""


@pytest.mark.parametrize("rule", SERVERS_WORDS)
def test_the_server_knows_bounds_words_and_types(kind: ResourceKind, rule: str) -> None:
    right, wrong, path, words = SERVERS_WORDS[rule]
    kind.tried(right)

    assert own_errors(right) == ()
    assert own_errors(wrong)
    refused = kind.refusal(wrong)
    assert any(words in said for said in refused.causes.get(path, ())), refused.text
