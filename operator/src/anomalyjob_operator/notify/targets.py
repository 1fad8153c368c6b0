"""Where messages may be sent: the operator's own configuration, read from one JSON file.

Pure. Nothing of a secret may get into an error: an address may hold one, and every header does.

```json
{"targets": [{"name": "on-call", "url": "https://alerts.example.org/hook", "headersFile": "on-call.headers"}]}
```
A headers file has one header a line, `Name: value`; its path counts from the folder of the JSON file.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StrictStr, ValidationError

from anomalyjob_operator.spec.notifications import TARGET_LENGTH, TARGET_PATTERN

MAXIMUM_TARGETS: Final = 50
MAXIMUM_HEADERS: Final = 50
MAXIMUM_HEADER_CHARACTERS: Final = 8_000
RESERVED_HEADERS: Final = frozenset(
    {"connection", "content-encoding", "content-length", "content-type", "host", "te", "trailer", "transfer-encoding"}
)
"""What the sender itself has to say."""

_URL: Final = re.compile(r"https?://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:(?P<port>[0-9]{1,5}))?([/?][!-~]*)?")
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\xa0-\uffff]*")


class TargetsError(Exception):
    """The targets, or a headers file, cannot be used; the message says where and what, never what stands there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One place. Its address is not shown: for some services it is the secret."""

    name: str
    url: str = field(repr=False)
    headers_file: str | None = None


class _Target(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[StrictStr, Field(pattern=TARGET_PATTERN, max_length=TARGET_LENGTH)]
    url: Annotated[StrictStr, Field(max_length=2_048)]
    headers_file: Annotated[StrictStr | None, Field(alias="headersFile", min_length=1, max_length=1_024)] = None


class _Targets(BaseModel):
    model_config = ConfigDict(extra="forbid")

    targets: Annotated[list[_Target], Field(max_length=MAXIMUM_TARGETS)]


def parse_targets(text: str) -> tuple[Target, ...]:
    """Return the targets; raise TargetsError with everything that is wrong."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "somewhere"
        raise TargetsError(f"is not JSON ({where})") from None
    try:
        found = _Targets.model_validate(document).targets
    except ValidationError as error:
        raise TargetsError("; ".join(_problem(one["loc"], one["type"], one["msg"]) for one in error.errors())) from None
    problems = tuple(_problems(found))
    if problems:
        raise TargetsError("; ".join(problems))
    return tuple(Target(name=one.name, url=one.url, headers_file=one.headers_file) for one in found)


def parse_headers(text: str) -> Mapping[str, str]:
    """Return the headers of a headers file; raise TargetsError that names the line."""
    headers: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        _check_header(number, name, value.strip() if colon else None)
        if name.lower() in {known.lower() for known in headers}:
            raise TargetsError(f"line {number}: {name} stands there twice")
        headers[name] = value.strip()
    if len(headers) > MAXIMUM_HEADERS:
        raise TargetsError(f"holds {len(headers)} headers, at most {MAXIMUM_HEADERS} are sent")
    return headers


def _check_header(number: int, name: str, value: str | None) -> None:
    if value is None or not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
        raise TargetsError(f"line {number}: is not a header; write Name: value")
    if name.lower() in RESERVED_HEADERS:
        raise TargetsError(f"line {number}: {name} is set by the operator itself")
    if len(value) > MAXIMUM_HEADER_CHARACTERS:
        raise TargetsError(f"line {number}: is longer than {MAXIMUM_HEADER_CHARACTERS} characters")


def _problem(location: tuple[int | str, ...], kind: str, words: str) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    said = {
        "extra_forbidden": "is not a known field",
        "missing": "is missing",
        "string_pattern_mismatch": "must be lower-case letters, digits and -, beginning with a letter",
        "model_type": "must be an object",
    }
    return f"{path or 'the document'}: {said.get(kind, words)}"


def _problems(found: list[_Target]) -> Iterator[str]:
    names = [one.name for one in found]
    for position, one in enumerate(found):
        if one.name in names[:position]:
            yield f'targets[{position}].name: names "{one.name}" twice'
        if not _is_address(one.url):
            yield (
                f"targets[{position}].url: must be an absolute http:// or https:// address without user, password or"
                " fragment; what has to be sent along to be let in belongs into the headersFile"
            )


def _is_address(url: str) -> bool:
    match = _URL.fullmatch(url)
    return match is not None and "#" not in url and 0 < int(match["port"] or 1) <= 65_535
