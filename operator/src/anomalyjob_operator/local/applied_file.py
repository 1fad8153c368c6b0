"""The file that `up` was started with: saving it applies it again.

Whatever is wrong with a saved file is told, and the last valid resource stays in force. How a change is brought in is
decided elsewhere, as it is on Kubernetes.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anomalyjob_operator.decide import changed_fields
from anomalyjob_operator.local.json_file import DamagedFileError
from anomalyjob_operator.local.state_folder import StateFolder
from anomalyjob_operator.local.stored_resource import StoredResource, store_resource
from anomalyjob_operator.resource_file import ResourceFileError, read_document
from anomalyjob_operator.spec import AnomalyJob, FieldError, InvalidResource, parse

Signature = tuple[int, int, int]


class RefusedEditError(Exception):
    """A valid resource cannot be applied over the stored one; `errors` name the fields."""

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__("\n".join(error.line for error in errors))
        self.errors = errors


def read_applicable(file: Path) -> tuple[dict[str, Any], AnomalyJob]:
    """Return the document and the resource in a file; raise ResourceFileError or InvalidResource."""
    document = read_document(file)
    return document, parse(document)


class AppliedFile:
    """Watches the file for a running job. `tell` gets the lines for people; call `look` about once a second.

    `seen` is the signature of the file as it was when `stored` was read from it.
    """

    def __init__(
        self,
        file: Path,
        seen: Signature | None,
        folder: StateFolder,
        stored: StoredResource,
        tell: Callable[[str], None],
    ) -> None:
        self._file = file
        self._folder = folder
        self._tell = tell
        self._seen = seen
        self._pending: Signature | None = None
        self.stored = stored

    def look(self) -> bool:
        """Apply the file if it was saved; tell whether there is a new resource to reconcile.

        A change is taken up at the second look that finds it: an editor may be in the middle of writing at the first.
        """
        signature = signature_of(self._file)
        if signature is None or signature == self._seen:
            return False
        if signature != self._pending:
            self._pending = signature
            return False
        self._seen = signature
        return self._apply()

    def _apply(self) -> bool:
        try:
            return self._applied()
        except (ResourceFileError, DamagedFileError) as error:
            lines = [str(error)]
        except (InvalidResource, RefusedEditError) as error:
            lines = [f"{self._file}: {found.line}" for found in error.errors]
        except OSError as error:
            lines = [f"{self._folder.resource_file} cannot be written: {error.strerror}"]
        for line in (*lines, "nothing was applied; the job goes on as it was applied last"):
            self._tell(line)
        return False

    def _applied(self) -> bool:
        document, resource = read_applicable(self._file)
        before = self.stored
        if resource.metadata != before.resource.metadata:
            name = f"{resource.metadata.namespace}/{resource.metadata.name}"
            message = f"must stay {self._folder.key} in this file, found {name}; another job needs an `up` of its own"
            raise RefusedEditError((FieldError("metadata.name", message),))
        self.stored = store_resource(self._folder, document, datetime.now(UTC))
        fields = [f"spec.{field}" for field in changed_fields(before.resource.spec, resource.spec)]
        if not fields:
            self._tell(f"{self._file} was saved and says the same as before")
            return False
        self._tell(f"{self._file} applied as generation {self.stored.generation}: changed {', '.join(fields)}")
        return True


def signature_of(file: Path) -> Signature | None:
    """Return what changes whenever a file is saved, None while there is none (an editor may be replacing it)."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
