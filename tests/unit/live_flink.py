"""A JobManager that answers as Flink 2.3.0 was recorded to, at moments of a real run (data/live/), with every fault.

The run: the reference job, all tasks RUNNING ("running"); a TaskManager killed ("restarting"), a checkpoint after that
("restored"); the JobManager killed ("initializing"), all tasks RUNNING again ("second_start"). Left out of the answers
is only what nobody reads.
"""

import copy
import json
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from tests.unit.fake_flink import FakeFlink
from typing_extensions import override

RECORDED: Final = Path(__file__).parent / "data" / "live"
JOB: Final = "/jobs/521d2d1c488376abe94916941304ded8"
VERTICES: Final = {
    "clock": "79a463db09246f383bd502bc8ef61c5a",
    "source": "e5a72f353fc1e6bbf3bd96a41384998c",
    "process": "4cd5c9eb987d451c700e0079a82c6902",
    "sink": "2e588ce1c86a9d46e2e85186773ce4fd",
}


def moment(name: str) -> dict[str, Any]:
    """The answers of one recorded moment by their paths."""
    answers: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return answers


class RecordedFlink(FakeFlink):
    """Answers as at one recorded moment; `answers` may be changed; what is not among them has status 404.

    Requests for a path with an end that is `hanging` are not answered.
    """

    def __init__(self, name: str = "running") -> None:
        super().__init__()
        self.answers = moment(name)
        self.hanging: set[str] = set()

    def becomes(self, name: str) -> None:
        """Let another recorded moment have come."""
        self.answers = moment(name)

    @override
    def _document(self, path: str) -> Any:
        return copy.deepcopy(self.answers.get(path))

    @override
    async def _answer_none(self, request: web.Request) -> web.StreamResponse:
        hangs = any(request.path.endswith(end) for end in self.hanging)
        return await (super()._answer_hangs(request) if hangs else super()._answer_none(request))

    def asked_for(self, end: str) -> int:
        """How often a path with this end was asked for."""
        return sum(request.partition("?")[0].endswith(end) for request in self.requests)
