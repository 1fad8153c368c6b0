"""What an API server keeps: objects with versions, defaults that it fills in, and the rules by which it refuses.

It follows the real one as far as the operator can notice: optimistic locking by resourceVersion, server-side apply with
the removal of what is applied no longer, the status as a subresource, deletion of one uid. A write that changes nothing
leaves the version as it is. Nobody changes an object that it has given out: every change makes a new one.
"""

import copy
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from tests.unit.cluster_pods import rfc3339
from tests.unit.fake_apply import applied, with_defaults

from anomalyjob_operator.cluster.kinds import ANOMALY_JOB, EVENT, POD, RENDERED, Kind, Manifest

SERVED: Final = (*RENDERED, ANOMALY_JOB, EVENT, POD)

GRACE: Final = timedelta(seconds=10)

Key = tuple[str, str, str]
"""Kind, namespace and name."""


class RefusedError(Exception):
    """An answer that is no success, as the API server would give it."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the HTTP status."""
        super().__init__(message)
        self.status = status


class ObjectStore:
    """All objects. `history` lists every change with its version; `on_change` is called after each."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._objects: dict[Key, Manifest] = {}
        self._applied: dict[Key, Manifest] = {}
        self._version = 100
        self._uids = 0
        self.history: list[tuple[int, str, Manifest]] = []
        self.on_change: list[Callable[[], None]] = []

    def all(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str | None] | None = None
    ) -> list[Manifest]:
        """Return the objects of a kind, in the order of namespaces and names; a label of None may have any value."""
        return [
            self._objects[key]
            for key in sorted(self._objects)
            if key[0] == kind.name and namespace in {None, key[1]} and has_labels(self._objects[key], labels or {})
        ]

    def find(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Return one object, None when there is none."""
        return self._objects.get((kind.name, namespace, name))

    @property
    def version(self) -> str:
        """The version of the newest change."""
        return str(self._version)

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest:
        """Return one object."""
        found = self.find(kind, namespace, name)
        if found is None:
            raise RefusedError(404, f'{kind.plural} "{name}" not found')
        return found

    def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Keep a new object."""
        key = self._key(kind, manifest)
        if key in self._objects:
            raise RefusedError(409, f'{kind.plural} "{key[2]}" already exists')
        self._uids += 1
        metadata = manifest["metadata"] | {
            "uid": f"uid-{self._uids}",
            "creationTimestamp": rfc3339(self._clock()),
        }
        fresh = {"apiVersion": kind.api_version, "kind": kind.name, **manifest, "metadata": metadata}
        return self._keep(key, with_defaults(fresh))

    def apply(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Server-side apply, forced: create, or merge and remove what the same manager applied before."""
        key = self._key(kind, manifest)
        before = self._applied.get(key, {})
        self._applied[key] = copy.deepcopy(manifest)
        live = self._objects.get(key)
        if live is None:
            return self.create(kind, manifest)
        if live.get("immutable") and live.get("data") != manifest.get("data"):
            raise RefusedError(422, f"{kind.plural} {key[2]}: field is immutable when `immutable` is set")
        return self._keep(key, with_defaults(applied(live, before, manifest)))

    def replace(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Replace everything but the status."""
        live = self._versioned(kind, manifest)
        kept = {name: live["metadata"][name] for name in ("uid", "creationTimestamp")}
        changed = {**manifest, "metadata": manifest["metadata"] | kept}
        if "status" in live:
            changed["status"] = live["status"]
        return self._keep(self._key(kind, manifest), with_defaults(changed))

    def set_status(self, kind: Kind, namespace: str, name: str, version: str, status: Manifest) -> Manifest:
        """Replace the status of that version of the object."""
        metadata = {"namespace": namespace, "name": name, "resourceVersion": version}
        live = self._versioned(kind, {"metadata": metadata})
        return self._keep((kind.name, namespace, name), {**live, "status": copy.deepcopy(status)})

    def edit(self, kind: Kind, namespace: str, name: str, change: Callable[[Manifest], object]) -> Manifest:
        """Change an object as somebody else does, whatever its version."""
        live = copy.deepcopy(self.get(kind, namespace, name))
        change(live)
        return self._keep((kind.name, namespace, name), live)

    def delete(self, kind: Kind, namespace: str, name: str, uid: str | None = None) -> None:
        """Remove an object at once; a pod is only told to end."""
        live = self.get(kind, namespace, name)
        if uid not in {None, live["metadata"]["uid"]}:
            raise RefusedError(
                409, f"the uid in the precondition is {uid}, that of the object {live['metadata']['uid']}"
            )
        if kind == POD:
            self._end(live)
        else:
            self.remove(kind, namespace, name)

    def remove(self, kind: Kind, namespace: str, name: str) -> None:
        """Let an object be gone."""
        key = (kind.name, namespace, name)
        self._applied.pop(key, None)
        gone = self._objects.pop(key, None)
        if gone is not None:
            self._version += 1
            self._tell("DELETED", gone)

    def mark_deleted(self, kind: Kind, namespace: str, name: str) -> None:
        """Delete an object that somebody's finalizer holds: it stays, with the time of its deletion."""

        def change(live: Manifest) -> None:
            live["metadata"]["finalizers"] = ["example.com/held"]
            live["metadata"]["deletionTimestamp"] = rfc3339(self._clock())

        self.edit(kind, namespace, name, change)

    def _end(self, pod: Manifest) -> None:
        if "deletionTimestamp" in pod["metadata"]:
            return
        gone_by = rfc3339(self._clock() + GRACE)
        ends = {"deletionTimestamp": gone_by, "deletionGracePeriodSeconds": int(GRACE.total_seconds())}
        self._keep(self._key(POD, pod), pod | {"metadata": pod["metadata"] | ends})

    def _versioned(self, kind: Kind, manifest: Manifest) -> Manifest:
        metadata = manifest["metadata"]
        live = self.get(kind, metadata["namespace"], metadata["name"])
        if metadata["resourceVersion"] != live["metadata"]["resourceVersion"]:
            raise RefusedError(409, f'{kind.plural} "{metadata["name"]}": the object has been modified')
        return live

    def _keep(self, key: Key, manifest: Manifest) -> Manifest:
        """Keep it under a new version, unless nothing has changed."""
        live = self._objects.get(key)
        if live is not None and _content(live) == _content(manifest):
            return live
        self._version += 1
        generation = 1
        if live is not None:
            generation = live["metadata"]["generation"] + (live.get("spec") != manifest.get("spec"))
        metadata = manifest["metadata"] | {"resourceVersion": str(self._version), "generation": generation}
        self._objects[key] = manifest | {"metadata": metadata}
        self._tell("ADDED" if live is None else "MODIFIED", self._objects[key])
        return self._objects[key]

    def _tell(self, what: str, manifest: Manifest) -> None:
        """Note what happened, for whoever watches."""
        self.history.append((self._version, what, manifest))
        for tell in self.on_change:
            tell()

    def _key(self, kind: Kind, manifest: Manifest) -> Key:
        metadata = manifest["metadata"]
        return kind.name, str(metadata["namespace"]), str(metadata["name"])


def has_labels(manifest: Manifest, labels: Mapping[str, str | None]) -> bool:
    """Tell whether the object has the labels; None stands for any value."""
    own = manifest["metadata"].get("labels", {})
    return all(own.get(key) == value if value is not None else key in own for key, value in labels.items())


def _content(manifest: Manifest) -> dict[str, Any]:
    metadata = {
        key: value for key, value in manifest["metadata"].items() if key not in {"resourceVersion", "generation"}
    }
    return {**manifest, "metadata": metadata}
