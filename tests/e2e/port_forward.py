"""`kubectl port-forward`, as people reach what is open to nobody on the network."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.e2e.cluster_access import KUBECTL
from tests.e2e.waiting import wait

READY_SECONDS = 30.0
_LISTENS = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) ->")


@contextmanager
def port_forward(namespace: str, target: str, port: int | str) -> Iterator[str]:
    """The address on this machine that leads to a port of the target, such as `service/…`, for as long as the block."""
    with TemporaryDirectory(prefix="e2e-") as folder:
        output = Path(folder) / "output"
        arguments = ["port-forward", "--namespace", namespace, "--address", "127.0.0.1", target, f":{port}"]
        with output.open("wb") as stream:
            forward = subprocess.Popen([KUBECTL, *arguments], stdout=stream, stderr=subprocess.STDOUT)
        try:
            found = wait(
                "the port-forward", lambda: _LISTENS.search(output.read_text()), READY_SECONDS, seen=output.read_text
            )
            yield f"http://127.0.0.1:{found[1]}"
        finally:
            forward.terminate()
            forward.wait(10)
