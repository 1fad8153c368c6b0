"""Reads Flink's `_metadata` files: the checkpoint's id, and which state files it needs.

Layout: as Flink 2.3 writes it (MetadataV6Serializer, ChannelStateHandleSerializerV2). The whole structure is walked, so
that a file cut off at any byte, or with bytes behind its end, is found. Pure. What this reader does not know must never
make a sound checkpoint count as damaged: it is UnknownMetadataError, and the checkpoint stays usable.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from anomalyjob.java_bytes import CutOffError, JavaObjectWalker, JavaReader, MalformedError, UnknownBytesError

MAGIC: Final = 0x4960672D
VERSION: Final = 6
HEADER_BYTES: Final = 16
_VERSIONS_AT_MOST: Final = 99
_MASTER_STATE_MAGIC: Final = 0xC96B1696

_NO_HANDLE: Final = 0
_BYTES: Final = 1
_FILE: Final = 2
_KEY_GROUPS: Final = 3
_OPERATOR_STATE: Final = 4
_INCREMENTAL: Final = 5
_RELATIVE_FILE: Final = 6
_SAVEPOINT_KEY_GROUPS: Final = 7
_INCREMENTAL_V2: Final = 11
_KEY_GROUPS_V2: Final = 12
_CHANNELS: Final = frozenset({1, 2})
_MERGED_CHANNELS: Final = frozenset({3, 4})


class MetadataError(ValueError):
    """The bytes are not a whole, sound `_metadata` file; the message says what is wrong with it, and where."""


class UnknownMetadataError(ValueError):
    """The header is sound, but the rest holds something that this reader does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFile:
    """One file that the metadata needs.

    `path` is a Flink address such as `file:/volume/…`, or, when `relative`, a path below the checkpoint's own folder.
    """

    path: str
    relative: bool
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a metadata file says: the checkpoint's id, and each state file once, in the order of its first mention."""

    checkpoint_id: int
    files: tuple[StateFile, ...]


def read_header(data: bytes) -> int:
    """Return the checkpoint id of the first 16 bytes; raise MetadataError when they are not Flink's header.

    The id stands at the same place in every version since 2, so a newer file still takes its place in the order.
    """
    if len(data) < HEADER_BYTES:
        raise MetadataError(f"its header is cut off after {len(data)} of {HEADER_BYTES} bytes")
    reader = JavaReader(data)
    magic = int.from_bytes(reader.take(4))
    if magic != MAGIC:
        raise MetadataError(f"it begins with {magic:08x}, not with {MAGIC:08x} as Flink's metadata does")
    version = reader.integer()
    if not 2 <= version <= _VERSIONS_AT_MOST:
        raise MetadataError(f"its version {version} is none of Flink's")
    checkpoint_id = reader.long()
    if checkpoint_id < 0:
        raise MetadataError(f"its checkpoint id {checkpoint_id} is negative")
    return checkpoint_id


def parse(data: bytes) -> Metadata:
    """Return the content of a whole file; raise MetadataError for damage, else UnknownMetadataError."""
    checkpoint_id = read_header(data)
    version = int.from_bytes(data[4:8])
    if version != VERSION:
        raise UnknownMetadataError(f"version {version} of the metadata is not known, only version {VERSION}")
    reader = JavaReader(data, HEADER_BYTES)
    walker = _MetadataWalker(reader)
    try:
        walker.walk()
    except UnknownBytesError as error:
        raise UnknownMetadataError(str(error)) from None
    except (CutOffError, MalformedError) as error:
        raise MetadataError(str(error)) from None
    if reader.rest:
        raise MetadataError(f"{reader.rest} bytes follow its end at byte {reader.position}")
    return Metadata(checkpoint_id=checkpoint_id, files=tuple(walker.files))


