"""Makes the live objects of one job equal to what was rendered: creates, repairs, removes; writes nothing otherwise.

A comparison costs one list a kind, so it is made when something changed, when somebody says that something happened,
and every now and then. It must not know what the objects are for.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from anomalyjob_operator.cluster.api import REFUSALS, ApiError, KubernetesApi
from anomalyjob_operator.cluster.drift import drifted, marked
from anomalyjob_operator.cluster.kinds import CLAIM, CONFIG_MAP, DEPLOYMENT, KINDS, POD, RENDERED, Kind, Manifest
from anomalyjob_operator.names import (
    CONTENT_HASH_ANNOTATION,
    WORKLOAD_LABEL,
    configuration_name,
    job_selector,
    ledger_name,
)
from anomalyjob_operator.observed import Refusal

COMPARED_EVERY: Final = timedelta(seconds=15)

Live = dict[tuple[str, str], Manifest]
"""Live objects by kind and name."""


class Objects:
    """The objects of one job. What it remembers may be lost: it only saves comparisons."""

    def __init__(self, api: KubernetesApi, namespace: str, name: str, clock: Callable[[], datetime]) -> None:
        self._api = api
        self._namespace = namespace
        self._name = name
        self._clock = clock
        self._applied: Sequence[Manifest] | None = None
        self._compared_at: datetime | None = None
        self._without_pods: Refusal | None = None

    def forget(self) -> None:
        """Compare at the next opportunity."""
        self._compared_at = None

    async def apply(self, manifests: Sequence[Manifest]) -> Refusal | None:
        """Bring the live objects in line; in the order of RENDERED, so that pods find what they need.

        Return why no pod can be made of one of them, as it was seen last. Raise ApiError when one is refused, after all
        others have been brought in line: a claim that cannot grow must not keep a job from being stopped.
        """
        now = self._clock()
        if self._is_recent(manifests, now):
            return self._without_pods
        live = await self._live()
        refused = await self._put_all(manifests, live)
        await self._remove_extra(manifests, live)
        if refused is not None:
            raise refused
        self._applied, self._compared_at, self._without_pods = manifests, now, _without_pods(live)
        return self._without_pods

    async def _put_all(self, manifests: Sequence[Manifest], live: Live) -> ApiError | None:
        """Apply what differs; return the first refusal. Anything else that goes wrong ends it at once."""
        refused: ApiError | None = None
        for kind in RENDERED:
            for manifest in map(marked, manifests):
                if manifest["kind"] != kind.name or not _differs(manifest, live):
                    continue
                try:
                    await self._put(kind, manifest, live)
                except ApiError as error:
                    if error.status not in REFUSALS:
                        raise
                    refused = refused or error
        return refused

    async def _put(self, kind: Kind, manifest: Manifest, live: Live) -> None:
        found = live.get((kind.name, manifest["metadata"]["name"]))
        if found is not None and kind is CONFIG_MAP and found.get("data") != manifest["data"]:
            # It is immutable, and somebody put another one in its place.
            await self._api.delete(kind, self._namespace, manifest["metadata"]["name"], uid=found["metadata"]["uid"])
        await self._api.apply(kind, manifest)

    def _is_recent(self, manifests: Sequence[Manifest], now: datetime) -> bool:
        if self._compared_at is None or manifests != self._applied:
            return False
        return now - self._compared_at < COMPARED_EVERY

    async def _live(self) -> Live:
        lists = await asyncio.gather(*(self._list(kind) for kind in RENDERED))
        found = zip(RENDERED, lists, strict=True)
        return {(kind.name, item["metadata"]["name"]): item for kind, items in found for item in items}

    async def _list(self, kind: Kind) -> list[Manifest]:
        return await self._api.list(kind, self._namespace, job_selector(self._name))

    async def _remove_extra(self, manifests: Sequence[Manifest], live: Live) -> None:
        """Remove what belongs to the resource but is no longer rendered. The claim is never removed, nor the ledger."""
        wanted = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests}
        wanted.add((CONFIG_MAP.name, ledger_name(self._name)))
        owners = {uid for manifest in manifests for uid in _owners(manifest)}
        extra = {
            key: item
            for key, item in live.items()
            if key not in wanted and key[0] != CLAIM.name and not owners.isdisjoint(_owners(item))
        }
        if any(kind == CONFIG_MAP.name for kind, _ in extra):
            used = await self._used_configurations()
            extra = {key: item for key, item in extra.items() if key not in used}
        for (kind, name), item in extra.items():
            await self._api.delete(KINDS[kind], self._namespace, name, uid=item["metadata"]["uid"])

    async def _used_configurations(self) -> set[tuple[str, str]]:
        """Return the ConfigMaps that pods were started from: a container that is started again reads its one again."""
        pods = await self._api.list(POD, self._namespace, job_selector(self._name))
        return {(CONFIG_MAP.name, name) for pod in pods if (name := _configuration_of(pod["metadata"])) is not None}


def _configuration_of(metadata: Mapping[str, Mapping[str, str]]) -> str | None:
    workload = metadata.get("labels", {}).get(WORKLOAD_LABEL)
    content_hash = metadata.get("annotations", {}).get(CONTENT_HASH_ANNOTATION)
    return None if workload is None or content_hash is None else configuration_name(workload, content_hash)


def _owners(manifest: Manifest) -> list[str]:
    return [str(reference["uid"]) for reference in manifest["metadata"].get("ownerReferences", [])]


def _without_pods(live: Live) -> Refusal | None:
    """Return why no pod can be made of a Deployment, such as a quota or the namespace's Pod Security."""
    for (kind, name), item in live.items():
        conditions = item.get("status", {}).get("conditions", []) if kind == DEPLOYMENT.name else []
        failed = (one for one in conditions if one["type"] == "ReplicaFailure" and one["status"] == "True")
        for condition in failed:
            return Refusal(reason=str(condition["reason"]), message=f"Deployment {name}: {condition['message']}")
    return None


def _differs(manifest: Manifest, live: Live) -> bool:
    found = live.get((manifest["kind"], manifest["metadata"]["name"]))
    # Items of a list do not say what kind they are of.
    applied = {key: value for key, value in manifest.items() if key not in {"apiVersion", "kind"}}
    return found is None or drifted(applied, found)
