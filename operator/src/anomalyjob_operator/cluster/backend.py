"""The Kubernetes back end of one job: carries out a desired state by objects, and reports what it sees.

It must not decide: no choice of checkpoints, no restart of a failed job. Deployments start dead pods again.
Every write is idempotent and names what it expects to find; whoever else changed that in between makes the pass fail,
and the next pass begins with what is there now.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from anomalyjob_operator.cluster.api import REFUSALS, ApiError, ConflictError, KubernetesApi
from anomalyjob_operator.cluster.kinds import ANOMALY_JOB, CLAIM, CONFIG_MAP, EVENT, POD, Manifest
from anomalyjob_operator.cluster.model import Owner, RenderSettings, owner_reference
from anomalyjob_operator.cluster.objects import Objects
from anomalyjob_operator.cluster.placement import cluster_placement
from anomalyjob_operator.cluster.pods import living_address, workloads_of
from anomalyjob_operator.cluster.render import render
from anomalyjob_operator.desired.placement import Placement
from anomalyjob_operator.desired.workloads import DesiredState
from anomalyjob_operator.ledger import Ledger
from anomalyjob_operator.names import (
    INCARNATION_ANNOTATION,
    MANAGER,
    REST_PORT,
    RESTORE_NONCE_ANNOTATION,
    claim_name,
    job_selector,
    labels,
    ledger_name,
)
from anomalyjob_operator.observed import Refusal, StartObservation, WorkloadObservation
from anomalyjob_operator.spec import AnomalyJob
from anomalyjob_operator.status import Event, Status

LEDGER_KEY: Final = "ledger.json"


class DamagedLedgerError(Exception):
    """The ledger is there and cannot be read: without its floor a job could fall back unnoticed."""


def rest_address(pod_address: str) -> str:
    """Return where the REST endpoint of the JobManager in the pod of this address answers."""
    host = f"[{pod_address}]" if ":" in pod_address else pod_address
    return f"http://{host}:{REST_PORT}"


class ClusterBackend:
    """One job's cluster. `see` is told the resource as it was read at the beginning of a pass.

    `rest_address` maps the address of a pod to where its REST endpoint answers.
    """

    def __init__(
        self,
        api: KubernetesApi,
        resource: Manifest,
        settings: RenderSettings,
        clock: Callable[[], datetime],
        *,
        rest_address: Callable[[str], str] = rest_address,
    ) -> None:
        self._api = api
        self._settings = settings
        self._clock = clock
        self._rest_address = rest_address
        self._resource = resource
        self._ledger_object: Manifest | None = None
        self._address: str | None = None
        self._refused: Refusal | None = None
        self._desired: DesiredState | None = None
        self._rendered: tuple[Manifest, ...] = ()
        self._objects = Objects(api, self._namespace, self._name, clock)

    def see(self, resource: Manifest) -> None:
        """Take note of the resource as it is now."""
        self._resource = resource

    def look_closely(self) -> None:
        """Compare every object again in the next pass: something happened to one of them."""
        self._objects.forget()

    @property
    def rest_url(self) -> str | None:
        """Where the JobManager's pod answers that was seen living last."""
        return None if self._address is None else self._rest_address(self._address)

    def placement(self, job: AnomalyJob) -> Placement:
        """Return where the job's processes are placed inside their containers."""
        return cluster_placement(job.metadata.namespace, job.metadata.name)

    async def read_ledger(self) -> Ledger:
        """Return the recorded ledger; without one, what the status or else the claim remembers.

        Raise DamagedLedgerError when there is one that cannot be read.
        """
        self._ledger_object = await self._api.get(CONFIG_MAP, self._namespace, ledger_name(self._name))
        if self._ledger_object is None:
            return await self._remembered()
        try:
            return Ledger.parse(json.loads(self._ledger_object.get("data", {})[LEDGER_KEY]))
        except (KeyError, TypeError, ValueError) as error:
            message = (
                f"ConfigMap {self._namespace}/{ledger_name(self._name)} holds no ledger in {LEDGER_KEY}:"
                f" {_first_line(error)}. Put it right, or delete the ConfigMap: then what the status says is taken"
            )
            raise DamagedLedgerError(message) from None

    async def write_ledger(self, ledger: Ledger) -> None:
        """Record the ledger; raise ConflictError when it is no longer the one that was read."""
        manifest = self._ledger_manifest(ledger)
        if self._ledger_object is None:
            self._ledger_object = await self._api.create(CONFIG_MAP, manifest)
            return
        manifest["metadata"]["resourceVersion"] = self._ledger_object["metadata"]["resourceVersion"]
        self._ledger_object = await self._api.replace(CONFIG_MAP, manifest)

    async def observe_workloads(self) -> tuple[WorkloadObservation, ...]:
        """Return what the job's pods tell, and find out where the JobManager's REST endpoint is."""
        pods = await self._api.list(POD, self._namespace, job_selector(self._name))
        self._address = living_address(pods, "jobmanager")
        return workloads_of(pods, self._clock())

    async def observe_start(self) -> StartObservation | None:
        """Nothing: the volume is out of sight. Flink's REST endpoint tells the start record."""
        return None

    async def volume_free_ratio(self) -> float | None:
        """Nothing: the volume is out of sight."""
        return None

    @property
    def refused_object(self) -> Refusal | None:
        """What the API server would not accept at the last `apply`, or no pod can be made of."""
        return self._refused

    async def apply(self, desired: DesiredState) -> None:
        """Let exactly the desired objects be there; nothing is written while they are."""
        if desired != self._desired:
            self._desired, self._rendered = desired, render(desired, self._settings, self._owner)
        try:
            self._refused = await self._objects.apply(self._rendered)
        except ApiError as error:
            if error.status not in REFUSALS:
                raise
            # The condition says so until an apply succeeds: the user has to change something first.
            self._refused = Refusal(reason="ObjectRefused", message=str(error))

    async def read_status(self) -> Status | None:
        """Return the status as it was read with the resource; None when there is none that can be understood."""
        document = self._resource.get("status")
        try:
            return None if not document else Status.parse(document)
        except ValidationError:
            return None

    async def write_status(self, status: Status) -> None:
        """Publish the status document; raise ConflictError when the resource was changed since it was read."""
        self._resource = await self._api.set_status(ANOMALY_JOB, self._resource, without_nulls(status.document()))

    async def emit(self, events: tuple[Event, ...]) -> None:
        """Leave Kubernetes events. The same event told again, after a crash, stays one."""
        for event in events:
            try:
                await self._api.create(EVENT, self._event_manifest(event))
            except ConflictError:
                continue

    @property
    def _namespace(self) -> str:
        return str(self._resource["metadata"]["namespace"])

    @property
    def _name(self) -> str:
        return str(self._resource["metadata"]["name"])

    @property
    def _owner(self) -> Owner:
        return Owner(
            api_version=ANOMALY_JOB.api_version,
            kind=ANOMALY_JOB.name,
            name=self._name,
            uid=str(self._resource["metadata"]["uid"]),
        )

    async def _remembered(self) -> Ledger:
        """Return the ledger of a job that has none: never a lower incarnation than was in use."""
        status = await self.read_status()
        claim = await self._api.get(CLAIM, self._namespace, claim_name(self._name))
        of_claim = 1 if claim is None else (number_on(claim, INCARNATION_ANNOTATION) or 1)
        restore_nonce = None if claim is None else number_on(claim, RESTORE_NONCE_ANNOTATION)
        if status is None or status.job.incarnation < of_claim:
            return Ledger(incarnation=of_claim, restore_nonce=restore_nonce)
        return _told(status, restore_nonce)

    def _ledger_manifest(self, ledger: Ledger) -> Manifest:
        owner = self._owner
        return {
            "apiVersion": CONFIG_MAP.api_version,
            "kind": CONFIG_MAP.name,
            "metadata": {
                "name": ledger_name(self._name),
                "namespace": self._namespace,
                "labels": labels(self._name),
                "ownerReferences": [owner_reference(owner)],
            },
            "data": {LEDGER_KEY: json.dumps(ledger.document(), indent=1) + "\n"},
        }

    def _event_manifest(self, event: Event) -> Manifest:
        owner = self._owner
        at = event.at.isoformat(timespec="seconds").replace("+00:00", "Z")
        said = f"{owner.uid}/{event.reason}/{event.message}/{event.at.isoformat()}"
        return {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.name,
            "metadata": {
                "name": f"{self._name}.{hashlib.sha256(said.encode(errors='surrogatepass')).hexdigest()[:16]}",
                "namespace": self._namespace,
            },
            "involvedObject": {
                "apiVersion": owner.api_version,
                "kind": owner.kind,
                "name": owner.name,
                "namespace": self._namespace,
                "uid": owner.uid,
            },
            "type": event.type,
            "reason": event.reason,
            "message": event.message[:1024],
            "firstTimestamp": at,
            "lastTimestamp": at,
            "count": 1,
            "source": {"component": MANAGER},
            "reportingComponent": MANAGER,
            "reportingInstance": MANAGER,
        }


