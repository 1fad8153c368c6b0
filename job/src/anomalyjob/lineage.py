"""lineage.json: whose volume this is and in which incarnation, told by the volume itself.

It must stay readable without any other file: it is what keeps two jobs, or an old and a new life of one job, apart.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from anomalyjob.atomic_file import write_atomically
from anomalyjob.refusal import Reason, RefusedError
from anomalyjob.strict_document import ConfigError, Section, decode_json
from anomalyjob.volume_layout import LINEAGE_NAME, JobFolder

_SIBLINGS_AT_MOST: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """What the volume says of itself.

    `newest_checkpoint_id` is the id that the last start of the incarnation went on from.
    """

    namespace: str
    name: str
    incarnation: int
    consumed_restore_nonce: int | None = None
    newest_checkpoint_id: int | None = None

    def text(self) -> str:
        """Return the JSON text of the file."""
        document = {
            "namespace": self.namespace,
            "name": self.name,
            "incarnation": self.incarnation,
            "consumedRestoreNonce": self.consumed_restore_nonce,
            "newestCheckpointId": self.newest_checkpoint_id,
        }
        return json.dumps(document, indent=2) + "\n"


def read_lineage(file: Path) -> Lineage | None:
    """Return the lineage, None when there is none yet; raise RefusedError when it cannot be understood."""
    try:
        root = Section(decode_json(file.read_text(encoding="utf-8")))
        return Lineage(
            namespace=root.text("namespace"),
            name=root.text("name"),
            incarnation=root.integer("incarnation", minimum=1),
            consumed_restore_nonce=_optional(root, "consumedRestoreNonce"),
            newest_checkpoint_id=_optional(root, "newestCheckpointId"),
        )
    except FileNotFoundError:
        return None
    except (ConfigError, UnicodeDecodeError) as error:
        message = (
            f"{file} is damaged ({error}), so it is not certain whose volume this is. If the checkpoints below "
            f"{file.parent} are this job's, remove that one file and start again."
        )
        raise RefusedError(Reason.VOLUME_DAMAGED, message) from None


def write_lineage(file: Path, lineage: Lineage) -> None:
    """Write the lineage; raise OSError when the volume refuses."""
    write_atomically(file, lineage.text())


def refuse_foreign_volume(folder: JobFolder) -> None:
    """Raise RefusedError when the volume, or this very folder of it, belongs to another job."""
    for position, file in enumerate(folder.volume.glob(f"*/{LINEAGE_NAME}")):
        if position >= _SIBLINGS_AT_MOST:
            break
        lineage = read_lineage(file)
        if lineage is not None and (lineage.namespace, lineage.name) != (folder.namespace, folder.name):
            message = (
                f"The volume {folder.volume} belongs to the job {lineage.namespace}/{lineage.name} (so says {file}), "
                f"not to {folder.namespace}/{folder.name}. Nothing was written. Give this job a volume of its own."
            )
            raise RefusedError(Reason.VOLUME_OF_ANOTHER_JOB, message)


def lineage_of_start(folder: JobFolder, incarnation: int, *, recorded: Iterable[int]) -> Lineage:
    """Return the lineage as it is for a start of this incarnation; raise RefusedError when the job is in a later one.

    `recorded` are the incarnations that other files tell of: start records, the ledger.
    """
    found = read_lineage(folder.lineage_file)
    newest = max([*recorded, found.incarnation if found else 0])
    if newest > incarnation:
        message = (
            f"This start is for incarnation {incarnation}, but {folder.path} is already in incarnation {newest}. "
            "Nothing was changed. Start it with the present incarnation."
        )
        raise RefusedError(Reason.OLDER_INCARNATION, message)
    if found is not None and found.incarnation == incarnation:
        return found
    return Lineage(
        namespace=folder.namespace,
        name=folder.name,
        incarnation=incarnation,
        consumed_restore_nonce=found.consumed_restore_nonce if found else None,
    )


def _optional(section: Section, key: str) -> int | None:
    return section.integer(key) if section.has(key) else None
