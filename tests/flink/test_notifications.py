"""A target on loopback is told what happens to a real job: a lost TaskManager, a failed checkpoint, each alert."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.flink.local_job import LocalJob
from tests.flink.small_job import TASKS, small_resource
from typing_extensions import override

from anomalyjob.timestamps import parse_time

pytestmark = [pytest.mark.flink, pytest.mark.timeout(600)]

TOKEN = "s3cr3t-of-the-target"
RECOVERY_BOUND_SECONDS = 120
TOLD_BOUND_SECONDS = 30


class Receiving(BaseHTTPRequestHandler):
    """Keeps every message that comes with the right token."""

    server: "Receiver"

    def do_POST(self) -> None:
        """Take one message."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        allowed = self.headers["Authorization"] == f"Bearer {TOKEN}"
        if allowed:
            self.server.received.append(body | {"receivedAt": time.time()})
        self.send_response(204 if allowed else 401)
        self.end_headers()

    @override
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Receiver(ThreadingHTTPServer):
    """An HTTP server on loopback in a thread of its own."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiving)
        self.received: list[dict[str, Any]] = []

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Receive until the end."""
        thread = threading.Thread(target=self.serve_forever)
        thread.start()
        try:
            yield
        finally:
            self.shutdown()
            thread.join()
            self.server_close()

    def reasons(self) -> list[str]:
        """The reasons of the events so far."""
        return [body["reason"] for body in self.received if body["kind"] == "event"]


def notifying(**notifications: Any) -> dict[str, Any]:
    """A small job that tells the target, and bears failed checkpoints."""
    checkpointing = {"interval": "1s", "tolerableFailures": 100}
    return small_resource(notifications={"webhook": "on-call", **notifications}, checkpointing=checkpointing)


@contextmanager
def in_the_way(folder: Path) -> Iterator[None]:
    """Let nothing be written into the folder: a file stands in its place for a while. Root may write anywhere else."""
    aside = folder.with_name(f"{folder.name}-aside")
    folder.rename(aside)
    folder.touch()
    try:
        yield
    finally:
        folder.unlink()
        aside.rename(folder)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    with receiver.serving():
        yield receiver


@pytest.fixture
def job(tmp_path: Path, receiver: Receiver) -> Iterator[LocalJob]:
    targets = tmp_path / "targets.json"
    url = f"http://127.0.0.1:{receiver.server_address[1]}/hook"
    entry = {"name": "on-call", "url": url, "headersFile": "on-call.headers"}
    targets.write_text(json.dumps({"targets": [entry]}), encoding="utf-8")
    (tmp_path / "on-call.headers").write_text(f"Authorization: Bearer {TOKEN}\n", encoding="utf-8")
    environment = {"ANOMALYJOB_NOTIFICATION_TARGETS": str(targets)}
    with LocalJob(tmp_path, notifying(), environment) as running:
        yield running


def test_a_target_is_told_of_a_recovery_of_failed_checkpoints_and_of_alerts(job: LocalJob, receiver: Receiver) -> None:
    job.up()
    job.wait_running(tasks=TASKS)
    job.wait_checkpoint_after(1)
    assert receiver.received == [], "nothing has happened yet that anybody has to look at"

    killed_at = time.time()
    assert job.run("kill", "taskmanager-1").returncode == 0
    job.wait("the end of the recovery at the target", lambda: "Recovered" in receiver.reasons(), RECOVERY_BOUND_SECONDS)
    recovery = [body for body in receiver.received if body["reason"] in {"RecoverDeployment", "Recovered"}]
    assert [body["reason"] for body in recovery] == ["RecoverDeployment", "Recovered"]
    print(f"the target knew {recovery[0]['receivedAt'] - killed_at:.2f} s after the kill that a recovery began")
    assert recovery[0]["message"] == "demo-taskmanager-1 died; recovering"
    assert (recovery[0]["namespace"], recovery[0]["name"]) == ("default", "demo")

    processes, restarts = job.pids(), job.status()["restarts"]
    job.file.write_text(yaml.safe_dump(notifying(alerts=True)), encoding="utf-8")
    alerts = job.wait("an alert at the target", lambda: alerts_of(receiver), TOLD_BOUND_SECONDS)
    assert alerts[0]["message"] == f"[ALERT] userId={alerts[0]['userId']} abnormal {alerts[0]['count']} times"
    assert (alerts[0]["type"], alerts[0]["reason"]) == ("Warning", "AnomalyAlert")
    delays = [body["receivedAt"] - parse_time(body["emittedTime"]).timestamp() for body in alerts]
    print(f"alerts came {max(delays):.2f} s after they left the job, at most")

    newest = job.wait_checkpoint_after(max(job.checkpoints_on_volume()))
    already = receiver.reasons().count("CheckpointError")
    with in_the_way(job.checkpoints_on_volume()[newest].parent):
        job.wait(
            "a failed checkpoint at the target",
            lambda: receiver.reasons().count("CheckpointError") > already,
            TOLD_BOUND_SECONDS,
        )
    job.wait_checkpoint_after(newest)
    assert job.pids() == processes, "who is told of what happens restarts nothing"
    assert job.status()["restarts"] == restarts

    assert job.interrupt() == 0
    assert TOKEN not in job.printed


def alerts_of(receiver: Receiver) -> list[dict[str, Any]]:
    return [body for body in receiver.received if body["kind"] == "alert" and "userId" in body]
