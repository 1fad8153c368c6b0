"""The cluster as a tester sees it: `kubectl` for what users type, the API through `kubectl proxy` for quick looks.

It knows nothing of the project: not how to call what, nor what to expect of it. Each call has a bound.
"""

import http.client
import json
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Self

from tests.e2e import command
from tests.e2e.waiting import NotSeenError, wait
from typing_extensions import override

KUBECTL = "kubectl"
CALL_SECONDS = 5.0
COMMAND_SECONDS = 60.0
MERGE = "application/merge-patch+json"


class NoAnswerError(NotSeenError):
    """Nothing that can be used came back in time: it says nothing about what was asked for."""


class RefusedByServerError(Exception):
    """The API server said no."""

    def __init__(self, what: str, status: int, text: str) -> None:
        """Keep the status, and the server's words."""
        super().__init__(f"{what}: HTTP status {status}: {text[:2000]}")
        self.status = status
        self.text = text


class Cluster:
    """One cluster, for as long as the block lasts."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="e2e-")
        self._socket = Path(self._folder.name) / "api.sock"
        self._proxy: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Let kubectl authenticate for all calls; its socket lies in a folder that nobody else can enter."""
        arguments = ["proxy", f"--unix-socket={self._socket}"]
        self._proxy = subprocess.Popen([KUBECTL, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait("kubectl proxy to listen", self._socket.exists, 30)
        return self

    def __exit__(self, *_: object) -> None:
        if self._proxy is not None:
            self._proxy.terminate()
            self._proxy.wait(10)
        self._folder.cleanup()

    # --- commands

    def run(self, *arguments: str, seconds: float = COMMAND_SECONDS) -> subprocess.CompletedProcess[str]:
        """Run one command of kubectl's to its end, whatever that is."""
        return command.run(KUBECTL, *arguments, seconds=seconds)

    def kubectl(self, *arguments: str, text: str | None = None, seconds: float = COMMAND_SECONDS) -> str:
        """Run one command of kubectl's that has to succeed, and return what it prints."""
        return command.must(KUBECTL, *arguments, text=text, seconds=seconds)

    def output(self, *arguments: str, seconds: float = COMMAND_SECONDS) -> bytes:
        """Run one command of kubectl's that has to succeed, and return its output as it is."""
        return command.binary(KUBECTL, *arguments, seconds=seconds)

    def apply(self, *manifests: dict[str, Any]) -> None:
        """`kubectl apply -f` of these."""
        document = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self.kubectl("apply", "-f", "-", text=json.dumps(document))

    # --- quick looks

    def get(self, path: str) -> Any:
        """Return the answer, None when there is no such thing."""
        try:
            return json.loads(self.text(path))
        except RefusedByServerError as error:
            if error.status == 404:
                return None
            raise
        except ValueError as error:
            raise NoAnswerError(f"GET {path}: {error}") from None

    def items(self, path: str, *, labels: str = "") -> list[dict[str, Any]]:
        """Return the objects of a list, those with the labels (key=value, with commas between)."""
        # Every character of a label selector that is used here may stand in a query as it is.
        found = self.get(f"{path}?labelSelector={labels}" if labels else path)
        return list(found["items"]) if found else []

    def text(self, path: str) -> str:
        """Return the answer as it is."""
        return self.call("GET", path)

    def delete(self, path: str) -> None:
        """Ask for the deletion; it is not waited for. What is not there is as good as deleted."""
        try:
            self.call("DELETE", path)
        except RefusedByServerError as error:
            if error.status != 404:
                raise

    def patch(self, path: str, change: dict[str, Any]) -> None:
        """Merge the change into the object."""
        self.call("PATCH", path, change, MERGE)

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None, content_type: str = "application/json"
    ) -> str:
        """Make one call; raise RefusedByServerError or NoAnswerError."""
        connection = _UnixConnection(self._socket)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, body=data, headers={"Content-Type": content_type})
            response = connection.getresponse()
            text = response.read().decode("utf-8", errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswerError(f"{method} {path}: {error!r}") from error
        finally:
            connection.close()
        if not 200 <= response.status < 300:
            raise RefusedByServerError(f"{method} {path}", response.status, text)
        return text


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=CALL_SECONDS)
        self._path = str(path)

    @override
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(CALL_SECONDS)
        self.sock.connect(self._path)
