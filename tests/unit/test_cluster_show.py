"""What the operator shows: told of passes and of resources that are gone, and harmless however it is configured."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from kubernetes.aio.client.configuration import Configuration
from tests.unit.cluster_world import KEY, SETTINGS, World, open_world
from tests.unit.fake_objects import RefusedError
from tests.unit.observations import T0

from anomalyjob_operator.cluster.api import ApiError, KubernetesApi
from anomalyjob_operator.cluster.jobs import Jobs
from anomalyjob_operator.cluster.kinds import ANOMALY_JOB, EVENT
from anomalyjob_operator.cluster.pod_logs import PodLogs
from anomalyjob_operator.cluster.settings import ClusterSettings
from anomalyjob_operator.cluster.show import servers, targets
from anomalyjob_operator.onlookers import Onlookers
from anomalyjob_operator.status import Event

if TYPE_CHECKING:
    from anomalyjob_operator.pass_report import Key, PassReport

LEAST = {"ANOMALYJOB_JOB_IMAGE": "anomalyjob:dev", "ANOMALYJOB_OPERATOR_NAMESPACE": "anomalyjob-system"}
ALERT = Event(type="Warning", reason="AnomalyAlert", message="[ALERT] userId=user1 abnormal 3 times", at=T0)


class Told:
    """What a listener was told."""

    def __init__(self) -> None:
        self.reports: list[PassReport] = []
        self.gone: list[Key] = []


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as made:
        yield made


@pytest.fixture
def told(world: World) -> Told:
    told = Told()
    world.jobs = Jobs(
        world.api,
        SETTINGS,
        lambda: world.now,
        rest_address=world._rest_address,
        listener=told.reports.append,
        gone=told.gone.append,
    )
    return told


@pytest.mark.asyncio
async def test_every_pass_is_told_with_where_flink_answers(world: World, told: Told) -> None:
    world.submit()
    await world.looks(4)
    assert [report.job.metadata.name for report in told.reports] == ["demo"] * 4
    assert told.reports[-1].rest_url == world.flink.fake.url
    assert told.gone == []


@pytest.mark.asyncio
async def test_a_resource_that_is_deleted_is_told_to_be_gone(world: World, told: Told) -> None:
    world.submit()
    await world.look()
    world.store.delete(ANOMALY_JOB, *KEY)
    await world.look()
    assert told.gone == [KEY]
    assert len(told.reports) == 1


@pytest.mark.asyncio
async def test_another_resource_of_the_same_name_is_told_as_another(world: World, told: Told) -> None:
    world.submit()
    await world.look()
    world.store.delete(ANOMALY_JOB, *KEY)
    world.submit()
    await world.look()
    assert told.gone == [KEY]
    assert len(told.reports) == 2


@pytest.mark.asyncio
async def test_an_event_of_an_onlooker_becomes_one_of_the_job(world: World, told: Told) -> None:
    world.submit()
    await world.look()
    assert await world.jobs.emit(KEY, ALERT) == "told"
    events = world.store.all(EVENT, "default", {})
    assert [event["message"] for event in events if event["reason"] == "AnomalyAlert"] == [ALERT.message]


@pytest.mark.asyncio
@pytest.mark.parametrize("status, comes_again", [(403, False), (422, False), (429, True), (500, True)])
async def test_an_event_that_is_refused_for_good_is_not_tried_again(
    world: World, told: Told, status: int, comes_again: bool, caplog: pytest.LogCaptureFixture
) -> None:
    world.submit()
    await world.look()
    world.server.refusals["create", "Event"] = RefusedError(status, "says the test")
    if comes_again:
        with pytest.raises(ApiError, match="says the test"):
            await world.jobs.emit(KEY, ALERT)
        return
    assert await world.jobs.emit(KEY, ALERT) == "refused"
    assert "default/demo: an event is not told" in caplog.text


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "status, said",
    [
        (403, "unable to create new content in namespace default because it is being terminated"),
        (404, 'namespaces "default" not found'),
    ],
)
async def test_in_a_namespace_that_goes_nobody_misses_an_event(
    world: World, told: Told, status: int, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    world.submit()
    await world.look()
    world.server.refusals["create", "Event"] = RefusedError(status, said)
    assert await world.jobs.emit(KEY, ALERT) == "gone"
    assert "is not told" not in caplog.text


@pytest.mark.asyncio
async def test_an_event_may_hold_what_is_no_text(world: World, told: Told) -> None:
    world.submit()
    await world.look()
    await world.jobs.emit(KEY, replace(ALERT, message="[ALERT] userId=\udcff abnormal 3 times"))
    assert [event["reason"] for event in world.store.all(EVENT, "default", {})].count("AnomalyAlert") == 1


@pytest.mark.asyncio
async def test_an_event_of_a_job_that_is_gone_is_nobodys(world: World, told: Told) -> None:
    assert await world.jobs.emit(KEY, ALERT) == "gone"
    assert world.store.all(EVENT, "default", {}) == []


def settings(**changes: object) -> ClusterSettings:
    return replace(ClusterSettings.of(LEAST), **changes)  # type: ignore[arg-type]


def served(**changes: object) -> list[str]:
    onlookers = Onlookers(PodLogs(KubernetesApi(Configuration())).of)
    return sorted(what for what, _, _ in servers(onlookers, settings(**changes)))


def test_dashboard_and_metrics_are_served_unless_told_otherwise() -> None:
    assert served() == ["dashboard", "metrics"]
    assert served(dashboard_port=0) == ["metrics"]
    assert served(metrics_port=0) == ["dashboard"]


def test_without_the_token_that_was_asked_for_there_is_no_dashboard_but_an_operator(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert served(dashboard_token_file=str(tmp_path / "none")) == ["metrics"]
    assert "there is no dashboard" in caplog.text


def test_targets_that_cannot_be_read_leave_an_operator_without_notifications(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "targets.json").write_text("{")
    assert targets(settings(notification_targets=str(tmp_path / "targets.json"))) == ()
    assert "no notifications are sent" in caplog.text


def test_an_installation_without_pages_has_metrics_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("anomalyjob_operator.dashboard.server.read_static_files", dict)
    (tmp_path / "token").write_text("0123456789abcdef0123456789abcdef")

    assert served(dashboard_token_file=str(tmp_path / "token")) == ["metrics"]
    assert "there is no dashboard" in caplog.text
