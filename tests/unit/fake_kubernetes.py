"""A Kubernetes API server on a real port: the paths and bodies that the operator sends, over a store in memory.

Whatever a client may not send, such as a label selector that it does not understand, is answered by 400 and noted.
"""

import asyncio
import json
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.unit.fake_objects import SERVED, ObjectStore, RefusedError
from tests.unit.gate import Gate, Write, cut

from anomalyjob_operator.cluster.kinds import Kind
from anomalyjob_operator.names import MANAGER


class BadRequestError(Exception):
    """A request that no API server would understand."""


class FakeKubernetes:
    """The server. To be used as an async context manager; `url` is where it answers.

    `reads` counts what was read; `used` lists which verbs were used on which kinds, as permissions name them.
    `refusals` maps a verb and a kind to the answer that every such write gets.
    """

    def __init__(self, store: ObjectStore, gate: Gate) -> None:
        self.store = store
        self.gate = gate
        self.reads = 0
        self.used: set[tuple[str, str]] = set()
        self.mistakes: list[str] = []
        self.unreachable = False
        self.refusals: dict[tuple[str, str], RefusedError] = {}
        self._server: TestServer | None = None

    async def __aenter__(self) -> Self:
        """Begin to listen."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._server = TestServer(application)
        await self._server.start_server()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self.close()

    async def close(self) -> None:
        """Let go of what hangs, and stop."""
        self.gate.release.set()
        for tell in self.store.on_change:
            tell()
        assert self._server is not None
        await self._server.close()

    @property
    def url(self) -> str:
        """Where it answers."""
        assert self._server is not None
        return str(self._server.make_url("")).rstrip("/")

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if self.gate.closed or self.unreachable:
            return cut(request)
        try:
            kind, namespace, name, subresource = target_of(request.path)
            if request.method == "GET":
                return await self._read(request, kind, namespace, name)
            return await self._write(request, kind, namespace, name, subresource)
        except RefusedError as error:
            return _refused(error)
        except (BadRequestError, KeyError, ValueError) as error:
            self.mistakes.append(f"{request.method} {request.path_qs}: {error!r}")
            return _refused(RefusedError(400, str(error)))

    async def _read(self, request: web.Request, kind: Kind, namespace: str | None, name: str | None) -> web.Response:
        self.reads += 1
        if name is not None:
            self.used.add(("get", kind.plural))
            return web.json_response(self.store.get(kind, str(namespace), name))
        self.used.add(("list", kind.plural))
        # Items of a list do not say what kind they are of.
        items = self.store.all(kind, namespace, labels_of(request.query.get("labelSelector", "")))
        bare = [{key: value for key, value in item.items() if key not in {"apiVersion", "kind"}} for item in items]
        return web.json_response(
            {"kind": f"{kind.name}List", "metadata": {"resourceVersion": self.store.version}, "items": bare}
        )

    async def _write(
        self, request: web.Request, kind: Kind, namespace: str | None, name: str | None, subresource: str | None
    ) -> web.Response:
        body = await request.json(loads=json.loads)
        target = name or body["metadata"]["name"]
        call = (request.method, request.content_type, subresource)
        verb = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}[request.method]
        self._note(verb, kind, str(namespace), target, subresource)

        async def act() -> web.Response:
            await asyncio.sleep(0)
            if (verb, kind.name) in self.refusals:
                return _refused(self.refusals[verb, kind.name])
            try:
                return web.json_response(self._done(call, request, kind, (str(namespace), target), body))
            except RefusedError as error:
                return _refused(error)

        what = kind.name if subresource is None else f"{kind.name}/{subresource}"
        return await self.gate.write(request, Write(verb, what, target), act)

    def _note(self, verb: str, kind: Kind, namespace: str, name: str, subresource: str | None) -> None:
        """Note the permissions that the write needs; what is applied and not there is created as well."""
        plural = kind.plural if subresource is None else f"{kind.plural}/{subresource}"
        self.used.add((verb, plural))
        if verb == "patch" and subresource is None and self.store.find(kind, namespace, name) is None:
            self.used.add(("create", plural))

    def _done(
        self, call: tuple[str, str, str | None], request: web.Request, kind: Kind, target: tuple[str, str], body: Any
    ) -> Any:
        if call[0] != "DELETE" and request.query.get("fieldManager") != MANAGER:
            raise BadRequestError("no field manager")
        match call:
            case ("POST", "application/json", None):
                return self.store.create(kind, body)
            case ("PUT", "application/json", None):
                return self.store.replace(kind, body)
            case ("PATCH", "application/apply-patch+yaml", None):
                _check_applied(request, kind, body)
                return self.store.apply(kind, body)
            case ("PATCH", "application/json-patch+json", "status"):
                version, status = _patched(body)
                return self.store.set_status(kind, *target, version, status)
            case ("DELETE", _, None):
                self.store.delete(kind, *target, uid=body["preconditions"]["uid"])
                return {"kind": "Status", "status": "Success"}
        raise BadRequestError(f"unknown call {call}")


def _check_applied(request: web.Request, kind: Kind, body: Any) -> None:
    if request.query.get("force") != "true" or (body["apiVersion"], body["kind"]) != (kind.api_version, kind.name):
        raise BadRequestError("a manifest has to say what it is, and to be forced")


def _patched(body: Any) -> tuple[str, Any]:
    """The version that the patch expects, and the status that it sets."""
    version, status = body
    if [(step["op"], step["path"]) for step in body] != [("add", "/metadata/resourceVersion"), ("add", "/status")]:
        raise BadRequestError("an unknown patch")
    return str(version["value"]), status["value"]


def target_of(path: str) -> tuple[Kind, str | None, str | None, str | None]:
    """Return the kind, the namespace, the name and the subresource that a path names. Raise RefusedError."""
    for kind in SERVED:
        if path == kind.path(None):
            return kind, None, None, None
        prefix = f"{kind.api}/namespaces/"
        namespace, _, rest = path.removeprefix(prefix).partition("/")
        parts = rest.split("/")
        if path.startswith(prefix) and parts[0] == kind.plural:
            return kind, namespace, *[*parts[1:], None, None][:2]  # type: ignore[return-value]
    raise RefusedError(404, f"the server could not find the requested resource {path}")


def labels_of(selector: str) -> dict[str, str | None]:
    """Read a label selector of the forms `key=value` and `key`; None stands for any value."""
    if any(character in selector for character in "!() "):
        raise BadRequestError(f"a label selector that is not understood: {selector}")
    parts = [part.partition("=") for part in selector.split(",") if part]
    return {key: value if equals else None for key, equals, value in parts}


def _refused(error: RefusedError) -> web.Response:
    document = {"kind": "Status", "status": "Failure", "message": str(error), "code": error.status}
    return web.json_response(document, status=error.status)
