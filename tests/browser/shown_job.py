"""A real local job with its dashboard, watched from outside: what it prints, asks Flink for, takes of memory."""

import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.browser.counted_up import REQUESTS_VARIABLE
from tests.flink.local_job import LocalJob, fast_resource
from tests.flink.processes import Process, descendants, look_at

TASKS = 12
HOSTILE_USERS = ("<script>document.title='owned'</script>", "<img src=x onerror=document.title='owned'>")
"""What a user may be called; a page that takes it for markup is the user's."""
ASKED_ONCE_A_LOOK = "/taskmanagers"
"""A pass over the job does not ask for it."""
_ADDRESS = re.compile(r"^.*Dashboard: (http://127\.0\.0\.1:\d+)/", re.MULTILINE)


class ShownJob(LocalJob):
    """`anomalyjob up` of the reference system's size: events, alerts and checkpoints come fast enough for a test."""

    program = (sys.executable, str(Path(__file__).with_name("counted_up.py")))

    def __init__(self, folder: Path, document: dict[str, Any]) -> None:
        """Count what `up` asks."""
        self._requests = folder / "requests"
        super().__init__(folder, document, {REQUESTS_VARIABLE: str(self._requests)})

    @property
    def dashboard(self) -> str:
        """The address that `up` printed, without a slash at its end."""
        found = _ADDRESS.search(self.printed)
        assert found, f"`up` did not say where its dashboard is:\n{self.printed}"
        return found[1]

    @property
    def page_address(self) -> str:
        """That of the job's page."""
        return f"{self.dashboard}/jobs/default/{self.name}"

    @property
    def stream_address(self) -> str:
        """That of what the page is told."""
        return f"{self.dashboard}/api/stream/jobs/default/{self.name}"

    def requests(self, since: float, until: float) -> list[str]:
        """The paths that `up` asked for between two times (seconds since 1970)."""
        lines = (line.split() for line in self._requests.read_text(encoding="ascii").splitlines())
        return [path for at, path in lines if since <= float(at) < until]

    def memory_bytes(self) -> int:
        """The memory of `up` that is its own, resident now."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        kibibytes = next(line.split()[1] for line in status.splitlines() if line.startswith("RssAnon:"))
        return int(kibibytes) * 1024

    def processes(self, role: str) -> list[Process]:
        """The living processes of the role, as the process table of the job names them, and what they started."""
        pids = [pid for name, pid in self.pids().items() if name.startswith(role)]
        found = [look_at(pid) for pid in pids]
        return [process for process in found if process] + [below for pid in pids for below in descendants(pid)]

    @contextmanager
    def silent(self, role: str) -> Iterator[None]:
        """All processes of the role stand still for the block, and go on after it."""
        stopped = self.processes(role)
        assert stopped, f"no {role} is there"
        for process in stopped:
            process.send(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in stopped:
                process.send(signal.SIGCONT)


def shown_resource(**spec: Any) -> dict[str, Any]:
    """Its resource document; `spec` goes on top."""
    simulated = {"users": ["user1", *HOSTILE_USERS], "interval": "500ms", "abnormalRatio": 0.7, "seed": 7}
    return fast_resource(**{"source": {"simulated": simulated}, "checkpointing": {"interval": "3s"}, **spec})


@contextmanager
def shown_job(folder: Path, **spec: Any) -> Iterator[ShownJob]:
    """The job, running, with some checkpoints."""
    with ShownJob(folder, shown_resource(**spec)) as job:
        job.up()
        job.wait_running()
        job.wait_checkpoint_after(2)
        yield job


def request_rates(job: ShownJob, seconds: float) -> tuple[float, float]:
    """Looks at Flink for those who watch, and requests of all kinds, a second, over so long a time from now on."""
    began = time.time()
    job.wait("the time to pass", lambda: time.time() >= began + seconds, seconds * 3)
    sent = job.requests(began, began + seconds)
    return sent.count(ASKED_ONCE_A_LOOK) / seconds, len(sent) / seconds
