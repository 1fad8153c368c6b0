"""The claim for the volume of a job: what is asked of the cluster, and what has to outlive the resource.

Pure. A claim that the user names is neither rendered nor changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from anomalyjob_operator import names
from anomalyjob_operator.cluster.model import ObjectModel, Owner, metadata

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anomalyjob_operator.desired.workloads import DesiredState
    from anomalyjob_operator.spec.storage import ClaimTemplate


def claim_models(desired: DesiredState, owner: Owner | None) -> tuple[ObjectModel, ...]:
    """Return the operator's own claim, if it is to make one.

    It belongs to the resource, and goes with it, only where the policy says so.
    """
    wanted = desired.spec.checkpointing.storage.persistent_volume_claim
    if wanted is None:
        return ()
    goes_too = owner if desired.spec.deletion_policy == "Delete" else None
    return (
        ObjectModel(
            template="persistentvolumeclaim",
            metadata={
                **metadata(desired, names.claim_name(desired.name), goes_too),
                "annotations": _remembered(desired),
            },
            values=_asked(wanted),
        ),
    )


def claim_name(desired: DesiredState) -> str:
    """Return the name of the claim that is mounted."""
    return desired.spec.checkpointing.storage.existing_claim or names.claim_name(desired.name)


def is_mounted_on_one_node(desired: DesiredState) -> bool:
    """Tell whether all pods of the job have to be on one node to share the volume.

    What a claim of others allows is not known here; pods that are together are right with any.
    """
    wanted = desired.spec.checkpointing.storage.persistent_volume_claim
    return wanted is None or "ReadWriteMany" not in wanted.access_modes


def _asked(wanted: ClaimTemplate) -> Mapping[str, object]:
    return {
        "access_modes": list(wanted.access_modes),
        "size": str(wanted.size),
        "storage_class_name": wanted.storage_class_name,
    }


def _remembered(desired: DesiredState) -> dict[str, str]:
    """Return what a resource of the same name, created anew, must know of the one before it."""
    nonce = desired.intent.restore_nonce
    incarnation = {names.INCARNATION_ANNOTATION: str(desired.intent.incarnation)}
    return incarnation if nonce is None else {**incarnation, names.RESTORE_NONCE_ANNOTATION: str(nonce)}
