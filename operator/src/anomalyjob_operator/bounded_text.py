"""Reads a file that a person wrote as text, within a bound: whatever is wrong with it comes back as one sentence.

It must not judge what stands there, nor show any of it: the file may hold a secret.
"""

from pathlib import Path


class UnreadableTextError(Exception):
    """The file cannot be read as text; the message says why, and goes on from the file's name."""


def read_text(file: Path, largest_bytes: int) -> str:
    """Return the text of the file; raise UnreadableTextError."""
    try:
        with file.open("rb") as stream:
            content = stream.read(largest_bytes + 1)
        if len(content) > largest_bytes:
            raise UnreadableTextError(f"is larger than {largest_bytes // 1024} KiB")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableTextError(f"is not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise UnreadableTextError(f"cannot be read: {error.strerror}") from None
    except ValueError as error:
        # The trap: a name that no file can have, such as one with a null byte, is no OSError.
        raise UnreadableTextError(f"cannot be read: {error}") from None
