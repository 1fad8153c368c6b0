"""Savepoints that the user asks for by `spec.job.savepointTriggerNonce`. Pure.

They lie in a folder of their own and no start goes on from them by itself: whoever wants one names its path.
"""

from anomalyjob_operator.decide.chain import Outcome, normal, warning
from anomalyjob_operator.decide.situation import Situation
from anomalyjob_operator.decide.stop_requests import savepoint_request
from anomalyjob_operator.ledger import MAXIMUM_SAVEPOINTS, Ledger, Savepoint, SavepointRequest
from anomalyjob_operator.observed import RequestObservation


def note_savepoint(situation: Situation, ledger: Ledger) -> Outcome:
    """Take note of the wish, and of what became of it. A new nonce replaces a wish that was not fulfilled yet."""
    nonce = situation.wanted.job.savepoint_trigger_nonce
    if nonce not in {None, ledger.savepoint_nonce}:
        asked = SavepointRequest(nonce=nonce, asked_at=situation.now)
        return ledger.evolve(savepoint_nonce=nonce, savepoint_request=asked), ()
    fate, asked_for = _fate(situation, ledger), ledger.savepoint_request
    if fate is None or asked_for is None or fate.state == "InProgress":
        return ledger, ()
    done = ledger.evolve(savepoint_request=None)
    if fate.state == "Failed" or fate.path is None:
        text = f"The savepoint of nonce {asked_for.nonce} failed: {fate.failure}. Ask again with another nonce"
        return done, (warning("SavepointError", text, situation.now),)
    savepoint = Savepoint(nonce=asked_for.nonce, path=fate.path, completed_at=situation.now)
    newest = (*ledger.savepoints, savepoint)[-MAXIMUM_SAVEPOINTS:]
    text = f"The savepoint of nonce {asked_for.nonce} lies in {fate.path}"
    return done.evolve(savepoints=newest), (normal("SavepointCompleted", text, situation.now),)


def _fate(situation: Situation, ledger: Ledger) -> RequestObservation | None:
    request, flink = savepoint_request(situation.job, ledger), situation.flink
    if request is None or flink is None:
        return None
    return next((fate for fate in flink.requests if fate.trigger_id == request.trigger_id), None)
