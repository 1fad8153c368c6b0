"""What all parts of a resource share. Pure."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    """A frozen part of a resource: camelCase names, no unknown field."""

    # The plugin wants a second accepted name; documents have exactly one.
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)  # type: ignore[pydantic-alias]
