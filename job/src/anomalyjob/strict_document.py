"""Reads JSON objects key by key and refuses whatever is not expected, naming the path of the key.

Pure: it gets decoded JSON and never a file. It must not guess: a missing key, a wrong type, a number out of bounds
and a key that nobody asked for are all errors, because a silently ignored setting is a wrong setting.
"""

import json
from collections.abc import Mapping
from typing import Final


class ConfigError(ValueError):
    """A configuration document is wrong at `path` (dots between keys, empty for the document itself)."""

    def __init__(self, path: str, message: str) -> None:
        """Keep the path and the sentence apart, so that a caller may put the file's name before both."""
        super().__init__(f"{path}: {message}" if path else message)
        self.path: Final = path
        self.message: Final = message


def decode_json(text: str) -> object:
    """Return the decoded JSON text; raise ConfigError with line and column when it is not JSON."""
    try:
        decoded: object = json.loads(text)
    except json.JSONDecodeError as error:
        message = f"is not JSON: {error.msg} at line {error.lineno} column {error.colno}"
        raise ConfigError("", message) from None
    return decoded


class Section:
    """One JSON object of a document; each reading method takes its key off the list of keys still unread.

    >>> section = Section({"maxCount": 3}, "detection")
    >>> section.integer("maxCount", minimum=1)
    3
    >>> section.finish()
    """

    def __init__(self, document: object, path: str = "") -> None:
        """Raise ConfigError when the document is not a JSON object."""
        if not isinstance(document, Mapping):
            raise ConfigError(path, f"must be an object, not {_kind(document)}")
        self.path: Final = path
        self._document: Final[Mapping[str, object]] = document
        self._unread = set(document)

    def path_of(self, key: str) -> str:
        """Return the full path of a key of this section."""
        return f"{self.path}.{key}" if self.path else key

    def has(self, key: str) -> bool:
        """Tell whether the key is there with a value other than null."""
        return self._document.get(key) is not None

    def skip(self, key: str) -> None:
        """Count the key as read: null and absent mean the same where a value is optional."""
        self._unread.discard(key)

    def value(self, key: str) -> object:
        """Return the value as it stands; raise ConfigError when the key is absent or null."""
        self._unread.discard(key)
        if not self.has(key):
            raise ConfigError(self.path_of(key), "is missing")
        return self._document[key]

    def section(self, key: str) -> "Section":
        """Return the object under the key."""
        return Section(self.value(key), self.path_of(key))

    def text(self, key: str) -> str:
        """Return a string that is not empty."""
        return _text(self.value(key), self.path_of(key))

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        """Return a string that is one of the allowed ones."""
        value = self.text(key)
        if value not in allowed:
            raise ConfigError(self.path_of(key), f"must be one of {', '.join(allowed)}, not {value!r}")
        return value

    def integer(self, key: str, *, minimum: int | None = None) -> int:
        """Return a whole number, not below the minimum."""
        value = self.value(key)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ConfigError(self.path_of(key), f"must be a whole number, not {_kind(value)}")
        if minimum is not None and value < minimum:
            raise ConfigError(self.path_of(key), f"must be at least {minimum}, not {value}")
        return value

    def number(self, key: str, *, minimum: float, maximum: float) -> float:
        """Return a number between the bounds, both included."""
        value = self.value(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigError(self.path_of(key), f"must be a number, not {_kind(value)}")
        if not minimum <= value <= maximum:
            raise ConfigError(self.path_of(key), f"must be between {minimum:g} and {maximum:g}, not {value}")
        return float(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings, none of them empty; the list itself may be."""
        value = self.value(key)
        if not isinstance(value, list):
            raise ConfigError(self.path_of(key), f"must be a list, not {_kind(value)}")
        return tuple(_text(item, f"{self.path_of(key)}[{position}]") for position, item in enumerate(value))

    def finish(self) -> None:
        """Raise ConfigError naming the first key that nobody has read."""
        if self._unread:
            raise ConfigError(self.path_of(min(self._unread)), "is not a known field")


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise ConfigError(path, f"must be a string, not {_kind(value)}")
    if not value:
        raise ConfigError(path, "must not be empty")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ConfigError(path, "must be Unicode text: half of a surrogate pair stands in it")
    return value


def _kind(value: object) -> str:
    names = {type(None): "null", bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list"}
    return names.get(type(value), "an object" if isinstance(value, Mapping) else type(value).__name__)
