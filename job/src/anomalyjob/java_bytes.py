"""Reads what Java's DataOutputStream and ObjectOutputStream wrote, as far as Flink's metadata needs it.

Pure. It never builds objects from what it reads, it only finds out where things end: a corrupt file can make it raise,
and nothing else.
"""

import struct
from typing import Final

_STREAM_HEADER: Final = 0xACED0005
_NULL: Final = 0x70
_REFERENCE: Final = 0x71
_CLASS_DESCRIPTION: Final = 0x72
_OBJECT: Final = 0x73
_STRING: Final = 0x74
_END_OF_BLOCK: Final = 0x78
_ENUM: Final = 0x7E
_SERIALIZABLE: Final = 0x02
_ENUM_FLAG: Final = 0x10
_FIRST_HANDLE: Final = 0x7E0000
_DEPTH_AT_MOST: Final = 16
_PRIMITIVE_BYTES: Final = {"B": 1, "C": 2, "D": 8, "F": 4, "I": 4, "J": 8, "S": 2, "Z": 1}


class CutOffError(ValueError):
    """The bytes end before what they began; the message says where."""


class MalformedError(ValueError):
    """The bytes contradict themselves; the message says where."""


class UnknownBytesError(ValueError):
    """The bytes may be sound, but this reader does not know what stands there; the message says where."""


class JavaReader:
    """A position in the bytes of a DataOutputStream; every reading method moves it on or raises CutOffError."""

    def __init__(self, data: bytes, position: int = 0) -> None:
        """Begin at a position of the data."""
        self._data: Final = data
        self.position = position

    @property
    def rest(self) -> int:
        """How many bytes are left."""
        return len(self._data) - self.position

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        if size < 0:
            raise MalformedError(f"a negative length stands before byte {self.position}")
        if size > self.rest:
            raise CutOffError(
                f"it is cut off: {size} bytes are due at byte {self.position}, but the file has {len(self._data)}"
            )
        self.position += size
        return self._data[self.position - size : self.position]

    def byte(self) -> int:
        """Return an unsigned byte."""
        return self.take(1)[0]

    def integer(self) -> int:
        """Return a signed 32-bit number."""
        return int.from_bytes(self.take(4), signed=True)

    def count(self) -> int:
        """Return a 32-bit number of things that follow, each of at least one byte."""
        number = self.integer()
        if number < 0:
            raise MalformedError(f"a negative count stands before byte {self.position}")
        return number

    def long(self) -> int:
        """Return a signed 64-bit number."""
        return int.from_bytes(self.take(8), signed=True)

    def text(self) -> str:
        """Return a string in Java's modified UTF-8: at most 65535 bytes, zero and high characters each in their way."""
        raw = self.take(int.from_bytes(self.take(2)))
        try:
            halves = raw.replace(b"\xc0\x80", b"\0").decode("utf-8", "surrogatepass")
            return halves.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
        except UnicodeDecodeError:
            raise MalformedError(f"the text before byte {self.position} is not text") from None


class JavaObjectWalker:
    """Walks over one object of an ObjectOutputStream (the Java Object Serialization protocol, version 5).

    Known are objects, enums, strings, references and classes with default serialization; anything else is UnknownBytes.
    """

    def __init__(self, reader: JavaReader) -> None:
        """Walk on from where the reader stands."""
        self._reader: Final = reader
        self._handles: list[tuple[str, ...] | None] = []

    def skip_stream(self) -> None:
        """Move the reader behind the stream's header and its one object."""
        start = self._reader.position
        (header,) = struct.unpack(">I", self._reader.take(4))
        if header != _STREAM_HEADER:
            raise MalformedError(f"no Java object begins at byte {start}")
        self._skip_content(0)

    def _skip_content(self, depth: int) -> None:
        kind = self._kind(depth)
        if kind == _OBJECT:
            self._skip_object(depth)
        elif kind == _ENUM:
            self._class_fields(depth)
            self._handles.append(None)
            self._skip_content(depth + 1)
        elif kind == _STRING:
            self._reader.text()
            self._handles.append(None)
        elif kind == _REFERENCE:
            self._referred()
        elif kind != _NULL:
            raise UnknownBytesError(f"a Java object of kind {kind:#x} stands before byte {self._reader.position}")

    def _skip_object(self, depth: int) -> None:
        fields = self._class_fields(depth)
        self._handles.append(None)
        for field in fields:
            if field in _PRIMITIVE_BYTES:
                self._reader.take(_PRIMITIVE_BYTES[field])
            else:
                self._skip_content(depth + 1)

    def _class_fields(self, depth: int) -> tuple[str, ...]:
        """Return the field types of a class and its parents, parents first, as their values follow."""
        kind = self._kind(depth)
        if kind == _NULL:
            return ()
        if kind == _REFERENCE:
            return self._referred()
        if kind != _CLASS_DESCRIPTION:
            raise UnknownBytesError(f"a Java class of kind {kind:#x} stands before byte {self._reader.position}")
        return self._described_fields(depth)

    def _described_fields(self, depth: int) -> tuple[str, ...]:
        self._reader.text()
        self._reader.take(8)
        handle = len(self._handles)
        self._handles.append(None)
        flags = self._reader.byte()
        if flags & ~_ENUM_FLAG != _SERIALIZABLE:
            raise UnknownBytesError(f"a Java class that writes itself stands before byte {self._reader.position}")
        own = [self._field(depth) for _ in range(int.from_bytes(self._reader.take(2)))]
        if self._reader.byte() != _END_OF_BLOCK:
            raise UnknownBytesError(f"an annotated Java class stands before byte {self._reader.position}")
        fields = (*self._class_fields(depth + 1), *own)
        self._handles[handle] = fields
        return fields

    def _field(self, depth: int) -> str:
        kind = chr(self._reader.byte())
        self._reader.text()
        if kind in {"L", "["}:
            self._skip_content(depth + 1)
        elif kind not in _PRIMITIVE_BYTES:
            raise MalformedError(f"no Java field type stands before byte {self._reader.position}")
        return kind

    def _referred(self) -> tuple[str, ...]:
        number = self._reader.integer() - _FIRST_HANDLE
        if not 0 <= number < len(self._handles):
            raise MalformedError(f"the Java reference before byte {self._reader.position} leads nowhere")
        return self._handles[number] or ()

    def _kind(self, depth: int) -> int:
        if depth > _DEPTH_AT_MOST:
            raise UnknownBytesError(f"Java objects are nested too deeply at byte {self._reader.position}")
        return self._reader.byte()
