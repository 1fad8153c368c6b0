"""Where checkpoints and part files lie on Kubernetes: a claim that the operator makes, or one that is there already.

Pure. Kubernetes only: on one machine the volume is a folder, and these fields change nothing. What cannot be changed is
checked by the API server alone, which knows what was there before.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field, StrictStr, model_validator
from pydantic_core import PydanticCustomError

from anomalyjob_operator.spec.base import Model, given_fields
from anomalyjob_operator.spec.quantities import Quantity, QuantityRange

OBJECT_NAME_PATTERN: Final = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
ONE_CLAIM_MESSAGE: Final = "must hold exactly one of persistentVolumeClaim and existingClaim, found {found}"
UNCHANGEABLE_MESSAGE: Final = (
    "cannot be changed: the state of the job lies there; create a resource of another name for another volume"
)
SHRUNK_MESSAGE: Final = "may only grow, was {old}, found {found}"

ObjectName = Annotated[StrictStr, Field(pattern=OBJECT_NAME_PATTERN, max_length=253)]
AccessMode = Literal["ReadWriteOnce", "ReadWriteMany"]


class ClaimTemplate(Model):
    """The claim that the operator makes. It may only grow; with ReadWriteOnce all Flink pods run on one node."""

    size: Annotated[Quantity, QuantityRange("64Mi", "64Ti")] = Quantity("1Gi")
    storage_class_name: ObjectName | None = None
    access_modes: Annotated[tuple[AccessMode, ...], Field(min_length=1, max_length=2)] = ("ReadWriteOnce",)


class Storage(Model):
    """Exactly one of the fields is set."""

    persistent_volume_claim: ClaimTemplate | None = None
    existing_claim: ObjectName | None = None

    @model_validator(mode="before")
    @classmethod
    def _exactly_one(cls, document: object) -> object:
        given = given_fields(document) if isinstance(document, Mapping) else [document]
        if len(given) == 1:
            return document
        found = "both" if given else "none; write persistentVolumeClaim: {}"
        raise PydanticCustomError("one_claim", "{message}", {"message": ONE_CLAIM_MESSAGE.format(found=found)})
