"""The Kubernetes API as plain JSON: read, list, apply, patch, delete; each call within a bound.

It must not know what the objects mean. Errors are of three kinds: a conflict (read again and start over), a refusal by
the server (the object is wrong or not allowed), and no usable answer (try again later).
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.exceptions import ApiException

from anomalyjob_operator.cluster.kinds import Kind, Manifest
from anomalyjob_operator.names import MANAGER

REQUEST_TIMEOUT_SECONDS: Final = 10.0
STREAM_SILENCE_SECONDS: Final = 60.0
MAXIMUM_MESSAGE_CHARACTERS: Final = 1_000
MAXIMUM_ERROR_BYTES: Final = 65_536
REFUSALS: Final = frozenset({400, 403, 422})
"""HTTP statuses that say that an object is wrong or not allowed, and will be so again."""

_APPLY: Final = "application/apply-patch+yaml"
_JSON_PATCH: Final = "application/json-patch+json"


class ApiError(Exception):
    """The API server refused; `status` is the HTTP status."""

    def __init__(self, what: str, status: int, message: str) -> None:
        """Keep the status, and say what was refused why."""
        super().__init__(f"{what}: the API server answered {status}: {message}")
        self.status = status


class ConflictError(ApiError):
    """Somebody else changed the object since it was read (409): read it again."""


class ApiUnavailableError(OSError):
    """No answer in time, or none that can be used. It says nothing about what became of a write."""


class KubernetesApi:
    """The API server that `configuration` names. To be used as an async context manager."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self._client: ApiClient | None = None

    async def __aenter__(self) -> Self:
        """Make the client; connections open when they are needed."""
        self._client = ApiClient(configuration=self.configuration)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Return the object, None when there is none."""
        try:
            return await self._call("GET", kind.path(namespace, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def list(
        self,
        kind: Kind,
        namespace: str | None,
        labels: Mapping[str, str] | None = None,
        *,
        recent_enough: bool = False,
    ) -> list[Manifest]:
        """Return all objects with the labels, of one namespace or of all.

        `recent_enough` lets the server answer from its memory, for who looks often and may see what was a moment ago.
        """
        query = {} if not labels else {"labelSelector": ",".join(f"{key}={value}" for key, value in labels.items())}
        query |= {"resourceVersion": "0"} if recent_enough else {}
        answer = await self._call("GET", kind.path(namespace), query=query)
        items: list[Manifest] = answer["items"]
        return items

    async def apply(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Create the object or take over the fields in the manifest, as this operator's (server-side apply, forced)."""
        metadata = manifest["metadata"]
        query = {"fieldManager": MANAGER, "force": "true"}
        path = kind.path(metadata["namespace"], metadata["name"])
        return await self._call("PATCH", path, query=query, body=manifest, content_type=_APPLY)

    async def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Create the object; raise ConflictError when there is one of that name."""
        query = {"fieldManager": MANAGER}
        return await self._call("POST", kind.path(manifest["metadata"]["namespace"]), query=query, body=manifest)

    async def replace(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Replace the whole object; raise ConflictError unless it still is of the manifest's resourceVersion."""
        metadata = manifest["metadata"]
        path = kind.path(metadata["namespace"], metadata["name"])
        return await self._call("PUT", path, query={"fieldManager": MANAGER}, body=manifest)

    async def set_status(self, kind: Kind, resource: Manifest, status: Mapping[str, Any]) -> Manifest:
        """Replace the whole status; raise ConflictError unless the object still is of the resource's version."""
        metadata = resource["metadata"]
        patch = [
            {"op": "add", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
            {"op": "add", "path": "/status", "value": status},
        ]
        path = kind.path(metadata["namespace"], metadata["name"], "status")
        return await self._call("PATCH", path, query={"fieldManager": MANAGER}, body=patch, content_type=_JSON_PATCH)

    async def delete(self, kind: Kind, namespace: str, name: str, *, uid: str) -> None:
        """Delete the object of this very uid; none is as good as deleted. What depends on it goes in the background."""
        body = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        try:
            await self._call("DELETE", kind.path(namespace, name), body=body)
        except ApiError as error:
            # A conflict means another object of the same name: not the one that was to be deleted.
            if error.status not in {404, 409}:
                raise

    async def stream(self, path: str, query: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
        """Yield what comes of an answer without an end, such as a log that is followed, in chunks as they come.

        Nothing for STREAM_SILENCE_SECONDS ends it: who is silent may be gone. Raise like every other call.
        """
        what = f"GET {path}"
        try:
            response = await _open_stream(self._opened, path, query)
            try:
                if response.status != 200:
                    body = (await response.content.read(MAXIMUM_ERROR_BYTES)).decode(errors="replace")
                    raise _api_error(what, ApiException(status=response.status, reason=response.reason, body=body))
                while chunk := await _next_chunk(response):
                    yield chunk
            finally:
                response.close()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise ApiUnavailableError(f"{what}: the answer broke off: {error!r}") from error

    @property
    def _opened(self) -> ApiClient:
        if self._client is None:
            raise RuntimeError("KubernetesApi is not open: use it with `async with`")
        return self._client

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | Sequence[Any] | None = None,
        content_type: str = "application/json",
    ) -> Manifest:
        what = f"{method} {path}"
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_SECONDS):
                return await _exchange(self._opened, method, path, query, body, content_type)
        except ApiException as error:
            raise _api_error(what, error) from None
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise ApiUnavailableError(f"{what}: no usable answer of the API server: {error!r}") from error