def _told(status: Status, restore_nonce: int | None) -> Ledger:
    """Return the ledger as the status tells it: what runs goes on running, and no restore is done once more."""
    told = status.ledger
    return Ledger(
        incarnation=status.job.incarnation,
        restore_nonce=told.restore_nonce or restore_nonce,
        rule=told.rule,
        rule_path=told.rule_path,
        restart_counter=told.restart_counter,
        floor=told.floor,
        last_checkpoint=status.last_checkpoint,
        has_state=told.floor is not None,
        recoveries=status.recoveries,
        restarts=status.restarts,
        last_good=status.last_good,
        savepoints=status.savepoints,
    )


def number_on(claim: Manifest, annotation: str) -> int | None:
    """Return the number above zero that a claim remembers; None when it remembers none."""
    text = claim["metadata"].get("annotations", {}).get(annotation, "")
    return int(text) if text.isascii() and text.isdigit() and int(text) > 0 else None


def _first_line(error: Exception) -> str:
    """Return what is wrong in one line."""
    if not isinstance(error, ValidationError):
        return f"{type(error).__name__}: {error}"
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the whole document'}: {first['msg']}"


def without_nulls(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document as the API server stores it: what is null is left out, at every depth of mappings."""
    return {key: _without_nulls(value) for key, value in document.items() if value is not None}


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, Mapping):
        return without_nulls(value)
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
