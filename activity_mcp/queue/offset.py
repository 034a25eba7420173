"""Offset: the place just behind a line of the queue, and what the queue and the warehouse agree on."""

from __future__ import annotations

from ..errors import ActivityError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

TEXT = "%012d:%012d:%08x"
_LIMIT = 10**12


class Offset(tuple[int, int, int]):
    """(segment, end byte, CRC-32 of the last line). Ordered as its text is: the digits are fixed in number."""

    __slots__ = ()

    def __new__(cls, segment: int, end: int, crc: int) -> Self:
        """The offset of these three numbers.

        Raises:
            ValueError: one of them is out of range.
        """
        if not (0 <= segment < _LIMIT and 0 <= end < _LIMIT and 0 <= crc < 1 << 32):
            raise ValueError(f"no offset: {segment}, {end}, {crc}")
        return tuple.__new__(cls, (segment, end, crc))

    @classmethod
    def parse(cls, text: str) -> Self:
        """The offset written as ``text``.

        Raises:
            ValueError: the text has another form.
        """
        try:
            segment, end, crc = text.split(":")
            offset = cls(int(segment), int(end), int(crc, 16))
        except (ValueError, AttributeError):
            raise ValueError(f"not an offset: {text!r:.60}") from None
        if str(offset) != text:  # a space, a sign, a missing zero: it would not compare as text
            raise ValueError(f"not an offset: {text!r:.60}")
        return offset

    @property
    def segment(self) -> int:
        """The number of the segment."""
        return self[0]

    @property
    def end(self) -> int:
        """The byte just behind the line; 0 is before the first one."""
        return self[1]

    @property
    def crc(self) -> int:
        """CRC-32 of the line's bytes, newline included."""
        return self[2]

    def __str__(self) -> str:
        return TEXT % self

    def __repr__(self) -> str:
        return f"Offset({self[0]}, {self[1]}, {self[2]:#010x})"

    def __getnewargs__(self) -> tuple[int, int, int]:
        return self[0], self[1], self[2]


class OffsetLost(ActivityError):
    """The files do not hold the line that ``offset`` names: they were restored, copied or edited."""

    retryable = True

    def __init__(self, offset: Offset) -> None:
        super().__init__(
            f"segment {offset.segment} does not hold the line that offset {offset} names: it was restored, copied or edited",
            hint="the queue takes a new id and ships that segment again; duplicates fold by activity_id",
        )
        self.offset = offset
