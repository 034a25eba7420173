"""Whole lines of a segment, read and checked as a block: passes that run at C speed, with no step of Python for each line.

What is plain is most of every queue: lines whose checksums agree, one behind the other. The reader takes these from here, and
everything behind the first line that is not plain (damage, a header, a torn end) by itself, span by span.
"""

from __future__ import annotations

import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..fs import FileSystem

_TAIL_BYTES = len(b',"_crc":"01234567"}\n')
_HEADER_START = b'{"_segment":'


class Block:
    """``lines`` with their newlines, the byte behind each, and the CRC-32 of each, newline included."""

    __slots__ = ("crcs", "ends", "lines")

    def __init__(self, lines: Sequence[bytes], ends: Sequence[int], crcs: Sequence[int]) -> None:
        self.lines = lines
        self.ends = ends
        self.crcs = crcs


def read_block(fs: FileSystem, fd: int, start: int, *, max_bytes: int, max_lines: int, max_line_bytes: int) -> Block | None:
    """The plain lines from byte ``start`` on, where a line must begin; None where there are none within the limits."""
    if fs.pread(fd, 1, start - 1) != b"\n":
        return None  # the rest of a line whose first part was set aside
    data = fs.pread(fd, max_bytes, start)
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


def _until_odd(lines: list[bytes], tails: list[bytes], wanted: list[bytes], max_line_bytes: int) -> int:
    """How many lines are plain, before the first whose checksum disagrees, that is a header, or that no reader would hold."""
    odd = [line.startswith(_HEADER_START) or len(line) > max_line_bytes for line in lines]
    count = odd.index(True) if True in odd else len(lines)
    if tails[:count] != wanted[:count]:
        count = next(n for n, (tail, want) in enumerate(zip(tails, wanted, strict=True)) if tail != want)
    return count
