"""Which changes of a stored resource can be applied, as long as upgrades by editing do not exist.

| field of the spec                                              | while the job runs      | while it is stopped |
| -------------------------------------------------------------- | ----------------------- | ------------------- |
| recovery, deletionPolicy, taskManager.replicas and resources    | applied                 | applied             |
| detection, the simulated source's fields, checkpointing,        | refused: stop, and      | applied: the start  |
| jobManager, taskManager.slots, flinkConfiguration               | start it with the file  | restores with it    |
| sink, kind of source, job.parallelism, job.pythonExecutionMode, | refused                 | refused             |
| checkpointing.stateBackend                                      |                         |                     |

The last row would need a savepoint first, since unaligned checkpoints promise nothing across such changes. A job
without any checkpoint has nothing to lose: all of it is applied. Pure.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from anomalyjob_operator.spec import FieldError, Spec

_WHILE_RUNNING: Final = ("recovery", "deletionPolicy", "taskManager.replicas", "taskManager.resources")
_NEVER: Final = ("sink", "job", "checkpointing.stateBackend")
_NEEDS_SAVEPOINT: Final = (
    "cannot be changed once the job has checkpoints: this version takes no savepoint first. "
    "Give the changed job another name, or change it back"
)
_NEEDS_STOP: Final = (
    "cannot be changed while the job runs in this version. Stop the job, then start it with this file: "
    "it goes on from its newest checkpoint with the change"
)


def refused_changes(old: Spec, new: Spec, *, running: bool, has_checkpoints: bool) -> tuple[FieldError, ...]:
    """Return an error for each changed field that cannot be applied; none means that the whole edit can be."""
    changed = tuple(_changed(old.document(), new.document(), ""))
    return tuple(
        FieldError(f"spec.{path}", message)
        for path in changed
        if (message := _refusal(path, running=running, has_checkpoints=has_checkpoints)) is not None
    )


def changed_fields(old: Spec, new: Spec) -> tuple[str, ...]:
    """Return the paths of the fields that differ, such as `spec.recovery.window`."""
    return tuple(f"spec.{path}" for path in _changed(old.document(), new.document(), ""))


def _refusal(path: str, *, running: bool, has_checkpoints: bool) -> str | None:
    if has_checkpoints and (_within(path, _NEVER) or _is_kind_of_source(path)):
        return _NEEDS_SAVEPOINT
    if running and not _within(path, _WHILE_RUNNING):
        return _NEEDS_STOP
    return None


def _within(path: str, prefixes: tuple[str, ...]) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}.") for prefix in prefixes)


def _is_kind_of_source(path: str) -> bool:
    """Tell whether `source` itself or one of its alternatives changed, rather than a field inside the alternative."""
    return _within(path, ("source",)) and path.count(".") <= 1


def _changed(old: object, new: object, path: str) -> Iterator[str]:
    """Yield the paths of what differs, as deep as both sides have mappings; keys of Flink settings hold dots."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)) or path == "flinkConfiguration":
        if old != new:
            yield path
        return
    for key in sorted(old.keys() | new.keys()):
        yield from _changed(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
