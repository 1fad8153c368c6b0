"""The world of passes in which a user changes the resource, and Flink does what it is asked for."""

from typing import Any

from tests.unit.fake_flink import recorded
from tests.unit.reconciled_world import World
from typing_extensions import override

from anomalyjob.timestamps import to_epoch_milliseconds
from anomalyjob.volume_layout import job_id
from anomalyjob_operator.decide import Plan


class ChangingWorld(World):
    """A world whose Flink takes the checkpoints and savepoints that it is asked for, unless told to refuse."""

    newest = 0
    refuses_savepoints = False

    @override
    async def reconcile(self, seconds: float = 1.0) -> Plan:
        """Flink does what it was asked for; then time passes, and one pass is made."""
        self.serve()
        return await super().reconcile(seconds)

    @override
    def new_job(self) -> None:
        """A job of the incarnation that was deployed."""
        super().new_job()
        assert self.fake.job is not None
        self.fake.job["jid"] = job_id("default", "demo", self.backend.incarnation)
        self.fake.checkpoints["latest"]["savepoint"] = None
        self.fake.fates.clear()
        self.fake.asked.clear()

    def serve(self) -> None:
        """Answer every request that nobody has answered yet."""
        for path, body in self.fake.asked:
            fate = self.fake.fates[body["triggerId"]]
            if fate["status"]["id"] == "COMPLETED":
                continue
            fate |= {"status": {"id": "COMPLETED"}, "operation": self._operation(path, body)}
            self.fake.fates[body["triggerId"]] = fate

    def _operation(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        kind = path.rsplit("/", maxsplit=1)[-1]
        if kind == "checkpoints":
            self.complete_next()
            return {"checkpointId": self.newest}
        if self.refuses_savepoints:
            return {"failure-cause": {"class": "X", "stack-trace": "X: no space"}}
        self.newest += 1
        location = f"{body.get('targetDirectory') or body['target-directory']}/savepoint-{self.newest}"
        if kind == "stop":
            self._finish(location)
        return {"location": location}

    def complete_next(self) -> None:
        """One more checkpoint."""
        self.newest += 1
        self.complete_checkpoint(self.newest)

    def _finish(self, location: str) -> None:
        assert self.fake.job is not None
        self.fake.job |= {"state": "FINISHED", "last-modification": to_epoch_milliseconds(self.now)}
        self.fake.job["tasks"] |= {"running": 0}
        newest = recorded("checkpoints")["latest"]["completed"]
        savepoint = {"is_savepoint": True, "id": self.newest, "external_path": location}
        self.fake.checkpoints["latest"]["savepoint"] = newest | savepoint

    async def run(self) -> None:
        """All tasks run and two checkpoints are complete: the spec is proven."""
        await self.passes(3)
        for _ in range(2):
            self.complete_next()
            await self.reconcile(10)

    @property
    def asked(self) -> list[str]:
        """What this JobManager was asked for."""
        return [path.rsplit("/", maxsplit=1)[-1] for path, _ in self.fake.asked]
