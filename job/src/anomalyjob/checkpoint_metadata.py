"""Reads Flink's `_metadata` files."""

import struct
from dataclasses import dataclass
from typing import Final

MAGIC: Final = 0x4960672D
VERSION: Final = 6
HEADER_BYTES: Final = 16


class MetadataError(ValueError):
    """The bytes are not a whole, sound `_metadata` file."""


class UnknownMetadataError(ValueError):
    """The bytes may be sound, but hold something that this reader does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFile:
    """One file that the metadata refers to."""

    path: str
    relative: bool
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a metadata file holds."""

    checkpoint_id: int
    files: tuple[StateFile, ...]


def read_header(data: bytes) -> int:
    """Return the checkpoint id of the first 16 bytes; raise MetadataError when they are not Flink's header."""
    if len(data) < HEADER_BYTES:
        raise MetadataError(f"its header is cut off after {len(data)} of {HEADER_BYTES} bytes")
    magic, _version, checkpoint_id = struct.unpack_from(">IiQ", data)
    if magic != MAGIC:
        raise MetadataError(f"it begins with {magic:08x}, not with {MAGIC:08x} as Flink's metadata does")
    return int(checkpoint_id)


def parse(data: bytes) -> Metadata:
    """Return the content of a whole file."""
    return Metadata(checkpoint_id=read_header(data), files=())
