"""What a user may add to Flink's pods on Kubernetes. Pure; Kubernetes only.

Parts in a shape of Kubernetes' own are taken as they are and checked by the API server when the pod is made. What could
loosen the restricted security context has no field here, and what gets through is masked when pods are rendered.
"""

from typing import Annotated, Any

from pydantic import Field, StrictStr

from anomalyjob_operator.spec.base import Model

Key = Annotated[StrictStr, Field(min_length=1, max_length=317)]
Value = Annotated[StrictStr, Field(max_length=4_096)]
Text = Annotated[StrictStr, Field(min_length=1, max_length=253)]
FreeForm = Annotated[dict[str, Any], Field(max_length=50)]
Items = Annotated[tuple[FreeForm, ...], Field(max_length=50)]


class PodMetadata(Model):
    """Labels and annotations to add; those of the operator stay as they are."""

    labels: Annotated[dict[Key, Value], Field(default={}, max_length=50)]
    annotations: Annotated[dict[Key, Value], Field(default={}, max_length=50)]


class PodSpec(Model):
    """Parts of a pod to add. Containers, volumes and their like are merged by name; `flink` is Flink's container."""

    affinity: FreeForm | None = None
    containers: Items = ()
    dns_config: FreeForm | None = None
    dns_policy: Text | None = None
    host_aliases: Items = ()
    image_pull_secrets: Items = ()
    init_containers: Items = ()
    node_selector: Annotated[dict[Key, Value], Field(default={}, max_length=50)]
    preemption_policy: Text | None = None
    priority_class_name: Text | None = None
    runtime_class_name: Text | None = None
    scheduler_name: Text | None = None
    tolerations: Items = ()
    topology_spread_constraints: Items = ()
    volumes: Items = ()


class PodTemplate(Model):
    """What is added to each pod of one role."""

    metadata: PodMetadata = PodMetadata()
    spec: PodSpec = PodSpec()
