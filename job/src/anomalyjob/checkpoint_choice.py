"""Decides from which checkpoint a start goes on and why, or why there must be no start at all.

Pure. Two things must never come out of here: a choice below the floor that the user did not allow, and an empty start
of an incarnation that ever had a checkpoint.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from anomalyjob.config import StartRule
from anomalyjob.refusal import Reason, Refusal

_NAMED_AT_MOST: Final = 3


class Condition(StrEnum):
    """What a look at the files of a candidate said."""

    VERIFIED = "verified"
    UNCONFIRMED = "unconfirmed"  # the header is sound; not all of the rest could be checked, the note says why
    UNCHECKED = "unchecked"  # the header is sound; nobody looked further, since a newer one is usable
    BROKEN = "broken"
    ABANDONED = "abandoned"  # an earlier start went on without it, and has checkpoints of its own since
    UNFINISHED = "unfinished"  # no _metadata: not a candidate, listed for the reader only


_USABLE: Final = frozenset({Condition.VERIFIED, Condition.UNCONFIRMED, Condition.UNCHECKED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One checkpoint or savepoint folder of the incarnation.

    `checkpoint_id` comes from the header of its _metadata (None when that cannot be read), `start` is the start that
    wrote it (None for a savepoint). `note` says in a few words what is wrong with it, or what could not be checked.
    """

    path: str
    checkpoint_id: int | None
    start: int | None
    condition: Condition
    note: str = ""

    @property
    def usable(self) -> bool:
        """Whether a start may go on from it."""
        return self.condition in _USABLE and self.checkpoint_id is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncarnationFacts:
    """What else is known of the incarnation.

    `newest_checkpoint_id` is the id that the last start of it went on from; `has_output` tells whether its sink ever
    committed something, which takes a completed checkpoint; `older_has_checkpoints` tells of the incarnations before
    it; `restore` is what lies at the start rule's path, None for the other rules.
    """

    incarnation: int
    newest_checkpoint_id: int | None = None
    has_output: bool = False
    older_has_checkpoints: bool = False
    restore: Candidate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A candidate that was passed over, and why."""

    path: str
    checkpoint_id: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """From where to go on: `chosen` is None for an empty start. `because` is half a sentence for the log."""

    chosen: Candidate | None
    skipped: tuple[Skipped, ...]
    because: str


def choose(
    candidates: Sequence[Candidate],
    *,
    floor: int | None,
    rule: StartRule,
    allow_older_checkpoints: int,
    facts: IncarnationFacts,
) -> Choice | Refusal:
    """Return the choice for one start, or why there must not be one.

    `floor` is the last completed checkpoint id that the operator recorded for this incarnation; the chosen id is at
    least `floor - allow_older_checkpoints`. The rules `empty` and `path` count only while the incarnation has no
    candidate. The order of the candidates does not matter.
    """
    ordered = sorted(candidates, key=rank, reverse=True)
    if not any(candidate.condition is not Condition.UNFINISHED for candidate in ordered):
        return _first_start(floor, rule, facts)
    newest = next((candidate for candidate in ordered if candidate.usable), None)
    if newest is None:
        return _nothing_usable(ordered)
    skipped = _skipped(ordered, newest, floor)
    if _identifier(newest) < (floor or 0) - allow_older_checkpoints:
        return _below_floor(newest, floor or 0, skipped)
    return Choice(chosen=newest, skipped=skipped, because=_because(newest, len(ordered), floor))


def rank(candidate: Candidate) -> tuple[int, int, str]:
    """Order by id; of two with the same id, the one of the later start is the living branch."""
    return (_identifier(candidate), candidate.start or 0, candidate.path)


def _identifier(candidate: Candidate) -> int:
    return -1 if candidate.checkpoint_id is None else candidate.checkpoint_id


def _skipped(ordered: Sequence[Candidate], chosen: Candidate, floor: int | None) -> tuple[Skipped, ...]:
    """Return what ranks above the chosen one, and what cannot be ranked for want of an id.

    An unfinished folder is what every kill in the middle of a checkpoint leaves: it counts as skipped only when the
    floor says that something newer did complete.
    """
    is_lacking = floor is not None and _identifier(chosen) < floor
    return tuple(
        Skipped(path=candidate.path, checkpoint_id=candidate.checkpoint_id, reason=_reason(candidate))
        for candidate in ordered
        if not candidate.usable
        and _may_be_newer(candidate, chosen)
        and (is_lacking or candidate.condition is not Condition.UNFINISHED)
    )


def _may_be_newer(candidate: Candidate, chosen: Candidate) -> bool:
    if candidate.checkpoint_id is not None:
        return rank(candidate) > rank(chosen)
    return candidate.start is None or chosen.start is None or candidate.start >= chosen.start


def _reason(candidate: Candidate) -> str:
    return candidate.note or str(candidate.condition)


def _because(chosen: Candidate, seen: int, floor: int | None) -> str:
    recorded = "no floor recorded" if floor is None else f"floor {floor}"
    unconfirmed = f", {chosen.note}" if chosen.condition is Condition.UNCONFIRMED else ""
    return f"the newest usable of {seen} on the volume, {recorded}{unconfirmed}"


def _first_start(floor: int | None, rule: StartRule, facts: IncarnationFacts) -> Choice | Refusal:
    known = max((number for number in (floor, facts.newest_checkpoint_id) if number is not None), default=None)
    if known is not None:
        return _lost(f"Checkpoint {known} of incarnation {facts.incarnation} was completed before", facts)
    if facts.has_output:
        return _lost("There is committed output, which takes a completed checkpoint", facts)
    if rule.kind == "empty":
        return Choice(chosen=None, skipped=(), because="the start rule says empty, and there is no checkpoint yet")
    if rule.kind == "path":
        return _from_path(rule, facts)
    if facts.older_has_checkpoints:
        return _no_rule_for_new_incarnation(facts)
    return Choice(chosen=None, skipped=(), because="this job never completed a checkpoint")


def _from_path(rule: StartRule, facts: IncarnationFacts) -> Choice | Refusal:
    restore = facts.restore
    if restore is not None and restore.usable:
        return Choice(chosen=restore, skipped=(), because="the start rule names it, and there is no checkpoint yet")
    reason = "was not looked at" if restore is None else _reason(restore)
    message = (
        f"The start rule says to restore from {rule.path}, but that cannot be used: {reason}. "
        "Name the folder of a checkpoint or savepoint with a sound _metadata file in it."
    )
    return Refusal(reason=Reason.RESTORE_PATH_UNUSABLE, message=message)


def _lost(evidence: str, facts: IncarnationFacts) -> Refusal:
    message = (
        f"{evidence}, but the volume holds no checkpoint of incarnation {facts.incarnation} at all. "
        "An empty start would lose the state, so none is made. Mount the right volume or put "
        "the checkpoints back; to give the state up, delete the job with its volume and create it again."
    )
    return Refusal(reason=Reason.CHECKPOINTS_MISSING, message=message)


def _no_rule_for_new_incarnation(facts: IncarnationFacts) -> Refusal:
    message = (
        f"Incarnation {facts.incarnation} has no checkpoint, while an older incarnation has; the start rule `latest` "
        "must not make an empty start then. Start it with the rule `empty` or `path`."
    )
    return Refusal(reason=Reason.CHECKPOINTS_MISSING, message=message)


def _nothing_usable(ordered: Sequence[Candidate]) -> Refusal:
    message = (
        f"None of the checkpoints on the volume can be used: {_listing(ordered)}. "
        "An empty start would lose the state, so none is made. Put the damaged files back from a copy and start again; "
        "to give the state up, delete the job with its volume and create it again."
    )
    return Refusal(reason=Reason.NO_USABLE_CHECKPOINT, message=message)


def _below_floor(newest: Candidate, floor: int, skipped: Sequence[Skipped]) -> Refusal:
    identifier = _identifier(newest)
    passed = f" Skipped: {_skipped_listing(skipped)}." if skipped else ""
    message = (
        f"The newest usable checkpoint on the volume is {identifier} ({newest.path}), but checkpoint {floor} was "
        f"completed before.{passed} Put the newer checkpoint back and start again; or, to accept that what came after "
        f"checkpoint {identifier} is computed again, set spec.recovery.allowOlderCheckpoints to at least "
        f"{floor - identifier} and start again."
    )
    return Refusal(reason=Reason.CHECKPOINT_BELOW_FLOOR, message=message)


def _listing(candidates: Sequence[Candidate]) -> str:
    return _skipped_listing(
        [
            Skipped(path=candidate.path, checkpoint_id=candidate.checkpoint_id, reason=_reason(candidate))
            for candidate in candidates
        ]
    )


def _skipped_listing(skipped: Sequence[Skipped]) -> str:
    named = "; ".join(f"{item.path} ({item.reason})" for item in skipped[:_NAMED_AT_MOST])
    more = len(skipped) - _NAMED_AT_MOST
    return f"{named}; and {more} more" if more > 0 else named
