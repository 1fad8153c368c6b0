"""Stands in for the Python that has PyFlink: the launcher's place is taken by processes that cost nothing.

Called as the supervisor calls Python: `-c <probe>` succeeds, `-m anomalyjob.launch jobmanager|taskmanager` reads its
configuration as the launcher would. The JobManager leaves a start record and answers on Flink's REST port with all
tasks running and one more checkpoint each second; a TaskManager writes an alert each second. Files in the folder
$STAND_IN switch faults on: `refuse` lets the JobManager refuse, `stubborn` lets every process ignore SIGTERM.
"""

import itertools
import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from anomalyjob.events import Alert
from anomalyjob.timestamps import format_time, from_epoch_milliseconds
from anomalyjob.volume_layout import JobFolder

FAULTS = Path(os.environ.get("STAND_IN", "/nonexistent"))
CONFIGURATION = Path(os.environ.get("ANOMALYJOB_CONFIG_DIR", "/nonexistent"))
BEGIN = time.time()


def document(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((CONFIGURATION / name).read_text(encoding="utf-8"))
    return content


def milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def text_of(seconds: float) -> str:
    return format_time(from_epoch_milliseconds(milliseconds(seconds)))


class JobManager:
    """What it knows of its job: checkpoint ids go on from the newest on the volume."""

    def __init__(self) -> None:
        start, job = document("start.json"), document("job.json")
        self.port = int(document("config.yaml")["rest.port"])
        self.folder = JobFolder(volume=Path(start["volume"]), namespace=job["namespace"], name=job["name"])
        self.job_id = self.folder.job_id(start["incarnation"])
        found = [int(path.parent.name[4:]) for path in self.folder.checkpoints.glob("*/*/chk-*/_metadata")]
        self.restored = max(found, default=None)
        self.start = max((int(file.stem) for file in self.folder.starts.glob("*.json")), default=0) + 1
        self._record(start, job)

    def _record(self, start: dict[str, Any], job: dict[str, Any]) -> None:
        what = "begins empty" if self.restored is None else f"goes on from checkpoint {self.restored}"
        record = {
            "start": self.start,
            "incarnation": start["incarnation"],
            "startedAt": text_of(time.time()),
            "restartCounter": start["restartCounter"],
            "rule": start["rule"],
            "chosen": None if self.restored is None else {"checkpointId": self.restored, "path": "/stand-in"},
            "skipped": [],
            "floor": None,
            "specHash": start["specHash"],
            "source": job["source"],
            "detection": job["detection"],
            "possibleRepeats": {},
            "message": f"start {self.start} of {job['namespace']}/{job['name']}, {what}",
        }
        self.folder.starts.mkdir(parents=True, exist_ok=True)
        self.folder.start_record(self.start).write_text(json.dumps(record), encoding="utf-8")

    def checkpoint_folder(self, number: int) -> Path:
        """Where the checkpoint of that id lies."""
        return self.folder.start_folder(self.start) / self.job_id / f"chk-{number}"

    def newest(self) -> int:
        """The id of the newest checkpoint; its folder is made on the way, with a header and nothing behind it."""
        newest = (self.restored or 0) + int(time.time() - BEGIN)
        if newest > (self.restored or 0):
            self.checkpoint_folder(newest).mkdir(parents=True, exist_ok=True)
            header = bytes.fromhex("4960672d") + (6).to_bytes(4, "big") + newest.to_bytes(8, "big")
            (self.checkpoint_folder(newest) / "_metadata").write_bytes(header + bytes(8))
        return newest

    def answer(self, path: str) -> dict[str, Any]:
        """What Flink's REST endpoint says, as far as it is asked."""
        path = path.partition("?")[0]
        if path == "/overview":
            return {"taskmanagers": 3, "slots-total": 9, "slots-available": 0, "flink-version": "2.3.0"}
        if path == "/jobs/overview":
            tasks = {"running": 12, "total": 12}
            times = {"start-time": milliseconds(BEGIN), "last-modification": milliseconds(BEGIN)}
            return {"jobs": [{"jid": self.job_id, "name": "stand-in", "state": "RUNNING", "tasks": tasks, **times}]}
        if path.endswith("/exceptions"):
            return {"exceptionHistory": {"entries": []}}
        if path.endswith("/checkpoints"):
            return self._checkpoints()
        # The fate of a checkpoint that was asked for: it is the newest.
        return {"status": {"id": "COMPLETED"}, "operation": {"checkpointId": self.newest()}}

    def _checkpoints(self) -> dict[str, Any]:
        newest = self.newest()
        completed = newest - (self.restored or 0)
        entry = {
            "id": newest,
            "status": "COMPLETED",
            "is_savepoint": False,
            "trigger_timestamp": milliseconds(time.time()) - 61,
            "latest_ack_timestamp": milliseconds(time.time()),
            "state_size": 13_400,
            "end_to_end_duration": 61,
            "external_path": f"file:{self.checkpoint_folder(newest)}",
        }
        restored = {"id": self.restored, "restore_timestamp": milliseconds(BEGIN)} if self.restored else None
        return {
            "counts": {
                "completed": completed,
                "failed": 0,
                "in_progress": 0,
                "restored": int(restored is not None),
                "total": completed,
            },
            "latest": {
                "completed": entry if completed else None,
                "failed": None,
                "restored": restored,
                "savepoint": None,
            },
            "history": [entry] if completed else [],
        }


def job_manager() -> None:
    if (FAULTS / "refuse").exists():
        refusal = {"reason": "VolumeReadOnly", "message": "the volume is read-only, says the stand-in"}
        Path(document("start.json")["terminationLog"]).write_text(json.dumps(refusal) + "\n", encoding="utf-8")
        sys.exit(1)
    state = JobManager()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer."""
            body = json.dumps(state.answer(self.path)).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: object = "-", size: object = "-") -> None:  # type: ignore[explicit-override]
            """Stay quiet."""

    HTTPServer(("127.0.0.1", state.port), Handler).serve_forever()


def task_manager() -> None:
    document("taskmanager.json")
    for index in itertools.count(17):
        now = from_epoch_milliseconds(milliseconds(time.time()))
        alert = Alert(user_id="user2", index=index, event_time=now, emitted_time=now, count=3)
        sys.stdout.write(f"{alert.encode()}\n{alert.message}\n")
        sys.stdout.flush()
        time.sleep(1)  # noqa: TID251 - its users follow the second hand too


def main(arguments: list[str]) -> None:
    if arguments[0] == "-c":
        return
    if (FAULTS / "stubborn").exists():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (job_manager if arguments[-1] == "jobmanager" else task_manager)()


if __name__ == "__main__":
    main(sys.argv[1:])
