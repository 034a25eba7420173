"""Lines on their way into a segment, and where they were put."""

from __future__ import annotations

import zlib

from ..errors import InvalidInput
from .segment import MAX_LINE_BYTES, has_checksum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .offset import Offset


class Appended:
    """What was accepted: whether it is on the disk for good (``durable``), whether the queue is over 80 % of its cap with it
    (``degraded``), and where it is: the offsets of the ``first`` and the ``last`` line, worked out when asked for."""

    __slots__ = ("_lines", "_segment", "_start", "degraded", "durable")

    def __init__(self, segment: int, start: int, lines: Sequence[bytes], durable: bool, degraded: bool) -> None:
        self.durable = durable
        self.degraded = degraded
        self._segment = segment
        self._start = start
        self._lines = lines

    @property
    def first(self) -> Offset:
        """The place just behind the first of the lines."""
        return self._behind(1)

    @property
    def last(self) -> Offset:
        """The place just behind the last of the lines."""
        return self._behind(len(self._lines))

    def _behind(self, count: int) -> Offset:
        from .offset import Offset  # a hook asks for none

        lines = self._lines[:count]
        return Offset(self._segment, self._start + sum(map(len, lines)), zlib.crc32(lines[-1]))


def joined(lines: Sequence[bytes]) -> bytes:
    """The lines as one. Their form is checked, not their checksums: only ``encode_line`` makes lines.

    Raises:
        InvalidInput: a line is longer than ``MAX_LINE_BYTES``.
        ValueError: there is no line, or one that ``encode_line`` did not make.
    """
    if not lines:
        raise ValueError("nothing to append")
    for line in lines:
        if len(line) > MAX_LINE_BYTES:
            raise InvalidInput(
                f"a line of {len(line)} bytes is over the limit of {MAX_LINE_BYTES}; nothing was written",
                hint="shorten the event's values",
            )
        if line.find(b"\n") != len(line) - 1 or not has_checksum(line):
            raise ValueError(f"not a line of the queue (activity.encode_line makes them): {line[:60]!r}")
    return lines[0] if len(lines) == 1 else b"".join(lines)
