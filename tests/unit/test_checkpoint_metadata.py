"""The fixtures are `_metadata` files that Flink 2.3.0 wrote for this project's own job."""

import contextlib
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalyjob.checkpoint_metadata import (
    HEADER_BYTES,
    Metadata,
    MetadataError,
    StateFile,
    UnknownMetadataError,
    parse,
    read_header,
)

DATA = Path(__file__).with_name("data")
HASHMAP = (DATA / "metadata-hashmap").read_bytes()

PROPERTIES = b"\xac\xed\x00\x05\x70"
NONE = b"\x00"


def header(identifier: int = 9, version: int = 6) -> bytes:
    return struct.pack(">IiQ", 0x4960672D, version, identifier)


def text(value: str) -> bytes:
    return struct.pack(">H", len(value)) + value.encode()


def integer(value: int) -> bytes:
    return struct.pack(">i", value)


def longs(*values: int) -> bytes:
    return integer(len(values)) + struct.pack(f">{len(values)}q", *values)


def several(*items: bytes) -> bytes:
    return integer(len(items)) + b"".join(items)


def file_handle(path: str, size: int) -> bytes:
    return b"\x02" + struct.pack(">q", size) + text(path)


def relative_handle(path: str, size: int) -> bytes:
    return b"\x06" + text(path) + struct.pack(">q", size)


def byte_handle(content: bytes = b"state") -> bytes:
    return b"\x01" + text("name") + integer(len(content)) + content


def operator_state(handle: bytes) -> bytes:
    return integer(1) + b"\x04" + several(text("offsets") + b"\x00" + longs(0, 8)) + handle


def key_groups(handle: bytes, kind: int = 12) -> bytes:
    return bytes([kind]) + integer(0) + longs(1, 2, 3) + handle + (text("id") if kind == 12 else b"")


def incremental(meta: bytes, shared: list[bytes], private: list[bytes]) -> bytes:
    named = [several(*(text("000001.sst") + handle for handle in handles)) for handles in (shared, private)]
    head = struct.pack(">q", 9) + text("backend") + integer(0) + integer(40) + struct.pack(">q", 512)
    return b"\x0b" + head + meta + b"".join(named) + text("id")


def channel(handle: bytes, kind: int = 1) -> bytes:
    return bytes([kind]) + integer(0) * 3 + longs(0, 7) + struct.pack(">q", 7) + handle


def merged_channel(handle: bytes, kind: int = 3) -> bytes:
    return bytes([kind]) + integer(0) + struct.pack(">q", 7) + handle + integer(3) + b"abc"


def subtask(
    *,
    operator: bytes = integer(0),
    keyed: bytes = NONE,
    raw_keyed: bytes = NONE,
    inputs: tuple[bytes, ...] = (),
    outputs: tuple[bytes, ...] = (),
) -> bytes:
    return integer(0) + operator + integer(0) + keyed + raw_keyed + several(*inputs) + several(*outputs)


def operator(*subtasks: bytes, coordinator: bytes = NONE) -> bytes:
    return text("process") + text("process") + bytes(16) + integer(3) + integer(128) + coordinator + several(*subtasks)


def metadata(*operators: bytes, masters: tuple[bytes, ...] = (), properties: bytes = PROPERTIES) -> bytes:
    return header() + several(*masters) + several(*operators) + properties


MASTER = struct.pack(">I", 0xC96B1696) + integer(3) + b"xyz"
EVERYTHING = metadata(
    operator(
        subtask(operator=operator_state(file_handle("file:/v/operator", 11)), keyed=key_groups(byte_handle())),
        subtask(
            keyed=incremental(
                relative_handle("meta", 12),
                [file_handle("file:/v/shared/one", 13), key_groups(file_handle("file:/v/nested", 14), kind=3)],
                [byte_handle()],
            ),
            raw_keyed=key_groups(relative_handle("raw", 15), kind=7),
        ),
        subtask(
            inputs=(channel(file_handle("file:/v/in", 16)), merged_channel(file_handle("file:/v/merged", 17))),
            outputs=(channel(file_handle("file:/v/in", 16), kind=2), merged_channel(byte_handle(), kind=4)),
        ),
        integer(-3),
        coordinator=byte_handle(b""),
    ),
    text("finished") + text("") + bytes(24) + NONE + integer(-3),
    masters=(MASTER,),
)


def test_a_checkpoint_that_flink_wrote_is_read_to_its_end() -> None:
    assert parse(HASHMAP) == Metadata(checkpoint_id=8, files=())


