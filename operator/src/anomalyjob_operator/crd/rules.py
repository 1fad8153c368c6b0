"""The twins, in CEL, of what `spec` checks beyond single values: same path, same sentence. And what may never change.

Pure. A rule may be asked although a single value is wrong: it must then not fail itself, and holds its peace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from anomalyjob_operator.crd.cel import Rule, sentence, text
from anomalyjob_operator.crd.keys import operators_annotations_rules, operators_labels_rule, owned_setting_rules
from anomalyjob_operator.crd.values import readable
from anomalyjob_operator.spec import field_errors, model, storage, validation

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME: Final = "self.metadata.name"
_INTERVAL: Final = "self.checkpointing.interval"
_MIN_PAUSE: Final = "self.checkpointing.minPause"
_DEADLINE: Final = "self.recovery.progressDeadline"
_INITIAL: Final = "self.recovery.initialBackoff"
_LARGEST: Final = "self.recovery.maxBackoff"
_PARALLELISM: Final = "self.job.parallelism"
_REPLICAS: Final = "self.taskManager.replicas"
_EACH: Final = "self.taskManager.slots"
_SLOTS: Final = f"{_REPLICAS} * {_EACH}"
_NEEDED: Final = f"{validation.SLOT_SHARING_GROUPS} * {_PARALLELISM}"


def _in_order(shorter: str, relation: str, longer: str) -> str:
    return f"!({readable(shorter)} && {readable(longer)}) || duration({shorter}) {relation} duration({longer})"


def _request(role: str, kind: str) -> Rule:
    found, limit = f"self.{role}.resources.requests.{kind}", f"self.{role}.resources.limits.{kind}"
    known = f"has({found}) && has({limit}) && isQuantity({found}) && isQuantity({limit})"
    return Rule(
        rule=f"!({known}) || quantity({found}).compareTo(quantity({limit})) <= 0",
        message=sentence(validation.REQUESTS_MESSAGE, limit=limit, found=found),
        field=f".{role}.resources.requests.{kind}",
    )


SPEC_RULES: Final = (
    Rule(
        rule=f"{_NEEDED} <= {_SLOTS}",
        message=sentence(
            validation.SLOTS_MESSAGE,
            needed=_NEEDED,
            parallelism=_PARALLELISM,
            slots=_SLOTS,
            replicas=_REPLICAS,
            each=_EACH,
        ),
        field=".job.parallelism",
    ),
    Rule(
        rule=f"!has({_MIN_PAUSE}) || {_in_order(_MIN_PAUSE, '<=', _INTERVAL)}",
        message=sentence(validation.MIN_PAUSE_MESSAGE, interval=_INTERVAL, min_pause=_MIN_PAUSE),
        field=".checkpointing.minPause",
    ),
    Rule(
        rule=_in_order(_INITIAL, "<=", _LARGEST),
        message=sentence(validation.BACKOFF_MESSAGE, initial=_INITIAL, largest=_LARGEST),
        field=".recovery.maxBackoff",
    ),
    Rule(
        rule=_in_order(_INTERVAL, "<", _DEADLINE),
        message=sentence(validation.PROGRESS_MESSAGE, interval=_INTERVAL, deadline=_DEADLINE),
        field=".recovery.progressDeadline",
    ),
    Rule(
        rule='self.deletionPolicy == "Retain" || !has(self.checkpointing.storage.existingClaim)',
        message=text(validation.DELETION_MESSAGE),
        field=".deletionPolicy",
    ),
    Rule(
        rule="!self.notifications.alerts || has(self.sink.log)",
        message=text(validation.ALERTS_MESSAGE),
        field=".notifications.alerts",
    ),
    *(_request(role, kind) for role in ("jobManager", "taskManager") for kind in ("memory", "cpu")),
)
"""One for each of validation.RULES; they stand on the spec."""

NAME_RULES: Final = (
    Rule(
        rule=f"{_NAME}.matches({text(model.NAME_PATTERN)})",
        message=sentence(
            field_errors.PATTERN_MESSAGES[model.NAME_PATTERN] + "; found the text {found}",
            found=f"strings.quote({_NAME})",
        ),
        field=".metadata.name",
    ),
    Rule(
        rule=f"{_NAME}.size() <= {model.NAME_LENGTH}",
        message=sentence(
            f"must be at most {model.NAME_LENGTH} characters long, found {{found}}", found=f"{_NAME}.size()"
        ),
        field=".metadata.name",
    ),
)
"""They stand on the resource, where alone its name can be seen."""

_UNCHANGED: Final = Rule(rule="self == oldSelf", message=text(storage.UNCHANGEABLE_MESSAGE))
_CLAIM: Final = "has(self.existingClaim)"

MODEL_RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "Source": (
        Rule(
            rule="has(self.simulated)",
            message=text(model.ONE_SOURCE_MESSAGE.format(found="none; write simulated: {}")),
        ),
    ),
    "Sink": (Rule(rule="has(self.log) || has(self.files)", message=text(model.A_SINK_MESSAGE)),),
    "Storage": (
        Rule(
            rule=f"has(self.persistentVolumeClaim) != {_CLAIM}",
            message=sentence(
                storage.ONE_CLAIM_MESSAGE, found=f'({_CLAIM} ? "both" : "none; write persistentVolumeClaim: {{}}")'
            ),
        ),
        Rule(rule=f"{_CLAIM} == has(oldSelf.existingClaim)", message=text(storage.UNCHANGEABLE_MESSAGE)),
    ),
    "ClaimTemplate": (
        Rule(
            rule="has(self.storageClassName) == has(oldSelf.storageClassName) && "
            "(!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",
            message=text(storage.UNCHANGEABLE_MESSAGE),
            field=".storageClassName",
        ),
    ),
}
"""Model → rules on every object of it."""

FIELD_RULES: Final[Mapping[tuple[str, str], tuple[Rule, ...]]] = {
    ("ClaimTemplate", "accessModes"): (_UNCHANGED,),
    ("ClaimTemplate", "size"): (
        Rule(
            rule="!isQuantity(self) || !isQuantity(oldSelf) || quantity(self).compareTo(quantity(oldSelf)) >= 0",
            message=sentence(storage.SHRUNK_MESSAGE, old="oldSelf", found="self"),
        ),
    ),
    ("PodMetadata", "annotations"): operators_annotations_rules(),
    ("PodMetadata", "labels"): (operators_labels_rule(),),
    ("Spec", "flinkConfiguration"): owned_setting_rules(),
    ("Storage", "existingClaim"): (_UNCHANGED,),
}
"""Model and field → rules on the value."""
