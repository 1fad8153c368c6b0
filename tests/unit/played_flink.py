"""Flink inside the fake cluster: a job for each JobManager that starts, tasks as TaskManagers come and go, checkpoints.

What is on the volume outlives JobManagers: the newest checkpoint, and a start goes on from it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from aiohttp import web
from tests.unit.fake_flink import FakeFlink, recorded
from tests.unit.gate import Gate, Write, cut
from typing_extensions import override

from anomalyjob.start_summary import START_PARAMETER, StartSummary
from anomalyjob.timestamps import to_epoch_milliseconds
from anomalyjob.volume_layout import job_id
from anomalyjob_operator.cluster.kinds import Manifest

TASKS: Final = 12


class GatedFlink(FakeFlink):
    """A JobManager's REST endpoint whose requests count as writes of the operator."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.gate = gate
        self.job = None

    @override
    async def _answer_none(self, request: web.Request) -> web.StreamResponse:
        if self.gate.closed:
            return cut(request)
        return await super()._answer_none(request)

    @override
    async def _accept(self, request: web.Request) -> web.Response:
        accept = super()._accept

        async def act() -> web.Response:
            return await accept(request)

        return await self.gate.write(request, Write("ask", "Flink", request.path.rsplit("/", maxsplit=1)[-1]), act)


@dataclass(frozen=True, slots=True)
class Start:
    """One start of a JobManager: what its configuration said, and from which checkpoint it went on."""

    incarnation: int
    restart_counter: int
    rule: str
    spec_hash: str
    checkpoint: int | None


@dataclass
class PlayedFlink:
    """One job. `starts` lists every start of a JobManager, `newest` maps an incarnation to its newest checkpoint.

    With `fails_at_once` every job ends as soon as it begins; its tasks fit on `needs` TaskManagers.
    """

    fake: GatedFlink
    clock: Callable[[], datetime]
    starts: list[Start] = field(default_factory=list)
    newest: dict[int, int] = field(default_factory=dict)
    fails_at_once: bool = False
    needs: int = 3
    _pod: str | None = None
    _taskmanagers: frozenset[str] = frozenset()

    @property
    def job(self) -> dict[str, Any]:
        """The entry of the running job."""
        assert self.fake.job is not None
        return self.fake.job

    def step(self, jobmanagers: list[Manifest], taskmanagers: list[Manifest], files: Mapping[str, str] | None) -> None:
        """Let a JobManager begin or end, tasks run or fail, and carry out what was asked for."""
        pod = jobmanagers[-1]["metadata"]["uid"] if jobmanagers else None
        if pod != self._pod:
            self._pod, self.fake.job, self.fake.fates = pod, None, {}
            if jobmanagers and files is not None:
                self._start(
                    jobmanagers[-1]["metadata"]["namespace"],
                    json.loads(files["start.json"]),
                    json.loads(files["job.json"]),
                )
        self._tasks(frozenset(pod["metadata"]["uid"] for pod in taskmanagers))
        if self.fake.job is not None and self.job["state"] == "RUNNING":
            for path, body in self.fake.asked:
                self._carry_out(path.rsplit("/", maxsplit=1)[-1], body)

    def complete_checkpoint(self, path: str | None = None) -> int:
        """Let a checkpoint, or the savepoint that goes to the path, complete now; return its number."""
        incarnation = self.starts[-1].incarnation
        number = self.newest[incarnation] = self.newest.get(incarnation, 0) + 1
        now = to_epoch_milliseconds(self.clock())
        entry = {
            "id": number,
            "status": "COMPLETED",
            "is_savepoint": path is not None,
            "trigger_timestamp": now - 60,
            "latest_ack_timestamp": now,
            "state_size": 14_000,
            "end_to_end_duration": 60,
            "external_path": path or f"file:/volume/default.demo/checkpoints/1/chk-{number}",
        }
        self.fake.checkpoints["counts"]["completed"] += 1
        self.fake.checkpoints["counts"]["total"] += 1
        self.fake.checkpoints["latest"]["savepoint" if path else "completed"] = entry
        return number

    def end_job(self, state: Literal["FAILED", "FINISHED"] = "FAILED") -> None:
        """Let the job end."""
        self._change(state, 0)

    def _start(self, namespace: str, start: dict[str, Any], job: dict[str, Any]) -> None:
        incarnation, now = start["incarnation"], to_epoch_milliseconds(self.clock())
        chosen = self.newest.get(incarnation)
        self.starts.append(
            Start(incarnation, start["restartCounter"], start["rule"]["from"], start["specHash"], chosen)
        )
        identifier = job_id(namespace, job["name"], incarnation)
        entry = recorded("jobs_overview")["jobs"][0]
        self.fake.job = entry | {"jid": identifier, "start-time": now, "state": "CREATED", "last-modification": now}
        self.job["tasks"] |= {"running": 0}
        self.fake.checkpoints = recorded("checkpoints")
        self.fake.checkpoints["counts"] |= {"completed": 0, "total": 0}
        self.fake.checkpoints["latest"]["completed"] = None
        self.fake.checkpoints["history"] = []
        self.fake.exceptions["exceptionHistory"]["entries"] = []
        self._tell_start(start, chosen)
        self._taskmanagers = frozenset()
        if self.fails_at_once:
            self._change("FAILED", 0)

    def _tell_start(self, start: dict[str, Any], chosen: int | None) -> None:
        summary = StartSummary(
            start=len(self.starts),
            incarnation=start["incarnation"],
            started_at=self.clock(),
            restart_counter=start["restartCounter"],
            chosen_checkpoint_id=chosen,
            chosen_path=None if chosen is None else f"/volume/chk-{chosen}",
            skipped=0,
            message=f"goes on from {chosen}",
        )
        self.fake.config["execution-config"]["user-config"][START_PARAMETER] = summary.text()
        if chosen is not None:
            now = to_epoch_milliseconds(self.clock())
            self.fake.checkpoints["latest"]["restored"] = {"id": chosen, "restore_timestamp": now}
            self.fake.checkpoints["counts"]["restored"] = 1

    def _tasks(self, taskmanagers: frozenset[str]) -> None:
        """All tasks run with enough TaskManagers; they begin anew when one of those that they run on is gone."""
        self.fake.overview |= {"taskmanagers": len(taskmanagers), "slots-total": 3 * len(taskmanagers)}
        if self.fake.job is None or self.job["state"] not in {"CREATED", "RESTARTING", "RUNNING"}:
            return
        if self.job["state"] == "RUNNING" and not self._taskmanagers <= taskmanagers:
            self._change("RESTARTING", 0)
        elif self.job["state"] != "RUNNING" and len(taskmanagers) >= self.needs:
            self._taskmanagers = taskmanagers
            self._change("RUNNING", TASKS)

    def _carry_out(self, what: str, body: dict[str, Any]) -> None:
        trigger_id = body["triggerId"]
        if self.fake.fates.get(trigger_id, {}).get("status", {}).get("id") != "IN_PROGRESS":
            return
        folder = body.get("targetDirectory") or body.get("target-directory")
        path = None if folder is None else f"{folder}/savepoint-{trigger_id[:6]}"
        number = self.complete_checkpoint(path)
        operation = {"checkpointId": number} if path is None else {"location": path}
        self.fake.fates[trigger_id] = {"status": {"id": "COMPLETED"}, "operation": operation}
        if what == "stop":
            self.end_job("FINISHED")

    def _change(self, state: str, running: int) -> None:
        self.job["state"] = state
        self.job["tasks"] |= {"running": running}
        self.job["last-modification"] = max(to_epoch_milliseconds(self.clock()), self.job["start-time"] + 1)
