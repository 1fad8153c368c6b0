"""Durations as a resource states them: a whole number and one unit, for example "500ms", "10s", "5m", "2h".

Pure. A duration stays the text that the user wrote, so that what is shown is what was typed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from pydantic_core import PydanticCustomError, core_schema

from anomalyjob_operator.spec.base import RANGE_KEY
from anomalyjob_operator.spec.wording import found_text

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

DURATION_PATTERN: Final = r"^[1-9][0-9]*(ms|s|m|h)$"
DURATION_MESSAGE: Final = (
    'must be a duration: a whole number from 1 on and one of ms, s, m, h, such as "500ms", "10s" or "5m"'
)
DURATION_MAXIMUM_LENGTH: Final = 12
DURATION_RANGE_MESSAGE: Final = "must be from {shortest} to {longest}, found {found}"

_UNIT_MILLISECONDS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}


class Duration(str):
    """A length of time above zero.

    >>> Duration("10s").milliseconds
    10000
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Raise ValueError when the text is not a duration."""
        if len(text) > DURATION_MAXIMUM_LENGTH or not re.fullmatch(DURATION_PATTERN, text):
            raise ValueError(f"{text!r} {DURATION_MESSAGE}")
        return super().__new__(cls, text)

    @property
    def milliseconds(self) -> int:
        """The length in milliseconds, exact."""
        number = self.rstrip("msh")
        return int(number) * _UNIT_MILLISECONDS[self[len(number) :]]

    @property
    def seconds(self) -> float:
        """The length in seconds."""
        return self.milliseconds / 1_000

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Let pydantic check the pattern, so that a schema made from a model states it too."""
        text = core_schema.str_schema(strict=True, max_length=DURATION_MAXIMUM_LENGTH, pattern=DURATION_PATTERN)
        typed = core_schema.no_info_before_validator_function(_refuse_other_types, text)
        return core_schema.no_info_after_validator_function(
            cls, typed, serialization=core_schema.to_string_ser_schema()
        )


@dataclass(frozen=True, slots=True)
class DurationRange:
    """Bounds of a duration, both included; stands in `Annotated[Duration, DurationRange("1s", "24h")]`."""

    shortest: str
    longest: str

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Check the bounds after the duration itself was understood."""
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """State the bounds in a schema, too."""
        return {**handler(schema), RANGE_KEY: [self.shortest, self.longest]}

    def check(self, found: Duration) -> Duration:
        """Return the duration; raise the error that pydantic collects when it is out of bounds."""
        if Duration(self.shortest).milliseconds <= found.milliseconds <= Duration(self.longest).milliseconds:
            return found
        message = DURATION_RANGE_MESSAGE.format(shortest=self.shortest, longest=self.longest, found=found)
        raise PydanticCustomError("duration_range", "{message}", {"message": message})


def _refuse_other_types(found: object) -> object:
    if isinstance(found, str):
        return found
    raise PydanticCustomError(
        "duration_type", "{message}", {"message": f"{DURATION_MESSAGE}; found {found_text(found)}"}
    )
