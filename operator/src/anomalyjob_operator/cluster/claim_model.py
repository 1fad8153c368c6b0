"""The claim for the volume of a job: what is asked of the cluster, and what has to outlive the resource.

Pure. A claim that the user names is neither rendered nor changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from anomalyjob_operator import names
from anomalyjob_operator.cluster.model import ObjectModel, Owner, metadata

if TYPE_CHECKING:
    from anomalyjob_operator.desired.workloads import DesiredState


def claim_models(desired: DesiredState, owner: Owner | None) -> tuple[ObjectModel, ...]:
    """Return the operator's own claim. It belongs to the resource, and goes with it, only where the policy says so."""
    goes_too = owner if desired.spec.deletion_policy == "Delete" else None
    annotations = {"annotations": {names.INCARNATION_ANNOTATION: str(desired.intent.incarnation)}}
    return (
        ObjectModel(
            template="persistentvolumeclaim",
            metadata={**metadata(desired, names.claim_name(desired.name), goes_too), **annotations},
            values={"access_modes": ["ReadWriteOnce"], "size": "1Gi", "storage_class_name": None},
        ),
    )


def claim_name(desired: DesiredState) -> str:
    """Return the name of the claim that is mounted."""
    return names.claim_name(desired.name)


def is_mounted_on_one_node(desired: DesiredState) -> bool:
    """Tell whether all pods of the job have to be on one node to share the volume."""
    del desired
    return True
