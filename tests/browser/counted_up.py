"""`anomalyjob up` as it is, with a line in a file for every request that it sends: when, and for which path.

Run by path, with the words of the command line; REQUESTS_VARIABLE names the file. What Flink is asked by others, such
as tests, is not counted.
"""

import os
import time
from types import SimpleNamespace
from typing import Any

import aiohttp

from anomalyjob_operator.cli import main

REQUESTS_VARIABLE = "ANOMALYJOB_TEST_REQUESTS"


def count_requests(file: str) -> None:
    """Give every session from now on a trace that writes to the file."""
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    async def note(_: aiohttp.ClientSession, __: SimpleNamespace, sent: aiohttp.TraceRequestStartParams) -> None:
        os.write(descriptor, f"{time.time():.3f} {sent.url.path}\n".encode())

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(note)
    original = aiohttp.ClientSession.__init__

    def begin(self: aiohttp.ClientSession, *arguments: Any, **options: Any) -> None:
        options["trace_configs"] = [*(options.get("trace_configs") or ()), trace]
        original(self, *arguments, **options)

    aiohttp.ClientSession.__init__ = begin  # type: ignore[method-assign] # what is measured is not changed otherwise


if __name__ == "__main__":
    count_requests(os.environ[REQUESTS_VARIABLE])
    main(prog_name="anomalyjob")
