"""What `anomalyjob up` shows beside its lines: harmless whatever is missing."""

from pathlib import Path

import pytest
from aiohttp.test_utils import unused_port
from tests.unit.live_reports import healthy_report

from anomalyjob_operator.local.show import ShowOptions, show
from anomalyjob_operator.local.state_folder import StateFolder
from anomalyjob_operator.pass_report import EventFate, Key
from anomalyjob_operator.status import Event

pytestmark = pytest.mark.asyncio
TOKEN = "0123456789abcdef0123456789abcdef"


async def emit(key: Key, event: Event) -> EventFate:
    raise AssertionError(f"{key}: {event}")


async def test_an_installation_without_pages_has_metrics_and_notifications_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anomalyjob_operator.dashboard.server.read_static_files", dict)
    folder, told = StateFolder(home=tmp_path, namespace="default", name="demo"), list[str]()
    options = ShowOptions(dashboard_port=unused_port(), token=TOKEN)

    async with show(folder, options, told.append, emit) as onlookers:
        onlookers.passed(healthy_report())
        assert onlookers.feeds.keys() == (("default", "demo"),)
    assert len(told) == 1
    assert told[0].startswith("there is no dashboard: ")
    assert "login.html" in told[0]
