"""Whole lines of a segment, read and checked as a block: passes that run at C speed, with no step of Python for each line.

What is plain is most of every queue: lines whose checksums agree, one behind the other. The reader takes these from here, and
everything behind the first line that is not plain (damage, a header, a torn end) by itself, span by span.
"""

from __future__ import annotations

import zlib

from ..errors import NewerFormat
from .offset import Offset
from .segment import read_header, segment_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..fs import FileSystem

_TAIL_BYTES = len(b',"_crc":"01234567"}\n')
_HEADER_START = b'{"_segment":'
_PIECE_BYTES = 128 << 10


class Block:
    """``lines`` with their newlines, the byte behind each, and the CRC-32 of each, newline included."""

    __slots__ = ("crcs", "ends", "lines")

    def __init__(self, lines: Sequence[bytes], ends: Sequence[int], crcs: Sequence[int]) -> None:
        self.lines = lines
        self.ends = ends
        self.crcs = crcs

    @property
    def size(self) -> int:
        """The bytes of the lines."""
        return self.ends[-1] - self.ends[0] + len(self.lines[0])


class PlainLines:
    """Lines that follow one another, as they lie in the files: nobody has parsed them yet. ``segments``: from each a block.

    There is one at least; ``end`` is the last one's offset. ``more``: something lies behind it.
    """

    __slots__ = ("end", "more", "segments")
    is_empty = False

    def __init__(self, segments: Sequence[tuple[int, Block]], *, more: bool) -> None:
        self.segments = segments
        self.more = more
        number, block = segments[-1]
        self.end = Offset(number, block.ends[-1], block.crcs[-1])


class BlockReader:
    """Reads the blocks of a queue's segments. ``max_line_bytes``: no line that is longer is plain."""

    def __init__(self, directory: str, fs: FileSystem, max_line_bytes: int) -> None:
        self._directory = directory
        self._fs = fs
        self._max_line_bytes = max_line_bytes

    def block(self, number: int, start: int, max_bytes: int, max_lines: int) -> Block | None:
        """The plain lines of a segment from ``start`` on (-1: behind its header); None where there are none."""
        if start == 0 or max_bytes <= 0 or max_lines <= 0:
            return None
        try:
            fd = self._fs.open_read(segment_path(self._directory, number))
        except FileNotFoundError:
            return None
        try:
            if start < 0:
                header = read_header(self._fs, fd)
                if header is None or header.number != number:
                    return None
                start = header.end
            limits = {"max_bytes": max_bytes, "max_lines": max_lines, "max_line_bytes": self._max_line_bytes}
            return read_block(self._fs, fd, start, **limits)
        except NewerFormat:
            return None  # the reading by spans says it
        finally:
            self._fs.close(fd)

    def lines(self, number: int, start: int, there: Sequence[int], max_bytes: int, max_lines: int) -> PlainLines | None:
        """The plain lines from ``start`` of segment ``number`` on, up to the end of those that are ``there`` without a gap, and
        within the limits.

        None where something else comes first.
        """
        found: list[tuple[int, Block]] = []
        at = there.index(number)
        while at < len(there) and there[at] == number:
            if start < 0 or not self._ends_at(number, start):
                block = self.block(number, start, max_bytes, max_lines)
                if block is None:
                    break
                found.append((number, block))
                max_bytes -= block.size
                max_lines -= len(block.lines)
                if not self._ends_at(number, block.ends[-1]):
                    break
            at, number, start = at + 1, number + 1, -1
        return PlainLines(found, more=at < len(there)) if found else None

    def _ends_at(self, number: int, place: int) -> bool:
        found = self._fs.stat(segment_path(self._directory, number))
        return found is not None and found.st_size == place


def read_block(fs: FileSystem, fd: int, start: int, *, max_bytes: int, max_lines: int, max_line_bytes: int) -> Block | None:
    """The plain lines from byte ``start`` on, where a line must begin; None where there are none within the limits."""
    if fs.pread(fd, 1, start - 1) != b"\n":
        return None  # the rest of a line whose first part was set aside
    data = _read(fs, fd, start, max_bytes, max_lines)
    lines = data[: data.rfind(b"\n") + 1].split(b"\n", max_lines)  # a tail of zeros is not copied
    lines.pop()  # what is beyond the limit, or nothing
    lines = [line + b"\n" for line in lines]
    bodies = [zlib.crc32(line[:-_TAIL_BYTES]) for line in lines]
    tails = [line[-_TAIL_BYTES:] for line in lines]
    wanted = [b',"_crc":"%08x"}\n' % crc for crc in bodies]
    count = _until_odd(lines, tails, wanted, max_line_bytes)
    if count == 0:
        return None
    crcs = [zlib.crc32(tail, crc) for tail, crc in zip(tails[:count], bodies, strict=False)]
    ends, at = [], start
    for line in lines[:count]:
        at += len(line)
        ends.append(at)
    return Block(lines[:count], ends, crcs)


def _read(fs: FileSystem, fd: int, start: int, max_bytes: int, max_lines: int) -> bytes:
    """What lies from byte ``start`` on, up to about that many lines: what is beyond them is the next batch's to read."""
    pieces, whole = [], 0
    while max_bytes > 0 and max_lines > 0 and (piece := fs.pread(fd, min(_PIECE_BYTES, max_bytes), start)):
        pieces.append(piece)
        start += len(piece)
        max_bytes -= len(piece)
        if breaks := piece.count(b"\n"):
            max_lines -= breaks
            whole = len(pieces)
    return b"".join(pieces[:whole])  # behind the last line break may be megabytes of zeros


def _until_odd(lines: list[bytes], tails: list[bytes], wanted: list[bytes], max_line_bytes: int) -> int:
    """How many lines are plain, before the first whose checksum disagrees, that is a header, or that no reader would hold."""
    odd = [line.startswith(_HEADER_START) or len(line) > max_line_bytes for line in lines]
    count = odd.index(True) if True in odd else len(lines)
    if tails[:count] != wanted[:count]:
        count = next(n for n, (tail, want) in enumerate(zip(tails, wanted, strict=True)) if tail != want)
    return count
