"""The base of every JSON document that the operator keeps: frozen, camelCase, times as RFC 3339 UTC milliseconds.

Pure. It must not know any single document; ledger and status build on it.
"""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, PlainSerializer
from pydantic.alias_generators import to_camel

from anomalyjob.timestamps import format_time, parse_time


def _read_time(value: object) -> object:
    return parse_time(value) if isinstance(value, str) else value


def cut_time(value: datetime) -> datetime:
    """Return the time in UTC, cut to milliseconds: what is written and read back equals what was in memory."""
    return parse_time(format_time(value))


Time = Annotated[
    AwareDatetime,
    BeforeValidator(_read_time),
    AfterValidator(cut_time),
    PlainSerializer(format_time, return_type=str, when_used="json"),
]
"""A moment in UTC, whole milliseconds; in JSON for example "2026-01-02T03:04:05.678Z"."""


class Document(BaseModel):
    """A frozen record with a camelCase JSON form. Unknown keys are dropped, so that an older reader survives."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, validate_by_name=True)

    def document(self) -> dict[str, Any]:
        """Return the JSON form as plain dicts, lists, texts, numbers and None."""
        return self.model_dump(mode="json", by_alias=True)

    @classmethod
    def parse(cls, document: object) -> Self:
        """Read the JSON form. Raises pydantic.ValidationError, which names the key, for anything else."""
        return cls.model_validate(document)

    def evolve(self, **changes: object) -> Self:
        """Return a copy with `changes` (field name to value), checked like a new one."""
        return type(self).model_validate(dict(self) | changes)
