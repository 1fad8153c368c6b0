import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anomalyjob.java_bytes import CutOffError, JavaObjectWalker, JavaReader, MalformedError, UnknownBytesError

HEADER = b"\xac\xed\x00\x05"


def modified_utf8(text: str) -> bytes:
    """What DataOutputStream.writeUTF writes: UTF-16 halves one by one, zero as two bytes, the length first."""
    halves = struct.unpack(f">{len(text.encode('utf-16-be')) // 2}H", text.encode("utf-16-be"))
    body = b"".join(b"\xc0\x80" if half == 0 else chr(half).encode("utf-8", "surrogatepass") for half in halves)
    return struct.pack(">H", len(body)) + body


def java_class(name: str, fields: bytes, count: int, parent: bytes = b"\x70", flags: int = 2) -> bytes:
    return (
        b"\x72" + modified_utf8(name) + bytes(8) + bytes([flags]) + struct.pack(">H", count) + fields + b"\x78" + parent
    )


def skipped(data: bytes) -> int:
    reader = JavaReader(data)
    JavaObjectWalker(reader).skip_stream()
    return reader.position


@given(st.text(max_size=50))
@example("a\0b")
@example("\N{GRINNING FACE}ä")
def test_every_text_that_java_writes_is_read(text: str) -> None:
    data = modified_utf8(text)

    assert JavaReader(data).text() == text


def test_text_that_is_not_text_is_malformed() -> None:
    with pytest.raises(MalformedError, match="before byte 3 is not text"):
        JavaReader(b"\x00\x01\xff").text()


def test_numbers_are_signed_and_big_endian() -> None:
    reader = JavaReader(struct.pack(">iqB", -5, -(2**40), 255))

    assert (reader.integer(), reader.long(), reader.byte(), reader.rest) == (-5, -(2**40), 255, 0)


def test_a_negative_count_is_malformed() -> None:
    with pytest.raises(MalformedError, match="a negative count stands before byte 4"):
        JavaReader(b"\xff\xff\xff\xff").count()


def test_a_huge_length_is_cut_off_and_costs_nothing() -> None:
    with pytest.raises(CutOffError, match="2147483647 bytes are due at byte 0, but the file has 3"):
        JavaReader(b"abc").take(2**31 - 1)


INTEGER_FIELD = b"I" + modified_utf8("size")
STRING_FIELD = b"L" + modified_utf8("name") + b"\x74" + modified_utf8("Ljava/lang/String;")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\x70", id="nothing"),
        pytest.param(b"\x74" + modified_utf8("text"), id="a string"),
        pytest.param(b"\x73" + java_class("A", INTEGER_FIELD, 1) + bytes(4), id="an object with a number"),
        pytest.param(
            b"\x73" + java_class("A", STRING_FIELD, 1) + b"\x74" + modified_utf8("x"), id="an object with a text"
        ),
        pytest.param(
            b"\x73"
            + java_class("A", INTEGER_FIELD, 1, parent=java_class("B", b"J" + modified_utf8("id"), 1))
            + bytes(12),
            id="an object with inherited fields",
        ),
        pytest.param(
            b"\x7e" + java_class("E", b"", 0, flags=0x12) + b"\x74" + modified_utf8("ONE"), id="a constant of an enum"
        ),
        pytest.param(
            # Handle 0 is the class, 1 the type name, 2 the object, 3 its text; 0x7e0000 leads back to the class.
            b"\x73" + java_class("A", STRING_FIELD, 1) + b"\x73\x71" + struct.pack(">I", 0x7E0000) + b"\x70",
            id="an object that names its class by reference",
        ),
    ],
)
def test_an_object_is_walked_to_its_end_and_not_further(content: bytes) -> None:
    data = HEADER + content

    assert skipped(data + b"rest") == len(data)
    for size in range(len(data)):
        with pytest.raises(CutOffError):
            skipped(data[:size])


@pytest.mark.parametrize(
    "content,error,message",
    [
        (b"\x77\x04abcd", UnknownBytesError, "a Java object of kind 0x77"),
        (b"\x73\x74" + modified_utf8("x"), UnknownBytesError, "a Java class of kind 0x74"),
        (b"\x73" + java_class("A", b"", 0, flags=3), UnknownBytesError, "a Java class that writes itself"),
        (b"\x71" + struct.pack(">I", 0x7E0005), MalformedError, "leads nowhere"),
        (b"\x73" + java_class("A", b"Q" + modified_utf8("x"), 1), MalformedError, "no Java field type"),
    ],
)
def test_what_is_not_known_is_told_from_what_is_wrong(content: bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        skipped(HEADER + content)


def test_bytes_that_begin_no_object_stream_are_malformed() -> None:
    with pytest.raises(MalformedError, match="no Java object begins at byte 0"):
        skipped(b"\xac\xed\x00\x04\x70")


def test_endless_nesting_ends() -> None:
    endless = b"".join(b"\x73" + java_class("A", STRING_FIELD, 1) for _ in range(100))

    with pytest.raises(UnknownBytesError, match="nested too deeply"):
        skipped(HEADER + endless)
