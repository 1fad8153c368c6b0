"""resource.json: the resource as it was applied last, with what an API server would add to it.

`metadata.generation` begins at 1 and is raised when the spec says something else than before; what only spells out a
default says the same. Nothing invalid is ever stored.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from anomalyjob.timestamps import format_time
from anomalyjob_operator.local.json_file import DamagedFileError, read_json, write_json
from anomalyjob_operator.local.state_folder import StateFolder
from anomalyjob_operator.spec import AnomalyJob, InvalidResource, parse


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResource:
    """A valid resource and its generation; `created_at` is RFC 3339 text."""

    resource: AnomalyJob
    generation: int
    created_at: str


def read_resource(folder: StateFolder) -> StoredResource | None:
    """Return the stored resource, None when there is none; raise DamagedFileError when it cannot be understood."""
    document = read_json(folder.resource_file)
    if document is None:
        return None
    try:
        metadata = document["metadata"]
        return StoredResource(
            resource=parse(document),
            generation=int(metadata["generation"]),
            created_at=str(metadata["creationTimestamp"]),
        )
    except (InvalidResource, KeyError, TypeError, ValueError) as error:
        raise DamagedFileError(f"{folder.resource_file} does not hold a resource that was stored: {error}") from None


def store_resource(folder: StateFolder, document: dict[str, Any], now: datetime) -> StoredResource:
    """Store a document that has been found valid; raise OSError when the disk refuses."""
    resource = parse(document)
    before = read_resource(folder)
    generation = 1 if before is None else before.generation + (before.resource.spec != resource.spec)
    created_at = format_time(now) if before is None else before.created_at
    metadata = {
        **document["metadata"],
        "namespace": resource.metadata.namespace,
        "generation": generation,
        "creationTimestamp": created_at,
    }
    stored = {key: value for key, value in document.items() if key != "status"} | {"metadata": metadata}
    write_json(folder.resource_file, stored)
    return StoredResource(resource=resource, generation=generation, created_at=created_at)
