"""One look at a recorded Flink, for tests of what it tells."""

from datetime import datetime
from typing import Any, Final

import pytest
from tests.unit.live_flink import JOB, RecordedFlink
from tests.unit.observations import JOB_ID, at

from anomalyjob.timestamps import from_epoch_milliseconds
from anomalyjob_operator.flink_rest import FlinkRest
from anomalyjob_operator.live import look as look_module
from anomalyjob_operator.live.look import Look, Wish, look

NOW: Final = at(1000)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing depend on how busy the machine is."""
    monkeypatch.setattr(look_module, "NEEDED_SECONDS", 30.0)
    monkeypatch.setattr(look_module, "DETAILS_SECONDS", 30.0)


async def seen(flink: RecordedFlink, **wish: Any) -> Look:
    async with FlinkRest(flink.url, timeout_seconds=30.0) as rest:
        return await look(rest, Wish(job_id=JOB_ID, **wish), lambda: NOW)


async def look_at(name: str, **wish: Any) -> Look:
    async with RecordedFlink(name) as flink:
        return await seen(flink, **wish)


def started(answers: dict[str, Any]) -> datetime:
    return from_epoch_milliseconds(answers[JOB]["start-time"])