async def _exchange(
    client: ApiClient,
    method: str,
    path: str,
    query: Mapping[str, str] | None,
    body: Mapping[str, Any] | Sequence[Any] | None,
    content_type: str,
) -> Manifest:
    headers = {"Accept": "application/json", "Content-Type": content_type}
    serialized = await client.param_serialize(
        method=method,
        resource_path=f"{path}?{urlencode(query)}" if query else path,
        header_params=headers,
        body=body,
        auth_settings=["BearerToken"],
    )
    response = await client.call_api(*serialized, _request_timeout=REQUEST_TIMEOUT_SECONDS)
    data = await response.read()
    if not 200 <= response.status < 300:
        raise ApiException(status=response.status, reason=response.reason, body=data.decode(errors="replace"))
    document: Manifest = json.loads(data)
    return document


async def _open_stream(client: ApiClient, path: str, query: Mapping[str, str]) -> aiohttp.ClientResponse:
    serialized = await client.param_serialize(
        method="GET",
        resource_path=f"{path}?{urlencode(query)}",
        header_params={"Accept": "*/*"},
        auth_settings=["BearerToken"],
    )
    timeout = aiohttp.ClientTimeout(total=None, connect=REQUEST_TIMEOUT_SECONDS, sock_read=STREAM_SILENCE_SECONDS)
    response: aiohttp.ClientResponse = (await client.call_api(*serialized, _request_timeout=timeout)).response
    return response


async def _next_chunk(response: aiohttp.ClientResponse) -> bytes:
    """Return what comes next; nothing at the end, and after a long silence."""
    try:
        return await response.content.readany()
    except TimeoutError:
        return b""


def _api_error(what: str, error: ApiException) -> ApiError:
    status = int(error.status or 0)
    kind = ConflictError if status == 409 else ApiError
    return kind(what, status, _message(error))


def _message(error: ApiException) -> str:
    """Return the server's own sentence where it gave one."""
    try:
        text = str(json.loads(error.body or "")["message"])
    except (ValueError, KeyError, TypeError):
        text = str(error.reason or error)
    return text if len(text) <= MAXIMUM_MESSAGE_CHARACTERS else text[: MAXIMUM_MESSAGE_CHARACTERS - 1] + "…"
