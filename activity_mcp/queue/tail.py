"""The tail of a queue, read incrementally: what was appended since the last look, by whatever process.

For recall, not for shipping: it delivers the newest lines whose checksum agrees and counts the rest, skips damage without a
word, and never waits. The newest segment stays open, so a look costs one stat when nothing was appended, and one read more
when something was.
"""

from __future__ import annotations

import zlib

from ..fs import LOCAL
from .newest import NewestSegment
from .offset import TEXT
from .segment import SegmentList, checksum_agrees, segment_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..fs import FileSystem
    from .offset import Offset

_CHUNK = 1 << 18
_HEADER = b'{"_segment":'


class Polled:
    """``records``: (offset as text, line) in order. ``skipped``: how many older lines there were that are not among them."""

    __slots__ = ("records", "skipped")

    def __init__(self, records: list[tuple[str, bytes]], skipped: int) -> None:
        self.records = records
        self.skipped = skipped


class SegmentTail:
    """Follows the queue in ``directory`` from ``start`` on (None: from its first line), across rotation and deletion.

    Each poll delivers at most the newest ``limit_records`` within the newest ``limit_bytes``. A torn line is waited for; one
    that a sealed segment ends with is given up. For one thread at a time.
    """

    def __init__(
        self,
        directory: str,
        *,
        start: Offset | None,
        limit_records: int = 1000,
        limit_bytes: int = 1 << 20,
        fs: FileSystem = LOCAL,
    ) -> None:
        self._directory = directory
        self._limit_records = limit_records
        self._limit_bytes = limit_bytes
        self._fs = fs
        self._list = SegmentList(directory, fs)
        self._newest = NewestSegment(directory, fs)
        self._segment = start.segment if start else 0
        self._position = start.end if start else 0
        self._seen = (0, -1)

    def poll(self) -> Polled:
        """What is new since the last poll."""
        numbers = self._list.numbers()
        newest = self._newest.look(numbers)
        if not numbers:
            return Polled([], 0)
        if newest == self._seen:
            return Polled([], 0)
        self._seen = newest
        if newest[0] == self._segment and 0 <= newest[1] - self._position <= self._limit_bytes:
            regions, skipped = [(self._segment, self._position, newest[1])], 0
        else:
            regions = self._regions(numbers, newest[1])
            skipped = self._skip(regions)
        records: list[tuple[str, bytes]] = []
        for number, start, end in regions:
            records += self._lines(number, start, end, sealed=number != newest[0])
        surplus = max(0, len(records) - self._limit_records)
        return Polled(records[surplus:], skipped + surplus)

    def _regions(self, numbers: list[int], newest_size: int) -> list[tuple[int, int, int]]:
        """(segment, from, to) of what lies behind the position, which moves to the newest segment's part of it."""
        if self._segment > numbers[-1]:  # the directory was made again
            self._segment, self._position = 0, 0
        regions = []
        for number in numbers:
            if number < self._segment:
                continue
            size = newest_size if number == numbers[-1] else self._size(number)
            start = min(self._position, size) if number == self._segment else 0
            regions.append((number, start, size))
        self._segment, self._position = regions[-1][0], regions[-1][1]
        return regions

    def _skip(self, regions: list[tuple[int, int, int]]) -> int:
        """Cut ``regions`` down to the newest ``limit_bytes``; how many lines were cut off."""
        surplus = sum(end - start for _, start, end in regions) - self._limit_bytes
        skipped = 0
        while surplus > 0:
            number, start, end = regions[0]
            cut = min(end, start + surplus)
            lines, cut = self._count(number, start, cut, end)
            skipped += lines
            surplus -= end - start if cut == end else surplus
            if cut == end and len(regions) > 1:
                del regions[0]
            else:
                regions[0] = (number, cut, end)
            if number == self._segment:
                self._position = cut
        return skipped

    def _count(self, number: int, start: int, cut: int, end: int) -> tuple[int, int]:
        """The lines between ``start`` and the first line boundary at or behind ``cut``, and that boundary."""
        lines, at, header = 0, start, start == 0
        while at < end:
            chunk = self._read(number, at, min(_CHUNK, end - at))
            if not chunk:
                return lines, end
            if header:
                lines -= chunk.startswith(_HEADER)
                header = False
            rest = cut - at - 1  # the newline that ends the line in which the cut falls
            found = chunk.find(b"\n", max(0, rest)) + 1 if rest < len(chunk) else 0
            if found:
                return lines + chunk.count(b"\n", 0, found), at + found
            lines += chunk.count(b"\n")
            at += len(chunk)
        return lines, end

    def _lines(self, number: int, start: int, end: int, sealed: bool) -> list[tuple[str, bytes]]:
        is_open = number == self._newest.number
        data = self._newest.read(start, end - start) if is_open else self._read(number, start, end - start)
        found, at = [], 0
        while newline := data.find(b"\n", at) + 1:
            line = data[at:newline]
            if checksum_agrees(line) and not line.startswith(_HEADER):
                found.append((TEXT % (number, start + newline, zlib.crc32(line)), line))
            at = newline
        if not sealed:
            self._segment, self._position = number, start + at
        return found

    def _read(self, number: int, start: int, size: int) -> bytes:
        if number == self._newest.number:
            return self._newest.read(start, size)
        try:
            fd = self._fs.open_read(segment_path(self._directory, number))
        except FileNotFoundError:
            return b""
        try:
            return self._fs.pread(fd, size, start)
        finally:
            self._fs.close(fd)

    def _size(self, number: int) -> int:
        found = self._fs.stat(segment_path(self._directory, number))
        return found.st_size if found else 0