def test_every_file_is_found_once_and_with_its_size() -> None:
    assert parse(EVERYTHING).files == (
        StateFile(path="file:/v/operator", relative=False, size_bytes=11),
        StateFile(path="meta", relative=True, size_bytes=12),
        StateFile(path="file:/v/shared/one", relative=False, size_bytes=13),
        StateFile(path="file:/v/nested", relative=False, size_bytes=14),
        StateFile(path="raw", relative=True, size_bytes=15),
        StateFile(path="file:/v/in", relative=False, size_bytes=16),
        StateFile(path="file:/v/merged", relative=False, size_bytes=17),
    )


@pytest.mark.parametrize("data", [HASHMAP, EVERYTHING], ids=["as Flink wrote it", "every kind of handle"])
def test_a_cut_at_any_byte_is_found(data: bytes) -> None:
    accepted = []
    for size in range(len(data)):
        try:
            parse(data[:size])
        except MetadataError:
            continue
        accepted.append(size)

    assert accepted == []


@pytest.mark.parametrize("data", [HASHMAP, EVERYTHING], ids=["as Flink wrote it", "every kind of handle"])
@pytest.mark.parametrize("garbage", [b"\x00", b"\x70", b"garbage" * 100])
def test_bytes_behind_the_end_are_found(data: bytes, garbage: bytes) -> None:
    with pytest.raises(MetadataError, match=f"{len(garbage)} bytes follow its end at byte {len(data)}"):
        parse(data + garbage)


@given(st.data())
def test_whatever_the_bytes_say_it_is_one_of_three_answers(data: st.DataObject) -> None:
    damaged = bytearray(EVERYTHING)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(MetadataError, UnknownMetadataError):
        parse(bytes(damaged))


@pytest.mark.parametrize(
    "data,message",
    [
        pytest.param(b"", "its header is cut off after 0 of 16 bytes", id="an empty file"),
        pytest.param(header()[:15], "its header is cut off after 15 of 16 bytes", id="half a header"),
        pytest.param(b"\x00" * 64, "it begins with 00000000, not with 4960672d", id="zeros, as after a power cut"),
        pytest.param(b"not metadata at all", "it begins with 6e6f7420", id="another kind of file"),
        pytest.param(header(version=0), "its version 0 is none of Flink's", id="version zero"),
        pytest.param(header(version=-6), "its version -6 is none of Flink's", id="a negative version"),
        pytest.param(header(identifier=2**63), "its checkpoint id .* is negative", id="a negative id"),
    ],
)
def test_a_wrong_header_is_named(data: bytes, message: str) -> None:
    with pytest.raises(MetadataError, match=message):
        read_header(data)


@given(st.integers(0, 2**63 - 1), st.integers(2, 99))
def test_the_id_is_read_from_the_header_alone_whatever_the_version(identifier: int, version: int) -> None:
    assert read_header(header(identifier, version)) == identifier


@pytest.mark.parametrize(
    "data,message",
    [
        pytest.param(header(version=7) + b"anything", "version 7 of the metadata is not known", id="a newer version"),
        pytest.param(
            metadata(operator(subtask(keyed=b"\x0e" + bytes(60)))),
            "a kind 14 of keyed state handle",
            id="a changelog handle",
        ),
        pytest.param(
            metadata(operator(subtask(), coordinator=b"\x0f" + bytes(60))),
            "a kind 15 of state handle",
            id="a merged file",
        ),
        pytest.param(
            metadata(operator(subtask(operator=integer(1) + b"\x11" + bytes(60)))),
            "a kind 17 of operator state handle",
            id="a merged operator state",
        ),
        pytest.param(
            metadata(operator(subtask(inputs=(b"\x09" + bytes(60),)))),
            "a kind 9 of channel state handle",
            id="a channel handle",
        ),
        pytest.param(
            metadata(properties=b"\xac\xed\x00\x05\x77\x01x"), "a Java object of kind 0x77", id="other properties"
        ),
    ],
)
def test_what_this_reader_does_not_know_is_never_called_damage(data: bytes, message: str) -> None:
    with pytest.raises(UnknownMetadataError, match=message):
        parse(data)


def test_a_count_beyond_the_file_is_a_cut_and_costs_no_time() -> None:
    with pytest.raises(MetadataError, match="it is cut off"):
        parse(header() + integer(2**31 - 1))


def test_the_header_is_as_long_as_it_says() -> None:
    assert read_header(HASHMAP[:HEADER_BYTES]) == 8
