"""Documents of one job as the server hands them out, for every situation that a page must show; made, not recorded.

Times hang on one moment, `now`. Numbers are of the size that the reference job has.
"""

import random
from datetime import datetime, timedelta
from typing import Any, Final

from anomalyjob.timestamps import format_time

Document = dict[str, Any]

USERS: Final = ("user1", "user2", "user3")
VERTICES: Final = ("clock", "source", "process", "sink")
GROUPS: Final = (("source", ("clock", "source")), ("process", ("process",)), ("sink", ("sink",)))
STRATEGIES: Final = ("FORWARD", "HASH", "FORWARD")
CONDITIONS: Final = (
    ("Ready", "True", "Running", "12 of 12 tasks RUNNING; checkpoint 18 is the newest"),
    ("Reconciling", "False", "Settled", "Nothing is being changed"),
    ("Stalled", "False", "Progressing", "Nothing stands in the way"),
    ("CheckpointingHealthy", "True", "CheckpointsComplete", "checkpoint 18 is the newest"),
    ("StateSafe", "True", "NewestIsKept", "No start goes on from before 18"),
)


class Played:
    """The documents of the job default/demo at `now`: three users, three TaskManagers with a slot for each group."""

    def __init__(self, now: datetime, name: str = "demo", users: tuple[str, ...] = USERS) -> None:
        self.now = now
        self.name = name
        self.users = users
        self.checkpoint = 18
        self._random = random.Random(7)

    def ago(self, seconds: float) -> str:
        """A time before now, as documents have it."""
        return format_time(self.now - timedelta(seconds=seconds))

    def overview(self) -> Document:
        """Everything runs."""
        return {
            "serverTime": self.ago(0),
            "namespace": "default",
            "name": self.name,
            "status": self._status(),
            "flink": {"answering": True, "observedAt": self.ago(0.4), "version": "2.3.0"},
            "job": {
                "id": "3f2a90c71be84d5fa0d7be91c2e4f605",
                "state": "RUNNING",
                "stateSince": self.ago(372),
                "startedAt": self.ago(380),
                "tasksRunning": 12,
                "tasksTotal": 12,
            },
            "taskManagers": {"ready": 3, "desired": 3, "slotsTotal": 9, "slotsFree": 0},
            "workloads": [self._job_manager(), *(self._task_manager(index) for index in range(3))],
            "lastCheckpoint": {
                "id": self.checkpoint,
                "kind": "checkpoint",
                "triggeredAt": self.ago(4.2),
                "completedAt": self.ago(4),
                "sizeBytes": 18_764,
                "durationMilliseconds": 76,
                "path": f"/volume/default.{self.name}/checkpoints/0/3f2a90c7/chk-{self.checkpoint}",
            },
            "restored": None,
            "pipeline": {
                "observedAt": self.ago(0.4),
                "vertices": [self._vertex(place) for place in range(len(VERTICES))],
            },
        }

    def task_manager_lost(self) -> Document:
        """The second TaskManager is gone, and the job is not running."""
        document = self.overview()
        document["status"] |= {
            "phase": "Recovering",
            "phaseSince": self.ago(1),
            "ready": False,
            "message": "TaskManagerLost: taskmanager-2; 0 of 12 tasks RUNNING",
            "recovery": self._recovery(running=None, safe=None),
        }
        document["job"] |= {"state": "RESTARTING", "stateSince": self.ago(1), "tasksRunning": 0}
        document["taskManagers"] |= {"ready": 2, "slotsTotal": 6, "slotsFree": 6}
        lost = document["workloads"][2]
        lost |= dict.fromkeys(
            ("cpuLoad", "heapUsedBytes", "heapMaxBytes", "nonHeapUsedBytes", "memoryTotalBytes", "managedUsedBytes")
        )
        lost |= {
            "state": "down",
            "reason": "killed by signal 9",
            "since": self.ago(1),
            "diedAt": self.ago(1),
            "slots": [],
            "registered": False,
        }
        for vertex in document["pipeline"]["vertices"]:
            vertex["state"] = "CANCELED"
            for subtask in vertex["subtasks"]:
                subtask["state"] = "FAILED" if subtask["index"] == 1 else "CANCELED"
        return document

    def restored(self) -> Document:
        """The job was restored from its newest checkpoint, and runs again."""
        document = self.overview()
        document["status"] |= {"recoveries": 3, "recovery": self._recovery(running=4.218, safe=None)}
        document["restored"] = {
            "checkpointId": self.checkpoint,
            "restoredAt": self.ago(1),
            "path": document["lastCheckpoint"]["path"],
            "savepoint": False,
        }
        return document

    def checkpoints(self, *, restored: bool = False) -> Document:
        """A history with a failure; with `restored`, also a restore as the newest entry."""
        entries = [self._entry(number) for number in range(self.checkpoint, max(0, self.checkpoint - 60), -1)]
        entries.insert(9, self._restore(10, 92.0))
        if restored:
            entries.insert(0, self._restore(self.checkpoint, 1.0))
        return {
            "serverTime": self.ago(0),
            "observedAt": self.ago(0.4),
            "counts": {
                "triggered": self.checkpoint,
                "inProgress": 0,
                "completed": self.checkpoint - 1,
                "failed": 1,
                "restored": 1 + restored,
            },
            "kept": {"completed": self.checkpoint - 1, "failed": 1, "restored": 1 + restored},
            "summary": {
                "sizeBytes": {"minimum": 5_870, "average": 6_204, "maximum": 6_911},
                "durationMilliseconds": {"minimum": 41, "average": 63, "maximum": 118},
            },
            "settings": {
                "intervalMilliseconds": 10_000,
                "timeoutMilliseconds": 60_000,
                "mode": "EXACTLY_ONCE",
                "unaligned": True,
                "stateBackend": "hashmap",
            },
            "entries": entries,
        }

    def log(self, first: int = 1, count: int = 60) -> Document:
        """`count` entries in their order, the numbers from `first` on; an alert now and then."""
        entries = [self._log_entry(number, first + count - 1) for number in range(first, first + count)]
        return {"serverTime": self.ago(0), "dropped": 0, "entries": entries}

    def row(self) -> Document:
        """The job's row in the list."""
        overview = self.overview()
        return {
            **{key: overview[key] for key in ("namespace", "name")},
            **{key: overview["status"][key] for key in ("phase", "phaseSince", "ready", "message", "observedAt")},
            "jobState": "RUNNING",
            "tasksRunning": 12,
            "tasksTotal": 12,
            "taskManagersReady": 3,
            "taskManagersDesired": 3,
            "lastCheckpointAt": self.ago(4),
            "recoveries": 2,
        }

    def _status(self) -> Document:
        kinds = ("type", "status", "reason", "message")
        return {
            "observedAt": self.ago(0.2),
            "phase": "Running",
            "phaseSince": self.ago(372),
            "ready": True,
            "message": "12 of 12 tasks RUNNING",
            "recoveries": 2,
            "restarts": 0,
            "incarnation": 1,
            "conditions": [
                {**dict(zip(kinds, condition, strict=True)), "lastTransitionTime": self.ago(372)}
                for condition in CONDITIONS
            ],
            "recovery": None,
            "operation": None,
            "volumeFreeRatio": 0.93,
        }

    def _recovery(self, *, running: float | None, safe: float | None) -> Document:
        return {
            "cause": "TaskManagerLost",
            "fromCheckpoint": self.checkpoint,
            "detectedAt": self.ago(1.2 + (running or 0)),
            "runningAt": None if running is None else self.ago(1),
            "safeAt": None if safe is None else self.ago(0.5),
            "secondsToRunning": running,
            "secondsToSafe": safe,
        }

    def _job_manager(self) -> Document:
        return self._workload("jobmanager", "jobmanager") | {
            "heapUsedBytes": 184_549_376,
            "heapMaxBytes": 469_762_048,
            "slots": [],
            "slotsTotal": None,
            "managedUsedBytes": None,
            "managedTotalBytes": None,
        }

    def _task_manager(self, index: int) -> Document:
        user = self.users[index : index + 1]
        slots = [
            {
                "group": group,
                "tasks": [
                    {
                        "vertex": vertex,
                        "vertexId": f"{VERTICES.index(vertex)}c0ffee",
                        "subtask": index,
                        "state": "RUNNING",
                    }
                    for vertex in vertices
                ],
                "users": list(user),
            }
            for group, vertices in GROUPS
        ]
        return self._workload(f"taskmanager-{index + 1}", "taskmanager") | {"slots": slots, "slotsTotal": 3}

    def _workload(self, short_name: str, role: str) -> Document:
        return {
            "name": f"{self.name}-{short_name}",
            "shortName": short_name,
            "role": role,
            "state": "running",
            "reason": None,
            "since": self.ago(372),
            "diedAt": None,
            "restarts": 0,
            "registered": True,
            "metricsAt": self.ago(0.8),
            "cpuLoad": round(self._random.uniform(0.01, 0.12), 4),
            "heapUsedBytes": self._random.randrange(48_000_000, 120_000_000),
            "heapMaxBytes": 268_435_456,
            "nonHeapUsedBytes": self._random.randrange(70_000_000, 96_000_000),
            "memoryTotalBytes": 536_870_912,
            "managedUsedBytes": 0,
            "managedTotalBytes": 134_217_728,
        }

    def _vertex(self, place: int) -> Document:
        inputs = [] if place == 0 else [{"id": f"{place - 1}c0ffee", "strategy": STRATEGIES[place - 1]}]
        return {
            "id": f"{place}c0ffee",
            "name": VERTICES[place],
            "parallelism": 3,
            "state": "RUNNING",
            "inputs": inputs,
            "subtasks": [self._subtask(place, index) for index in range(3)],
        }

    def _subtask(self, place: int, index: int) -> Document:
        rate = round(self._random.uniform(0.15, 0.25), 3)
        busy = round(self._random.uniform(0.002, 0.09), 4)
        user = list(self.users[index : index + 1])
        return {
            "index": index,
            "state": "RUNNING",
            "since": self.ago(372),
            "attempt": 0,
            "taskManager": f"{self.name}-taskmanager-{index + 1}",
            "recordsIn": None if place == 0 else 74,
            "recordsOut": None if place == len(VERTICES) - 1 else 74,
            "bytesIn": None if place == 0 else 9_812,
            "bytesOut": None if place == len(VERTICES) - 1 else 9_812,
            "recordsInPerSecond": None if place == 0 else rate,
            "recordsOutPerSecond": None if place == len(VERTICES) - 1 else rate,
            "bytesInPerSecond": None if place == 0 else rate * 133,
            "bytesOutPerSecond": None if place == len(VERTICES) - 1 else rate * 133,
            "busyRatio": busy,
            "backpressuredRatio": 0.0,
            "idleRatio": round(1 - busy, 4),
            "checkpointId": self.checkpoint,
            "checkpointSizeBytes": (234, 2_353, 2_274, 1_215)[place] + index * 12,
            "checkpointDurationMilliseconds": self._random.randrange(8, 60),
            "users": user if place > 0 else [],
        }

    def _entry(self, number: int) -> Document:
        numbers = random.Random(number)
        triggered = 4.2 + (self.checkpoint - number) * 10
        failed = number == self.checkpoint - 5
        return {
            "entry": "savepoint" if number == self.checkpoint - 14 else "checkpoint",
            "id": number,
            "status": "FAILED" if failed else "COMPLETED",
            "triggeredAt": self.ago(triggered),
            "endedAt": self.ago(triggered - 0.1),
            "durationMilliseconds": 60_003 if failed else numbers.randrange(41, 118),
            "sizeBytes": 0 if failed else numbers.randrange(5_870, 6_911),
            "fullSizeBytes": 0 if failed else numbers.randrange(18_200, 18_911),
            "failure": "Checkpoint expired before completing." if failed else None,
            "jobManagerStart": self.ago(380),
        }

    def _restore(self, number: int, seconds: float) -> Document:
        return {
            "entry": "restore",
            "id": number,
            "status": "RESTORED",
            "triggeredAt": self.ago(seconds),
            "endedAt": None,
            "durationMilliseconds": None,
            "sizeBytes": None,
            "fullSizeBytes": None,
            "failure": None,
            "jobManagerStart": self.ago(380),
        }

    def _log_entry(self, number: int, last: int) -> Document:
        place = number % 7
        kind = "alert" if place == 6 else ("source", "process")[number % 2]
        index = number // 2
        user = self.users[(number // 7 if kind == "alert" else index) % len(self.users)]
        count = 3 + number % 4 if kind == "alert" else number % 3
        text = f"[ALERT] userId={user} abnormal {count} times" if kind == "alert" else f"{kind} {user} {index}"
        return {
            "seq": number,
            "kind": kind,
            "at": self.ago((last - number) * 0.8),
            "userId": user,
            "index": index,
            "abnormal": kind == "alert" or count > 0,
            "count": None if kind == "source" else count,
            "subtask": 1 if kind == "process" else None,
            "workload": f"taskmanager-{1 + index % 3}",
            "text": text,
        }
