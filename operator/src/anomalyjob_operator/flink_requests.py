"""How checkpoints and savepoints are asked for by Flink's REST API, and how their fate is read.

Pure. Shapes: flink.apache.org, REST API v1 of Flink 2.3. The trigger id is ours: Flink does a savepoint or a stop that
it was asked for twice under one id only once, and the fate is found under it whoever asked.
"""

from collections.abc import Mapping
from typing import Any, Final

from anomalyjob_operator.decide import FlinkRequest
from anomalyjob_operator.observed import RequestObservation

Json = Mapping[str, Any]

_TRIGGERS: Final = {"checkpoint": "checkpoints", "savepoint": "savepoints", "stop": "stop"}
_FATES: Final = {"checkpoint": "checkpoints", "savepoint": "savepoints", "stop": "savepoints"}


def trigger_path(request: FlinkRequest) -> str:
    """Return where to ask (POST)."""
    return f"/jobs/{request.job_id}/{_TRIGGERS[request.kind]}"


def trigger_body(request: FlinkRequest, directory: str | None) -> dict[str, object]:
    """Return what to ask; `directory` is the absolute folder for a savepoint."""
    if request.kind == "checkpoint":
        return {"checkpointType": "CONFIGURED", "triggerId": request.trigger_id}
    canonical = {"formatType": "CANONICAL", "triggerId": request.trigger_id}
    if request.kind == "stop":
        return {"targetDirectory": directory, "drain": False, **canonical}
    return {"target-directory": directory, "cancel-job": False, **canonical}


def fate_path(request: FlinkRequest) -> str:
    """Return where its fate stands (GET); 404 there: Flink knows nothing of it."""
    return f"/jobs/{request.job_id}/{_FATES[request.kind]}/{request.trigger_id}"


def fate(request: FlinkRequest, answer: Json) -> RequestObservation:
    """Translate the answer of `fate_path`. Raises KeyError, TypeError or ValueError."""
    trigger_id = request.trigger_id
    if answer["status"]["id"] != "COMPLETED":
        return RequestObservation(trigger_id=trigger_id, state="InProgress")
    operation = answer["operation"]
    cause = operation.get("failureCause") or operation.get("failure-cause")
    if cause:
        return RequestObservation(trigger_id=trigger_id, state="Failed", failure=_first_lines(cause))
    if request.kind == "checkpoint":
        return RequestObservation(
            trigger_id=trigger_id, state="Completed", checkpoint_id=int(operation["checkpointId"])
        )
    return RequestObservation(trigger_id=trigger_id, state="Completed", path=str(operation["location"]))


def _first_lines(cause: Json) -> str:
    """Return the exception and its causes, without the frames."""
    lines = str(cause.get("stack-trace") or cause.get("class") or "no reason given").splitlines()
    causes = [line.strip() for line in lines[1:] if line.lstrip().startswith("Caused by:")]
    return "; ".join([*lines[:1], *causes])
