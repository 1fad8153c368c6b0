"""The resources that users copy: each is right, and shows what its name says."""

from pathlib import Path

import pytest

from anomalyjob_operator.resource_file import read_resource
from anomalyjob_operator.spec import Spec

SAMPLES = sorted((Path(__file__).parents[2] / "manifests" / "samples").glob("*.yaml"))


def sample(name: str) -> Spec:
    (file,) = (file for file in SAMPLES if file.stem == name)
    return read_resource(file).spec


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.name)
def test_a_sample_is_right_and_named_after_its_file(file: Path) -> None:
    assert read_resource(file).metadata.name == file.stem


def test_the_least_that_one_can_say_is_the_reference_system() -> None:
    assert sample("minimal") == Spec()


def test_the_spare_has_all_the_slots_of_one_task_manager() -> None:
    spec = sample("four-task-managers")

    spare = spec.task_manager.replicas * spec.task_manager.slots - 3 * spec.job.parallelism
    assert spare == spec.task_manager.slots


def test_rocksdb_and_the_claim_of_others_are_what_their_samples_show() -> None:
    assert sample("rocksdb").checkpointing.state_backend == "rocksdb"
    assert sample("existing-claim").checkpointing.storage.existing_claim == "streams"


def test_the_suspended_job_runs_nothing() -> None:
    assert sample("suspended").job.state == "suspended"


def test_the_notifying_job_tells_its_alerts_and_recoveries() -> None:
    notifications = sample("notifications").notifications

    assert notifications.webhook == "on-call"
    assert {"RecoverDeployment", "Recovered"} < set(notifications.events)
    assert notifications.alerts
