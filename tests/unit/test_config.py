import copy
import json
from typing import Any

import pytest

from anomalyjob.config import (
    ConfigError,
    Detection,
    JobConfig,
    LedgerFloor,
    SimulatedSource,
    Sinks,
    SlotResources,
    SlotSharing,
    StartConfig,
    StartRule,
    TaskManagerConfig,
)

JOB: dict[str, Any] = {
    "namespace": "default",
    "name": "demo",
    "parallelism": 3,
    "pythonExecutionMode": "thread",
    "detection": {"maxCount": 3},
    "source": {
        "simulated": {
            "users": ["user1", "user2", "user3"],
            "intervalMilliseconds": 5000,
            "abnormalRatio": 0.3,
            "seed": 7,
        }
    },
    "sink": {"log": {}, "files": {}},
}
START: dict[str, Any] = {
    "volume": "/volume",
    "incarnation": 1,
    "restartCounter": 0,
    "specHash": "ab12",
    "rule": {"from": "latest"},
    "ledgerFile": "/etc/ledger.json",
    "allowOlderCheckpoints": 0,
    "retained": 3,
    "lockTimeoutSeconds": 120,
    "terminationLog": "/dev/termination-log",
    "jvmOptions": ["-Xmx512m"],
}
ABSENT = object()


