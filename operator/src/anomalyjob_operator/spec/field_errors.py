"""From pydantic's findings to sentences that a user of the resource understands: where, what, and what to do.

Pure. Nothing of pydantic's wording may reach a user.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, get_args

from pydantic import BaseModel

from anomalyjob_operator.spec import model as resource_model
from anomalyjob_operator.spec.durations import DURATION_MESSAGE, DURATION_PATTERN
from anomalyjob_operator.spec.notifications import TARGET_PATTERN
from anomalyjob_operator.spec.quantities import CPU_MESSAGE, CPU_PATTERN, QUANTITY_MESSAGE, QUANTITY_PATTERN
from anomalyjob_operator.spec.storage import OBJECT_NAME_PATTERN
from anomalyjob_operator.spec.wording import bound_text, found_text, path_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pydantic_core import ErrorDetails

MISSING_MESSAGE: Final = "is missing"
EMPTY_MAPPING_MESSAGE: Final = "has no value; write {} for the defaults, or leave the field out"

PATTERN_MESSAGES: Final[Mapping[str, str]] = {
    DURATION_PATTERN: DURATION_MESSAGE,
    QUANTITY_PATTERN: QUANTITY_MESSAGE,
    CPU_PATTERN: CPU_MESSAGE,
    OBJECT_NAME_PATTERN: "must be the name of a Kubernetes object: lower-case letters, digits, - and .",
    TARGET_PATTERN: "must be the name of a target: lower-case letters, digits and -, beginning with a letter",
    resource_model.RESTORE_PATTERN: "must be latest, empty, or the absolute path of a checkpoint or savepoint",
    resource_model.IMAGE_PATTERN: "must be the name of an image, such as anomalyjob:dev",
    resource_model.NAME_PATTERN: "must be lower-case letters, digits and -, begin with a letter and not end with -",
    resource_model.NAMESPACE_PATTERN: "must be lower-case letters, digits and -, and neither begin nor end with -",
    resource_model.USER_PATTERN: "must be printable, and neither begin nor end with a space",
    resource_model.FLINK_KEY_PATTERN: "must be the full name of a Flink setting, such as heartbeat.interval",
}


@dataclass(frozen=True, slots=True, order=True)
class FieldError:
    """One thing that is wrong: `path` such as `spec.taskManager.slots`, and a sentence without the path."""

    path: str
    message: str

    @property
    def line(self) -> str:
        """What a user sees."""
        return f"{self.path}: {self.message}"


def field_error(details: ErrorDetails, model: type[BaseModel]) -> FieldError:
    """Return the plain form of one of pydantic's findings about `model`."""
    location = [part for part in details["loc"] if part != "[key]"]
    return FieldError(path=path_text(location), message=_message(details, model))


def known_fields(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """Return the names of the fields that may stand at the location; empty when it is not a part with fields."""
    inner: type[BaseModel] | None = model
    for part in location:
        inner = _field_model(inner, part) if inner is not None else None
    return [] if inner is None else [field.alias or name for name, field in inner.model_fields.items()]


def _field_model(model: type[BaseModel], part: str | int) -> type[BaseModel] | None:
    for name, field in model.model_fields.items():
        if part == (field.alias or name):
            choices = (field.annotation, *get_args(field.annotation))
            return next((choice for choice in choices if _is_model(choice)), None)
    return None


def _is_model(choice: object) -> bool:
    return isinstance(choice, type) and issubclass(choice, BaseModel)


def _message(details: ErrorDetails, model: type[BaseModel]) -> str:
    context: dict[str, Any] = details.get("ctx", {})
    kind = details["type"]
    if kind == "extra_forbidden":
        return _unknown_field(details, model)
    if kind == "string_pattern_mismatch":
        return f"{PATTERN_MESSAGES[context['pattern']]}; found {found_text(details['input'])}"
    if kind in _SENTENCES:
        return _SENTENCES[kind](context, details["input"])
    # Errors of our own rules carry their whole sentence.
    return details["msg"]


def _unknown_field(details: ErrorDetails, model: type[BaseModel]) -> str:
    *parent, name = details["loc"]
    known = known_fields(model, parent)
    close = difflib.get_close_matches(str(name).lower(), [field.lower() for field in known], n=1)
    if close:
        meant = next(field for field in known if field.lower() == close[0])
        return f"is not a known field; did you mean {meant}?"
    if known:
        return f"is not a known field; known here: {', '.join(known)}"
    return "is not a known field; nothing can be set here"


def _must_be(what: str) -> Callable[[dict[str, Any], object], str]:
    return lambda _context, found: f"must be {what}, found {found_text(found)}"


def _mapping(_context: dict[str, Any], found: object) -> str:
    return EMPTY_MAPPING_MESSAGE if found is None else f"must be a mapping, found {found_text(found)}"


def _at_least(context: dict[str, Any], found: object) -> str:
    return f"must be at least {bound_text(context['ge'])}, found {found}"


def _at_most(context: dict[str, Any], found: object) -> str:
    return f"must be at most {bound_text(context['le'])}, found {found}"


def _one_of(context: dict[str, Any], found: object) -> str:
    return f"must be {context['expected'].replace(chr(39), '')}, found {found_text(found)}"


_SENTENCES: Final[Mapping[str, Callable[[dict[str, Any], object], str]]] = {
    "invalid_key": lambda _context, _found: "is not a known field; names of fields are text",
    "missing": lambda _context, _found: MISSING_MESSAGE,
    "int_type": _must_be("a whole number"),
    "float_type": _must_be("a number"),
    "finite_number": _must_be("a number"),
    "string_type": _must_be("text; put it in quotes"),
    "string_unicode": lambda _context, _found: "must be text, found characters that are not Unicode",
    "bool_type": _must_be("true or false"),
    "tuple_type": _must_be("a list"),
    "model_type": _mapping,
    "model_attributes_type": _mapping,
    "dict_type": _mapping,
    "mapping_type": _mapping,
    "literal_error": _one_of,
    "greater_than_equal": _at_least,
    "less_than_equal": _at_most,
    "string_too_short": lambda _context, _found: "must not be empty",
    "string_too_long": lambda context, found: (
        f"must be at most {context['max_length']} characters long, found {len(str(found))}"
    ),
    "too_short": lambda context, _found: f"must have at least {context['min_length']} entry",
    "too_long": lambda context, _found: f"must have at most {context['max_length']} entries",
}
