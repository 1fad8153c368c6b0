"""Where the API server keeps each kind of object that the operator touches. Pure data; it must not talk to anybody."""

from dataclasses import dataclass
from typing import Any, Final

from anomalyjob_operator.names import GROUP, PLURAL, VERSION

Manifest = dict[str, Any]
"""One Kubernetes object as plain JSON values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One namespaced kind. `api` is the path of its group and version."""

    name: str
    api_version: str
    plural: str

    @property
    def api(self) -> str:
        """The path below which objects of this group and version lie."""
        return f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """Return the path of all objects (of one namespace), of one, or of its subresource."""
        within = "" if namespace is None else f"/namespaces/{namespace}"
        parts = [f"{self.api}{within}/{self.plural}", name, subresource]
        return "/".join(part for part in parts if part is not None)


ANOMALY_JOB: Final = Kind(name="AnomalyJob", api_version=f"{GROUP}/{VERSION}", plural=PLURAL)
CONFIG_MAP: Final = Kind(name="ConfigMap", api_version="v1", plural="configmaps")
CLAIM: Final = Kind(name="PersistentVolumeClaim", api_version="v1", plural="persistentvolumeclaims")
DEPLOYMENT: Final = Kind(name="Deployment", api_version="apps/v1", plural="deployments")
DISRUPTION_BUDGET: Final = Kind(name="PodDisruptionBudget", api_version="policy/v1", plural="poddisruptionbudgets")
EVENT: Final = Kind(name="Event", api_version="v1", plural="events")
NETWORK_POLICY: Final = Kind(name="NetworkPolicy", api_version="networking.k8s.io/v1", plural="networkpolicies")
POD: Final = Kind(name="Pod", api_version="v1", plural="pods")
SERVICE: Final = Kind(name="Service", api_version="v1", plural="services")

RENDERED: Final = (CONFIG_MAP, CLAIM, SERVICE, NETWORK_POLICY, DISRUPTION_BUDGET, DEPLOYMENT)
"""What is applied for a job, in this order: what pods need is there before the pods."""

KINDS: Final = {kind.name: kind for kind in RENDERED}