def changed(document: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy of the document with the value at a dotted path set, or removed."""
    result = copy.deepcopy(document)
    *parents, last = path.split(".")
    section = result
    for parent in parents:
        section = section[parent]
    if value is ABSENT:
        del section[last]
    else:
        section[last] = value
    return result


def test_a_job_document_is_read_whole() -> None:
    assert JobConfig.parse(JOB) == JobConfig(
        namespace="default",
        name="demo",
        parallelism=3,
        python_execution_mode="thread",
        detection=Detection(max_count=3),
        source=SimulatedSource(
            users=("user1", "user2", "user3"), interval_milliseconds=5000, abnormal_ratio=0.3, seed=7
        ),
        sink=Sinks(log=True, files=True),
        slot_sharing=None,
    )


RESOURCES = {"cpuCores": 0.5, "taskHeapMebibytes": 96, "taskOffHeapMebibytes": 32, "managedMebibytes": 0}
SLOT_SHARING = {"source": RESOURCES, "process": dict(RESOURCES), "sink": dict(RESOURCES)}


def test_slot_sharing_is_read_when_it_is_there() -> None:
    resources = SlotResources(cpu_cores=0.5, task_heap_mebibytes=96, task_off_heap_mebibytes=32, managed_mebibytes=0)

    config = JobConfig.parse({**JOB, "slotSharing": SLOT_SHARING})

    assert config.slot_sharing == SlotSharing(source=resources, process=resources, sink=resources)


@pytest.mark.parametrize(
    "path,value,message",
    [
        ("slotSharing.sink", ABSENT, "slotSharing.sink: is missing"),
        ("slotSharing.clock", RESOURCES, "slotSharing.clock: is not a known field"),
        ("slotSharing.sink.cpuCores", -1, "slotSharing.sink.cpuCores: must be between 0 and 1024, not -1"),
        ("slotSharing.sink.gpu", 1, "slotSharing.sink.gpu: is not a known field"),
    ],
)
def test_wrong_slot_sharing_is_refused_by_the_path_of_its_key(path: str, value: object, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        JobConfig.parse(changed({**JOB, "slotSharing": SLOT_SHARING}, path, value))

    assert str(caught.value) == message


def test_a_start_document_is_read_whole() -> None:
    assert StartConfig.parse(START) == StartConfig(
        volume="/volume",
        incarnation=1,
        restart_counter=0,
        spec_hash="ab12",
        rule=StartRule(kind="latest"),
        ledger_file="/etc/ledger.json",
        allow_older_checkpoints=0,
        retained=3,
        lock_timeout_seconds=120,
        termination_log="/dev/termination-log",
        jvm_options=("-Xmx512m",),
    )


def test_a_start_document_may_say_more() -> None:
    config = StartConfig.parse(START | {"allowNonRestoredState": True, "restoreNonce": 4})

    assert (config.allow_non_restored_state, config.restore_nonce) == (True, 4)
    assert not StartConfig.parse(START).allow_non_restored_state


@pytest.mark.parametrize("key, value", [("allowNonRestoredState", "yes"), ("restoreNonce", 0), ("restoreNonce", True)])
def test_what_a_start_document_may_say_more_is_checked(key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=key):
        StartConfig.parse(START | {key: value})


def test_source_and_detection_go_back_into_the_very_document_they_came_from() -> None:
    config = JobConfig.parse(JOB)

    assert config.source.document() == JOB["source"]
    assert config.detection.document() == JOB["detection"]
    assert json.loads(json.dumps(config.source.document())) == JOB["source"]


@pytest.mark.parametrize("rule", [{"from": "latest"}, {"from": "empty"}, {"from": "path", "path": "/savepoints/one"}])
def test_a_start_rule_goes_back_into_the_very_document_it_came_from(rule: dict[str, str]) -> None:
    assert StartConfig.parse(changed(START, "rule", rule)).rule.document() == rule


@pytest.mark.parametrize(
    "path,value,message",
    [
        pytest.param("name", ABSENT, "name: is missing", id="a key is missing"),
        pytest.param("name", None, "name: is missing", id="null counts as missing"),
        pytest.param("name", 7, "name: must be a string, not a number", id="a number for a string"),
        pytest.param("name", "", "name: must not be empty", id="an empty name"),
        pytest.param("name", "../x", "name: must be a name without slashes, not '../x'", id="a name leads elsewhere"),
        pytest.param("name", "a\0", "name: must be a name without slashes, not 'a\\x00'", id="a name no file can have"),
        pytest.param("namespace", ".", "namespace: must be a name without slashes, not '.'", id="a dot for a name"),
        pytest.param("parallelism", "3", "parallelism: must be a whole number, not a string", id="text for a number"),
        pytest.param("parallelism", True, "parallelism: must be a whole number, not a boolean", id="true for one"),
        pytest.param("parallelism", 2.0, "parallelism: must be a whole number, not a number", id="a decimal"),
        pytest.param("parallelism", 0, "parallelism: must be at least 1, not 0", id="no parallelism"),
        pytest.param(
            "pythonExecutionMode",
            "fork",
            "pythonExecutionMode: must be one of thread, process, not 'fork'",
            id="an unknown mode",
        ),
        pytest.param("detection", [], "detection: must be an object, not a list", id="a list for an object"),
        pytest.param("detection.maxCount", 0, "detection.maxCount: must be at least 1, not 0", id="a rule below one"),
        pytest.param("detection.maxcount", 3, "detection.maxcount: is not a known field", id="a misspelt inner key"),
        pytest.param("colour", "red", "colour: is not a known field", id="an unknown outer key"),
        pytest.param("source.kafka", {}, "source.kafka: is not a known field", id="a source that does not exist yet"),
        pytest.param(
            "source.simulated.users", "user1", "source.simulated.users: must be a list, not a string", id="one user"
        ),
        pytest.param(
            "source.simulated.users", [], "source.simulated.users: must name at least one user", id="no users"
        ),
        pytest.param(
            "source.simulated.users",
            ["a", ""],
            "source.simulated.users[1]: must not be empty",
            id="a user without a name",
        ),
        pytest.param(
            "source.simulated.users",
            ["a", "b\ud800"],
            "source.simulated.users[1]: must be Unicode text: half of a surrogate pair stands in it",
            id="a user that no file can hold",
        ),
        pytest.param(
            "source.simulated.users",
            ["a", "a"],
            "source.simulated.users: must not name a user twice",
            id="a user twice",
        ),
        pytest.param(
            "source.simulated.abnormalRatio",
            1.5,
            "source.simulated.abnormalRatio: must be between 0 and 1, not 1.5",
            id="a ratio above one",
        ),
        pytest.param(
            "source.simulated.abnormalRatio",
            float("nan"),
            "source.simulated.abnormalRatio: must be between 0 and 1, not nan",
            id="a ratio that is no number",
        ),
        pytest.param(
            "source.simulated.intervalMilliseconds",
            -5,
            "source.simulated.intervalMilliseconds: must be at least 1, not -5",
            id="a negative interval",
        ),
        pytest.param("sink", {}, "sink: must hold at least one of log, files", id="no sink"),
        pytest.param("sink", {"kafka": {}}, "sink.kafka: is not a known field", id="a sink that does not exist yet"),
        pytest.param("sink.log", {"level": 1}, "sink.log.level: is not a known field", id="a key inside a sink"),
    ],
)
def test_a_wrong_job_document_is_refused_by_the_path_of_its_key(path: str, value: object, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        JobConfig.parse(changed(JOB, path, value))

    assert str(caught.value) == message


@pytest.mark.parametrize(
    "path,value,message",
    [
        pytest.param("volume", "vol", "volume: must be an absolute path, not 'vol'", id="a relative volume"),
        pytest.param(
            "volume",
            "/a\0",
            "volume: must be a path, and so without a null character, not '/a\\x00'",
            id="a volume that no path leads to",
        ),
        pytest.param(
            "rule",
            {"from": "path", "path": "/a\0"},
            "rule.path: must be a path, and so without a null character, not '/a\\x00'",
            id="a restore path that is none",
        ),
        pytest.param("incarnation", 0, "incarnation: must be at least 1, not 0", id="incarnation zero"),
        pytest.param("retained", 0, "retained: must be at least 1, not 0", id="nothing retained"),
        pytest.param("allowOlderCheckpoints", -1, "allowOlderCheckpoints: must be at least 0, not -1", id="negative"),
        pytest.param("rule", {"from": "best"}, "rule.from: must be one of latest, empty, path, not 'best'", id="rule"),
        pytest.param("rule", {"from": "path"}, "rule.path: is missing", id="a path rule without its path"),
        pytest.param(
            "rule", {"from": "empty", "path": "/x"}, "rule.path: is not a known field", id="a path without its rule"
        ),
        pytest.param("jvmOptions", ["-Xmx1g", 5], "jvmOptions[1]: must be a string, not a number", id="an option"),
        pytest.param("ledgerfile", "/x", "ledgerfile: is not a known field", id="a misspelt key"),
    ],
)
def test_a_wrong_start_document_is_refused_by_the_path_of_its_key(path: str, value: object, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        StartConfig.parse(changed(START, path, value))

    assert str(caught.value) == message


def test_a_document_that_is_no_object_is_refused() -> None:
    with pytest.raises(ConfigError, match="must be an object, not a list"):
        JobConfig.parse([JOB])


def test_a_task_manager_document_is_read_whole_and_refuses_more() -> None:
    document = {"jvmOptions": ["-Xmx1g"], "terminationLog": "/log"}

    assert TaskManagerConfig.parse(document) == TaskManagerConfig(termination_log="/log", jvm_options=("-Xmx1g",))
    with pytest.raises(ConfigError, match="volume: is not a known field"):
        TaskManagerConfig.parse({**document, "volume": "/volume"})


@pytest.mark.parametrize(
    "document,floor",
    [
        (
            {"incarnation": 2, "floor": {"checkpointId": 17, "path": "/c/chk-17"}},
            LedgerFloor(incarnation=2, checkpoint_id=17, path="/c/chk-17"),
        ),
        ({"incarnation": 1, "floor": {"checkpointId": 17}}, LedgerFloor(incarnation=1, checkpoint_id=17)),
        ({"incarnation": 1, "floor": None}, LedgerFloor(incarnation=1, checkpoint_id=None)),
        ({"incarnation": 1}, LedgerFloor(incarnation=1, checkpoint_id=None)),
        ({"incarnation": 1, "lastGood": {"specHash": "x"}}, LedgerFloor(incarnation=1, checkpoint_id=None)),
    ],
)
def test_a_ledger_is_read_as_far_as_the_launcher_needs_it(document: object, floor: LedgerFloor) -> None:
    assert LedgerFloor.parse(document) == floor


def test_a_ledger_with_a_broken_floor_is_refused_rather_than_read_as_none() -> None:
    with pytest.raises(ConfigError, match=r"floor\.checkpointId: must be a whole number"):
        LedgerFloor.parse({"incarnation": 1, "floor": {"checkpointId": "17"}})