class _MetadataWalker:
    """One walk over everything behind the header; collects the files in `files` (a dict keeps the order)."""

    def __init__(self, reader: JavaReader) -> None:
        self._reader: Final = reader
        self.files: Final[dict[StateFile, None]] = {}

    def walk(self) -> None:
        self._each(self._master_state)
        self._each(self._operator)
        JavaObjectWalker(self._reader).skip_stream()

    def _each(self, skip: Callable[[], None]) -> None:
        for _ in range(self._reader.count()):
            skip()

    def _master_state(self) -> None:
        if int.from_bytes(self._reader.take(4)) != _MASTER_STATE_MAGIC:
            raise MalformedError(f"no master state stands before byte {self._reader.position}")
        self._reader.take(self._reader.count())

    def _operator(self) -> None:
        self._reader.text()  # name
        self._reader.text()  # uid
        self._reader.take(16 + 4 + 4)  # operator id, parallelism, max parallelism
        self._stream_handle()  # coordinator state
        subtasks = self._reader.integer()
        for _ in range(subtasks):  # a negative number marks an operator whose subtasks have all finished
            self._subtask()

    def _subtask(self) -> None:
        if self._reader.integer() < 0:  # a finished subtask: its index, turned negative, and no state
            return
        self._operator_state()
        self._operator_state()
        self._keyed_state()
        self._keyed_state()
        self._each(self._channel_state)
        self._each(self._channel_state)

    def _operator_state(self) -> None:
        if self._reader.integer() == 0:
            return
        kind = self._reader.byte()
        if kind == _NO_HANDLE:
            return
        if kind != _OPERATOR_STATE:
            raise self._unknown("operator state handle", kind)
        self._each(self._partition_offsets)
        self._stream_handle()

    def _partition_offsets(self) -> None:
        self._reader.text()
        self._reader.byte()
        self._longs()

    def _keyed_state(self) -> None:
        kind = self._reader.byte()
        if kind in {_KEY_GROUPS, _SAVEPOINT_KEY_GROUPS, _KEY_GROUPS_V2}:
            self._key_groups()
            if kind == _KEY_GROUPS_V2:
                self._reader.text()
        elif kind in {_INCREMENTAL, _INCREMENTAL_V2}:
            self._incremental(kind)
        elif kind != _NO_HANDLE:
            raise self._unknown("keyed state handle", kind)

    def _key_groups(self) -> None:
        self._reader.integer()
        self._longs()
        self._stream_handle()

    def _incremental(self, kind: int) -> None:
        self._reader.long()  # checkpoint id
        self._reader.text()  # backend id
        self._reader.take(4 + 4)  # key group range
        if kind == _INCREMENTAL_V2:
            self._reader.long()  # checkpointed size
        self._stream_handle()
        self._each(self._named_handle)
        self._each(self._named_handle)
        if kind == _INCREMENTAL_V2:
            self._reader.text()  # handle id

    def _named_handle(self) -> None:
        self._reader.text()
        self._stream_handle()

    def _channel_state(self) -> None:
        kind = self._reader.byte()
        if kind in _CHANNELS:
            self._reader.take(4 + 4 + 4)  # subtask, gate or partition, channel or subpartition
            self._longs()
            self._reader.long()
            self._stream_handle()
        elif kind in _MERGED_CHANNELS:
            self._reader.take(4 + 8)  # subtask, state size
            self._stream_handle()
            self._reader.take(self._reader.count())
        else:
            raise self._unknown("channel state handle", kind)

    def _stream_handle(self) -> None:
        kind = self._reader.byte()
        if kind == _BYTES:
            self._reader.text()
            self._reader.take(self._reader.count())
        elif kind == _FILE:
            size = self._reader.long()
            self._found(self._reader.text(), size, relative=False)
        elif kind == _RELATIVE_FILE:
            path = self._reader.text()
            self._found(path, self._reader.long(), relative=True)
        elif kind == _KEY_GROUPS:
            self._key_groups()
        elif kind != _NO_HANDLE:
            raise self._unknown("state handle", kind)

    def _found(self, path: str, size_bytes: int, *, relative: bool) -> None:
        self.files[StateFile(path=path, relative=relative, size_bytes=size_bytes)] = None

    def _longs(self) -> None:
        self._reader.take(8 * self._reader.count())

    def _unknown(self, what: str, kind: int) -> UnknownBytesError:
        return UnknownBytesError(f"a kind {kind} of {what} stands before byte {self._reader.position}")
