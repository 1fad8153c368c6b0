"""How slots are shared out: every TaskManager carries the same mix, in whatever order Flink places the slots."""

import itertools
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalyjob_operator.desired.flink_configuration import task_manager_process_memory
from anomalyjob_operator.desired.memory import MEBIBYTE
from anomalyjob_operator.desired.slot_sharing import slot_sharing_document
from anomalyjob_operator.spec import Spec, parse

Shares = Mapping[str, Mapping[str, float]]
RESOURCES = ("cpuCores", "taskHeapMebibytes", "taskOffHeapMebibytes", "managedMebibytes")


def spec(**document: object) -> Spec:
    identity = {"apiVersion": "anomalyjob.dev/v1alpha1", "kind": "AnomalyJob", "metadata": {"name": "demo"}}
    return parse(identity | {"spec": document}).spec


def shares(wanted: Spec) -> Shares | None:
    return slot_sharing_document(wanted, task_manager_process_memory(wanted))  # type: ignore[return-value]


def whole(wanted: Spec) -> dict[str, float]:
    sizes = task_manager_process_memory(wanted).sizes_bytes
    parts = ("task.heap.size", "task.off-heap.size", "managed.size")
    memory = dict(zip(RESOURCES[1:], (sizes[part] / MEBIBYTE for part in parts), strict=True))
    return {"cpuCores": float(wanted.task_manager.slots), **memory}


def fits(groups: tuple[str, ...], given_shares: Shares, limits: Mapping[str, float]) -> bool:
    return all(sum(given_shares[group][part] for group in groups) <= limits[part] for part in RESOURCES)


def fillings(given_shares: Shares, limits: Mapping[str, float], slots: int) -> set[tuple[str, ...]]:
    """Return the mixes of `slots` slots that fit on one TaskManager."""
    mixes = itertools.combinations_with_replacement(sorted(given_shares), slots)
    return {mix for mix in mixes if fits(mix, given_shares, limits)}


def test_the_reference_system_has_one_slot_of_each_group_on_each_task_manager() -> None:
    wanted = spec()
    found = shares(wanted)

    assert found is not None
    assert [found[group]["cpuCores"] for group in ("source", "process", "sink")] == [2.25, 0.375, 0.375]
    assert fillings(found, whole(wanted), 3) == {("process", "sink", "source")}


@given(
    replicas=st.integers(3, 10),
    each=st.integers(1, 3),
    memory=st.integers(1536, 8192),
    backend=st.sampled_from(["hashmap", "rocksdb"]),
    mode=st.sampled_from(["thread", "process"]),
)
def test_no_task_manager_can_get_another_mix_than_all_others(
    replicas: int, each: int, memory: int, backend: str, mode: str
) -> None:
    wanted = spec(
        taskManager={"replicas": replicas, "slots": 3 * each, "resources": {"limits": {"memory": f"{memory}Mi"}}},
        checkpointing={"stateBackend": backend},
        job={"pythonExecutionMode": mode},
    )
    found = shares(wanted)

    assert found is not None
    assert fillings(found, whole(wanted), 3 * each) == {tuple(sorted([*found] * each))}
    for group in found:
        assert not fits((group,) * (each + 1), found, whole(wanted))


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"taskManager": {"replicas": 5, "slots": 2}}, id="slots not in threes"),
        pytest.param({"taskManager": {"replicas": 2, "slots": 63}}, id="shares below a mebibyte"),
    ],
)
def test_where_slots_cannot_be_shared_out_evenly_flink_places_them(document: Mapping[str, object]) -> None:
    assert shares(spec(**document)) is None


def test_a_spare_task_manager_can_take_the_place_of_any_other() -> None:
    assert shares(spec(taskManager={"replicas": 4})) == shares(spec())
