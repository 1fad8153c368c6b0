"""What is asked of Flink for an operation or for the user, under ids that are the same whoever computes them.

Pure. A request that Flink already knows of is not sent again; one that was lost with its JobManager is.
"""

import hashlib

from anomalyjob.volume_layout import job_id
from anomalyjob_operator.decide.plan import FlinkRequest
from anomalyjob_operator.decide.situation import Situation
from anomalyjob_operator.ledger import Ledger, Operation
from anomalyjob_operator.spec import AnomalyJob

USERS_FOLDER = "savepoints"


def requests_on_record(job: AnomalyJob, ledger: Ledger) -> tuple[FlinkRequest, ...]:
    """Return everything whose fate matters now."""
    of_operation = None if ledger.operation is None else request_of(job, ledger, ledger.operation)
    found = (of_operation, savepoint_request(job, ledger))
    return tuple(request for request in found if request is not None)


def requests_to_send(situation: Situation, ledger: Ledger) -> tuple[FlinkRequest, ...]:
    """Return what has to be asked in this pass: nothing unless all tasks run."""
    flink = situation.flink
    if flink is None or not situation.all_running:
        return ()
    known = {fate.trigger_id for fate in flink.requests}
    wanted = requests_on_record(situation.job, ledger)
    return tuple(request for request in wanted if request.trigger_id not in known)


def request_of(job: AnomalyJob, ledger: Ledger, operation: Operation) -> FlinkRequest | None:
    """Return what the operation's present step asks of Flink."""
    if operation.step == "Stop":
        return None
    identifier = _job_id(job, ledger)
    trigger_id = _trigger_id(identifier, operation.id, operation.step)
    if operation.step == "Checkpoint":
        return FlinkRequest(kind="checkpoint", job_id=identifier, trigger_id=trigger_id)
    return FlinkRequest(kind="stop", job_id=identifier, trigger_id=trigger_id, folder=stop_folder(ledger))


def stop_folder(ledger: Ledger) -> str:
    """Return the folder of the operator's own savepoints, below the job's folder on its volume."""
    return f"stop/{ledger.incarnation}"


def savepoint_request(job: AnomalyJob, ledger: Ledger) -> FlinkRequest | None:
    """Return the savepoint that the user waits for. While an operation is under way it has to wait."""
    asked = ledger.savepoint_request
    if asked is None or ledger.operation is not None:
        return None
    identifier = _job_id(job, ledger)
    trigger_id = _trigger_id(identifier, "savepoint", str(asked.nonce), asked.asked_at.isoformat())
    return FlinkRequest(kind="savepoint", job_id=identifier, trigger_id=trigger_id, folder=USERS_FOLDER)


def _job_id(job: AnomalyJob, ledger: Ledger) -> str:
    return job_id(job.metadata.namespace, job.metadata.name, ledger.incarnation)


def _trigger_id(*parts: str) -> str:
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:32]
