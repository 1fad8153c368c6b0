"""One number per index, compactly: about 8 bytes each, so that the audit can hold ten million records.

Indexes may come in any order, with gaps and more than once; a stray huge index costs one page, not the memory up to it.
It knows nothing of what the numbers mean.
"""

from array import array
from collections.abc import Iterator
from itertools import groupby

_PAGE_SIZE = 256
_ABSENT = -1
_EMPTY_PAGE = array("q", [_ABSENT]) * _PAGE_SIZE


class IndexColumn:
    """Keeps the first value that came for each index; later ones are counted, and kept if they differ from it."""

    def __init__(self) -> None:
        self.last = -1
        self.present = 0
        self._pages: dict[int, array[int]] = {}
        self._repeats = array("q")
        self._differing: list[tuple[int, int]] = []

    def put(self, index: int, value: int) -> None:
        """Takes one value. Raises ValueError if index or value is negative, OverflowError beyond 2^63 - 1."""
        if index < 0 or value < 0:
            raise ValueError(f"index {index} or value {value} is negative")
        page = self._pages.get(index // _PAGE_SIZE)
        if page is None:
            page = self._pages[index // _PAGE_SIZE] = _EMPTY_PAGE[:]
        first = page[index % _PAGE_SIZE]
        if first != _ABSENT:
            self._repeat(index, value, first)
            return
        page[index % _PAGE_SIZE] = value
        self.present += 1
        self.last = max(self.last, index)

    def get(self, index: int) -> int | None:
        """The first value of the index, None if there is none."""
        page = self._pages.get(index // _PAGE_SIZE)
        value = _ABSENT if page is None else page[index % _PAGE_SIZE]
        return None if value == _ABSENT else value

    def items(self) -> Iterator[tuple[int, int]]:
        """(index, first value) in the order of the indexes."""
        for number in sorted(self._pages):
            start = number * _PAGE_SIZE
            for offset, value in enumerate(self._pages[number]):
                if value != _ABSENT:
                    yield start + offset, value

    def repeats(self) -> Iterator[tuple[int, int]]:
        """(index, how often it came again after the first time) in the order of the indexes."""
        for index, same in groupby(sorted(self._repeats)):
            yield index, sum(1 for _ in same)

    def differing(self) -> list[tuple[int, int]]:
        """(index, value) of those repeats that are not equal to the first value, in the order of the indexes."""
        return sorted(self._differing)

    def _repeat(self, index: int, value: int, first: int) -> None:
        self._repeats.append(index)
        if value != first:
            self._differing.append((index, value))
