"""What all parts of a resource share. Pure."""

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

RANGE_KEY: Final = "x-range"
"""In a JSON schema: the least and the largest value of a text that means an amount."""


def given_fields(document: Mapping[object, object]) -> list[object]:
    """Return the fields that say something: one of several choices is not made by a name without a value."""
    return [field for field, value in document.items() if value is not None]


class Model(BaseModel):
    """A frozen part of a resource: camelCase names, no unknown field."""

    # The plugin wants a second accepted name; documents have exactly one.
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)  # type: ignore[pydantic-alias]
