"""Whether a live object still says what was applied. Pure.

Compared are the fields that are applied, and only those: what the API server fills in, or another controller adds, is
none of the operator's business. Amounts are compared as amounts, since the server may write 1024Mi as 1Gi.
A field that is applied no longer shows in no field, so each object carries a hash of everything that was applied.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from kubernetes.utils.quantity import parse_quantity

from anomalyjob_operator.names import APPLIED_HASH_ANNOTATION

MERGE_KEYS: Final = ("name", "mountPath", "containerPort", "uid")
"""What identifies an item of a list, whatever its position: the first that all items have, and each another.

Lists that the server replaces as a whole, such as the ports of a NetworkPolicy, are compared as a whole.
"""

AMOUNTS: Final = frozenset({"requests", "limits", "sizeLimit", "storage"})
"""Keys below which texts are amounts."""


def marked(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object with the hash of its content among its annotations."""
    content = json.dumps(manifest, sort_keys=True).encode()
    metadata = manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), APPLIED_HASH_ANNOTATION: hashlib.sha256(content).hexdigest()[:16]}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def drifted(applied: Mapping[str, object], live: Mapping[str, object]) -> bool:
    """Tell whether the live object lacks anything of what is applied."""
    return not _holds(applied, live, amounts=False)


def _holds(applied: object, live: object, *, amounts: bool) -> bool:
    if isinstance(applied, Mapping):
        return _mapping_holds(applied, live, amounts=amounts)
    if isinstance(applied, Sequence) and not isinstance(applied, str):
        return _list_holds(applied, live, amounts=amounts)
    if amounts:
        return _same_amount(applied, live)
    return applied == live and isinstance(applied, bool) == isinstance(live, bool)


def _mapping_holds(applied: Mapping[str, object], live: object, *, amounts: bool) -> bool:
    if not applied:
        # An empty mapping may be dropped by the server.
        return live is None or isinstance(live, Mapping)
    if not isinstance(live, Mapping):
        return False
    return all(
        _holds(value, live.get(key), amounts=amounts or key in AMOUNTS)
        for key, value in applied.items()
        if value is not None
    )


def _list_holds(applied: Sequence[object], live: object, *, amounts: bool) -> bool:
    if not applied:
        return not live
    if not isinstance(live, Sequence) or isinstance(live, str):
        return False
    key = _merge_key(applied)
    if key is None:
        return len(applied) == len(live) and all(
            _holds(mine, theirs, amounts=amounts) for mine, theirs in zip(applied, live, strict=True)
        )
    by_key = {str(item.get(key)): item for item in live if isinstance(item, Mapping)}
    mine = (item for item in applied if isinstance(item, Mapping))
    return all(_holds(item, by_key.get(str(item[key])), amounts=amounts) for item in mine)


def _merge_key(items: Sequence[object]) -> str | None:
    return next((key for key in MERGE_KEYS if len(_names(items, key)) == len(items)), None)


def _names(items: Sequence[object], key: str) -> set[str]:
    """Return how the items are told apart by the key: only by plain values, since the server adds to all others."""
    values = [item[key] for item in items if isinstance(item, Mapping) and key in item]
    return {str(value) for value in values if isinstance(value, str | int)}


def _same_amount(applied: object, live: object) -> bool:
    if applied == live:
        return True
    try:
        return bool(parse_quantity(applied) == parse_quantity(live))
    except ValueError:
        return False
