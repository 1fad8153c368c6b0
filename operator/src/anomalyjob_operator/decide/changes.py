"""How two specs differ, and what each difference asks for. Pure.

| field of the spec                                              | what a change of it does                            |
| -------------------------------------------------------------- | --------------------------------------------------- |
| recovery, notifications, deletionPolicy, checkpointing.storage | taken over at once; what the fields of `job` ask    |
| job.state, upgradeMode, restore and the nonces                 | for is decided elsewhere                            |
| taskManager.replicas, resources, podTemplate                   | only the workloads that differ are replaced         |
| image, kind of source, sink, job.parallelism,                  | stop and start, with a canonical savepoint between: |
| job.pythonExecutionMode, checkpointing.stateBackend            | unaligned checkpoints promise nothing across these  |
| everything else                                                | stop and start                                      |
"""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from pydantic import ValidationError

from anomalyjob_operator.ledger import SpecDocument
from anomalyjob_operator.spec import Spec

AT_ONCE: Final = (
    "recovery",
    "notifications",
    "deletionPolicy",
    "checkpointing.storage",
    "job.state",
    "job.upgradeMode",
    "job.restore",
    "job.restartNonce",
    "job.savepointTriggerNonce",
)
OF_TASK_MANAGERS: Final = ("taskManager.replicas", "taskManager.resources", "taskManager.podTemplate")
WITH_SAVEPOINT: Final = (
    "image",
    "sink",
    "job.parallelism",
    "job.pythonExecutionMode",
    "checkpointing.stateBackend",
)


def spec_of(document: SpecDocument | None) -> Spec | None:
    """Return the spec that a ledger holds; None when there is none, or none that this version understands."""
    return None if document is None else _parsed(json.dumps(document, sort_keys=True))


@lru_cache(maxsize=256)
def _parsed(text: str) -> Spec | None:
    """Every pass looks at the same few specs again and again."""
    try:
        return Spec.model_validate(json.loads(text))
    except ValidationError:
        return None


def taken_over(deployed: Spec, wanted: Spec) -> Spec:
    """Return the deployed spec with everything of the wanted one that needs no stop.

    What concerns TaskManagers waits for the stop when there has to be one: they are replaced then anyway.
    """
    if deployed == wanted:
        return deployed
    fields = AT_ONCE if stopping_fields(deployed, wanted) else (*AT_ONCE, *OF_TASK_MANAGERS)
    document = deployed.document()
    for path in fields:
        _take(document, wanted.document(), path.split("."))
    return spec_of(document) or deployed


def stopping_fields(deployed: Spec, wanted: Spec) -> tuple[str, ...]:
    """Return the paths of the fields whose change takes a stop and a start, such as `detection.maxCount`."""
    changed = changed_fields(deployed, wanted)
    return tuple(path for path in changed if not is_within(path, (*AT_ONCE, *OF_TASK_MANAGERS)))


def savepoint_fields(deployed: Spec, wanted: Spec) -> tuple[str, ...]:
    """Return the paths of the fields whose change takes a canonical savepoint between."""
    changed = changed_fields(deployed, wanted)
    return tuple(path for path in changed if is_within(path, WITH_SAVEPOINT) or _is_kind_of_source(path))


def changed_fields(old: Spec, new: Spec) -> tuple[str, ...]:
    """Return the paths of the fields that differ, in alphabetical order."""
    return () if old == new else tuple(_changed(old.document(), new.document(), ""))


def is_within(path: str, prefixes: tuple[str, ...]) -> bool:
    """Tell whether the path is one of the prefixes, or lies below one."""
    return any(path == prefix or path.startswith(f"{prefix}.") for prefix in prefixes)


def _is_kind_of_source(path: str) -> bool:
    """Tell whether `source` itself or one of its alternatives changed, rather than a field inside the alternative."""
    return is_within(path, ("source",)) and path.count(".") <= 1


def _changed(old: object, new: object, path: str) -> Iterator[str]:
    """Yield the paths of what differs, as deep as both sides have mappings; keys of Flink settings hold dots."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)) or path == "flinkConfiguration":
        if old != new:
            yield path
        return
    for key in sorted(old.keys() | new.keys()):
        yield from _changed(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))


def _take(document: dict[str, Any], source: Mapping[str, Any], keys: list[str]) -> None:
    *parents, last = keys
    for key in parents:
        document, source = document.setdefault(key, {}), source.get(key, {})
    if last in source:
        document[last] = source[last]
    else:
        document.pop(last, None)
