import shutil
import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest

from anomalyjob.volume_usage import LOOK_SECONDS, VOLUME_USED_METRIC, VolumeUsage
from anomalyjob_operator import flink_job_report


class Usage(NamedTuple):
    """What the system says of a disk."""

    total: int
    used: int
    free: int


@dataclass
class Counter:
    """What Flink would show."""

    value: int = 0
    changes: int = 0

    def inc(self, n: int = 1) -> None:
        """Count."""
        self.value, self.changes = self.value + n, self.changes + 1


@dataclass
class Machine:
    """The disk and the clock; an error as usage is raised."""

    usage: Any = field(default_factory=lambda: Usage(1000, 0, 250))
    now: float = 5.0
    counter: Counter = field(default_factory=Counter)
    looks: int = 0

    def monotonic(self) -> float:
        """The clock."""
        return self.now

    def disk_usage(self, folder: str) -> Any:
        """The disk."""
        assert folder == "/volume"
        self.looks += 1
        if isinstance(self.usage, OSError):
            raise self.usage
        return self.usage


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(time, "monotonic", made.monotonic)
    monkeypatch.setattr(shutil, "disk_usage", made.disk_usage)
    return made


def test_the_counter_follows_the_disk_up_and_down(machine: Machine) -> None:
    usage = VolumeUsage("/volume", machine.counter)
    shown = []
    for free in (250, 0, 1000, 400):
        machine.usage = Usage(1000, 0, free)
        usage.look()
        shown.append(machine.counter.value)
        machine.now += LOOK_SECONDS

    assert shown == [750, 1000, 1, 600]


def test_it_looks_at_most_every_ten_seconds_however_often_it_is_called(machine: Machine) -> None:
    usage = VolumeUsage("/volume", machine.counter)
    for _ in range(1000):
        usage.look()
        machine.now += 0.02

    assert machine.looks == 2
    assert machine.counter.changes == 1


@pytest.mark.parametrize("usage", [OSError(5, "Input/output error"), Usage(0, 0, 0)])
def test_what_cannot_be_seen_leaves_the_counter_as_it_was(machine: Machine, usage: Any) -> None:
    seen = VolumeUsage("/volume", machine.counter)
    seen.look()
    machine.usage, machine.now = usage, machine.now + LOOK_SECONDS
    seen.look()

    assert machine.counter.value == 750


def test_the_operator_asks_for_the_metric_of_that_name() -> None:
    assert f"sink.{VOLUME_USED_METRIC}" == flink_job_report.VOLUME_USED_METRIC
