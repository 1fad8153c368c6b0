"""What the REST client asks Flink to do, and the fate of it: checkpoints, savepoints and the stop with one."""

from typing import Any

import pytest
from tests.unit.fake_flink import RECORDED_JOB_ID, FakeFlink, Fault

from anomalyjob_operator.decide import FlinkRequest
from anomalyjob_operator.flink_rest import FlinkRest, FlinkUnavailable
from anomalyjob_operator.observed import RequestObservation

pytestmark = pytest.mark.asyncio


def request(kind: Any = "checkpoint") -> FlinkRequest:
    return FlinkRequest(kind=kind, job_id=RECORDED_JOB_ID, trigger_id="a" * 32, folder="stop/1")


@pytest.mark.parametrize(
    "kind, path, body",
    [
        ("checkpoint", "checkpoints", {"checkpointType": "CONFIGURED"}),
        ("savepoint", "savepoints", {"target-directory": "/v/stop/1", "cancel-job": False, "formatType": "CANONICAL"}),
        ("stop", "stop", {"targetDirectory": "/v/stop/1", "drain": False, "formatType": "CANONICAL"}),
    ],
)
async def test_what_is_asked_for_carries_our_own_trigger_id(kind: Any, path: str, body: dict[str, Any]) -> None:
    async with FakeFlink() as fake, FlinkRest(fake.url) as rest:
        await rest.ask(request(kind), "/v/stop/1")

    assert fake.asked == [(f"/jobs/{RECORDED_JOB_ID}/{path}", body | {"triggerId": "a" * 32})]


@pytest.mark.parametrize("fault", ["down", "error", "hangs", "redirects"])
async def test_what_cannot_be_asked_is_said(fault: Fault) -> None:
    async with FakeFlink() as fake, FlinkRest(fake.url, 0.2) as rest:
        await fake.set_fault(fault)
        with pytest.raises(FlinkUnavailable):
            await rest.ask(request(), None)


FAILURE = {"class": "X", "stack-trace": "X: no\n\tat a.B(C.java)\nCaused by: Y: really\n", "serialized-throwable": ""}


@pytest.mark.parametrize(
    "kind, answer, seen",
    [
        ("checkpoint", {"status": {"id": "IN_PROGRESS"}}, dict(state="InProgress")),
        (
            "checkpoint",
            {"status": {"id": "COMPLETED"}, "operation": {"checkpointId": 7}},
            dict(state="Completed", checkpoint_id=7),
        ),
        (
            "stop",
            {"status": {"id": "COMPLETED"}, "operation": {"location": "file:/v/savepoint-1"}},
            dict(state="Completed", path="file:/v/savepoint-1"),
        ),
        (
            "savepoint",
            {"status": {"id": "COMPLETED"}, "operation": {"failure-cause": FAILURE}},
            dict(state="Failed", failure="X: no; Caused by: Y: really"),
        ),
        (
            "checkpoint",
            {"status": {"id": "COMPLETED"}, "operation": {"failureCause": FAILURE}},
            dict(state="Failed", failure="X: no; Caused by: Y: really"),
        ),
    ],
)
async def test_the_fate_of_what_was_asked_is_seen(kind: Any, answer: dict[str, Any], seen: dict[str, Any]) -> None:
    async with FakeFlink() as fake, FlinkRest(fake.url) as rest:
        fake.fates["a" * 32] = answer
        observation = await rest.observe(RECORDED_JOB_ID, (request(kind),))

    assert observation.requests == (RequestObservation(trigger_id="a" * 32, **seen),)


async def test_what_flink_does_not_know_of_is_not_listed() -> None:
    async with FakeFlink() as fake, FlinkRest(fake.url) as rest:
        observation = await rest.observe(RECORDED_JOB_ID, (request(),))

    assert observation.requests == ()
    assert observation.job_state == "RUNNING"
