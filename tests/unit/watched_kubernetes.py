"""The fake API server with what kopf needs besides: discovery, and watches that tell of all changes since a version."""

import asyncio
import json
from typing import Any, Final

from aiohttp import web
from tests.unit.fake_kubernetes import FakeKubernetes, labels_of, target_of
from tests.unit.fake_objects import SERVED, has_labels
from typing_extensions import override

from anomalyjob_operator.cluster.kinds import Kind

VERBS: Final = ["get", "list", "watch", "create", "update", "patch", "delete"]


class WatchedKubernetes(FakeKubernetes):
    """`watches` lists what is watched now, with its label selector. While `silent`, watches tell of nothing."""

    watches: list[tuple[str, str]]
    silent = False

    @override
    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.path.count("/") <= 3 and request.path.startswith("/api") and not self.gate.closed:
            found = _discovery(request.path)
            if found is not None:
                return web.json_response(found)
        if request.query.get("watch") == "true":
            return await self._watch(request)
        return await super()._answer(request)

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        kind, namespace, _, _ = target_of(request.path)
        self.used.add(("watch", kind.plural))
        selector = request.query.get("labelSelector", "")
        response = web.StreamResponse()
        await response.prepare(request)
        self.watches.append((kind.plural, selector))
        changed = asyncio.Event()
        self.store.on_change.append(changed.set)
        try:
            await self._stream(response, (kind, namespace, selector), int(request.query["resourceVersion"]), changed)
        finally:
            self.store.on_change.remove(changed.set)
            self.watches.remove((kind.plural, selector))
        return response

    async def _stream(
        self, response: web.StreamResponse, wanted: tuple[Kind, str | None, str], since: int, changed: asyncio.Event
    ) -> None:
        kind, namespace, selector = wanted
        while not self.gate.release.is_set():
            changed.clear()
            for version, what, manifest in list(self.store.history):
                metadata = manifest["metadata"]
                fits = manifest["kind"] == kind.name and namespace in {None, metadata["namespace"]}
                if version > since and fits and has_labels(manifest, labels_of(selector)) and not self.silent:
                    event = {"type": what, "object": manifest}
                    await response.write(json.dumps(event).encode() + b"\n")
            since = max([since, *(version for version, _, _ in self.store.history)])
            await changed.wait()


def _discovery(path: str) -> dict[str, Any] | None:
    """What an API server says of itself."""
    if path == "/api":
        return {"versions": ["v1"]}
    if path == "/apis":
        groups = sorted({kind.api_version for kind in SERVED if "/" in kind.api_version})
        return {"groups": [_group(*group.split("/")) for group in groups]}
    kinds = [kind for kind in SERVED if kind.api == path]
    resources = [
        {"name": kind.plural, "singularName": "", "kind": kind.name, "namespaced": True, "verbs": VERBS}
        for kind in kinds
    ]
    if path == "/api/v1":
        # kopf does not begin before it has heard of namespaces.
        resources.append(
            {"name": "namespaces", "singularName": "", "kind": "Namespace", "namespaced": False, "verbs": VERBS}
        )
    return {"resources": resources} if kinds else None


def _group(name: str, version: str) -> dict[str, Any]:
    return {"name": name, "versions": [{"version": version}], "preferredVersion": {"version": version}}
