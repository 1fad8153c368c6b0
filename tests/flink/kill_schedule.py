"""When which processes of a job are killed: a seed gives a list, the same list for ever.

Pure. It knows nothing of Flink: whoever carries the list out waits for the moments and says what was found then.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Moment = Literal["settled", "while not all tasks are RUNNING"]

SETTLED_SECONDS = 2.0
"""A settled job is hit at any time between two checkpoints, which are 2 s apart."""

TASKMANAGER_RECOVERY_SECONDS = 2.0
JOBMANAGER_RECOVERY_SECONDS = 8.0
"""How far into a recovery the next kill may come: well before the fastest recoveries seen are over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """`victim` as `anomalyjob kill` takes it; it dies `after_seconds` after the moment has come."""

    number: int
    victim: str
    moment: Moment
    after_seconds: float

    def describe(self) -> str:
        """One line for people."""
        return f"kill {self.number}: {self.victim}, {self.moment}, {self.after_seconds:.2f} s later"


def kill_schedule(seed: int, kills: int, *, taskmanagers: int = 3) -> tuple[Kill, ...]:
    """Return that many kills (at least 4): a fifth of all processes at once, three tenths of the JobManager alone.

    A quarter of them, never the first, come while the one before has not been recovered from. Of each kind there is at
    least one.
    """
    if kills < 4:
        raise ValueError(f"{kills} kills are too few to have each kind among them; at least 4")
    source = random.Random(seed)
    victims = _victims(source, kills, taskmanagers)
    early = set(source.sample(range(1, kills), k=kills // 4))
    return tuple(_kill(source, victims, position, early=position in early) for position in range(kills))


def describe(seed: int, schedule: Sequence[Kill]) -> str:
    """All of it for people, the seed first."""
    return "\n".join([f"schedule of {len(schedule)} kills from seed {seed}", *(kill.describe() for kill in schedule)])


def _kill(source: random.Random, victims: Sequence[str], position: int, *, early: bool) -> Kill:
    within = _recovery_seconds(victims[position - 1]) if early else SETTLED_SECONDS
    return Kill(
        number=position + 1,
        victim=victims[position],
        moment="while not all tasks are RUNNING" if early else "settled",
        after_seconds=source.random() * within,
    )


def _victims(source: random.Random, kills: int, taskmanagers: int) -> list[str]:
    everything, jobmanagers = kills // 5 or 1, kills * 3 // 10
    victims = ["all"] * everything + ["jobmanager"] * jobmanagers
    victims += [f"taskmanager-{source.randint(1, taskmanagers)}" for _ in range(kills - len(victims))]
    source.shuffle(victims)
    return victims


def _recovery_seconds(victim: str) -> float:
    return TASKMANAGER_RECOVERY_SECONDS if victim.startswith("taskmanager") else JOBMANAGER_RECOVERY_SECONDS
