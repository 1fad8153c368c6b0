"""Amounts as Kubernetes writes them: of memory, "1728Mi", "2Gi", "1.5Gi"; of processor time, "500m", "2".

Pure. Only what means bytes or cores is accepted; the exotic forms of Kubernetes (exponents, milli-bytes) are refused.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, Final, Self, TypeVar

from pydantic_core import PydanticCustomError, core_schema

from anomalyjob_operator.spec.base import RANGE_KEY
from anomalyjob_operator.spec.wording import found_text

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

QUANTITY_PATTERN: Final = r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$"
QUANTITY_MESSAGE: Final = 'must be an amount of memory as Kubernetes writes it, such as "1728Mi" or "2Gi"'
QUANTITY_MAXIMUM_LENGTH: Final = 20
CPU_PATTERN: Final = r"^([0-9]+(\.[0-9]{1,3})?|[0-9]+m)$"
CPU_MESSAGE: Final = 'must be an amount of processor time as Kubernetes writes it, such as "500m" or "2"'
QUANTITY_RANGE_MESSAGE: Final = "must be from {smallest} to {largest}, found {found}"

_SUFFIX_BYTES: Final = {
    "": 1,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}

AmountOfAKind = TypeVar("AmountOfAKind", "Quantity", "CpuQuantity")


class Amount(str):
    """An amount with a unit; it stays the text that the user wrote. The kinds below say which texts are amounts."""

    __slots__ = ()

    pattern: ClassVar[str]
    message: ClassVar[str]

    def __new__(cls, text: str) -> Self:
        """Raise ValueError when the text is not an amount of this kind."""
        if len(text) > QUANTITY_MAXIMUM_LENGTH or not re.fullmatch(cls.pattern, text):
            raise ValueError(f"{text!r} {cls.message}")
        return super().__new__(cls, text)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Let pydantic check the pattern, so that a schema made from a model states it too."""
        text = core_schema.str_schema(strict=True, max_length=QUANTITY_MAXIMUM_LENGTH, pattern=cls.pattern)
        typed = core_schema.no_info_before_validator_function(cls._refuse_other_types, text)
        return core_schema.no_info_after_validator_function(
            cls, typed, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def _refuse_other_types(cls, found: object) -> object:
        if isinstance(found, str):
            return found
        message = f"{cls.message}; found {found_text(found)}"
        raise PydanticCustomError("quantity_type", "{message}", {"message": message})


class Quantity(Amount):
    """An amount of memory.

    >>> Quantity("1.5Gi").size_bytes
    1610612736
    """

    __slots__ = ()

    pattern = QUANTITY_PATTERN
    message = QUANTITY_MESSAGE

    @property
    def size_bytes(self) -> int:
        """The amount in bytes; a broken byte is rounded up, as Kubernetes does."""
        number = self.rstrip("KMGTki")
        return math.ceil(Fraction(number) * _SUFFIX_BYTES[self[len(number) :]])


class CpuQuantity(Amount):
    """An amount of processor time.

    >>> CpuQuantity("500m").millicores
    500
    """

    __slots__ = ()

    pattern = CPU_PATTERN
    message = CPU_MESSAGE

    @property
    def millicores(self) -> int:
        """The amount in thousandths of a core, rounded up."""
        return int(self[:-1]) if self.endswith("m") else math.ceil(Fraction(self) * 1_000)


@dataclass(frozen=True, slots=True)
class QuantityRange:
    """Bounds of an amount, both included; stands in `Annotated[Quantity, QuantityRange("768Mi", "64Gi")]`."""

    smallest: str
    largest: str

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Check the bounds after the amount itself was understood."""
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """State the bounds in a schema, too."""
        return {**handler(schema), RANGE_KEY: [self.smallest, self.largest]}

    def check(self, found: AmountOfAKind) -> AmountOfAKind:
        """Return the amount; raise the error that pydantic collects when it is out of bounds."""
        kind = type(found)
        if _units(kind(self.smallest)) <= _units(found) <= _units(kind(self.largest)):
            return found
        message = QUANTITY_RANGE_MESSAGE.format(smallest=self.smallest, largest=self.largest, found=found)
        raise PydanticCustomError("quantity_range", "{message}", {"message": message})


def _units(amount: Quantity | CpuQuantity) -> int:
    return amount.size_bytes if isinstance(amount, Quantity) else amount.millicores
