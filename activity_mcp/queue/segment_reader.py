"""One segment, item by item: whole lines (``Record``) and ranges that are none (``Damage``).

A line counts when its checksum agrees and it parses as an object. Parsing is done here and once: ``Record.value`` is the
result, so that the flusher need not parse the line again. Whether it is an activity is judged there.
"""

from __future__ import annotations

from ..activity import decode_line
from ..fs import same_boot
from .offset import Offset
from .segment import checksum_agrees, parse_header, read_header, segment_path, spans

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from ..fs import FileSystem
    from .segment import Header, Span


class Record:
    """One whole line, newline included, the place just behind it, and its members (without the checksum)."""

    __slots__ = ("line", "offset", "value")

    def __init__(self, offset: Offset, line: bytes, value: dict[str, Any]) -> None:
        self.offset = offset
        self.line = line
        self.value = value


class Damage:
    """Bytes ``start`` to ``end`` of a segment that are no line, and the place just behind them.

    ``start == end == 0`` means that something is missing at the beginning of a segment.
    """

    __slots__ = ("end", "offset", "reason", "segment", "start")

    def __init__(self, segment: int, start: int, end: int, offset: Offset, reason: str) -> None:
        self.segment = segment
        self.start = start
        self.end = end
        self.offset = offset
        self.reason = reason


class SegmentReader:
    """Reads the segments in ``directory``, one at a time. ``loads`` parses a line."""

    def __init__(self, directory: str, fs: FileSystem, max_line_bytes: int, loads: Callable[[bytes], Any]) -> None:
        self._directory = directory
        self._fs = fs
        self._max_line_bytes = max_line_bytes
        self._loads = loads

    def items(self, number: int, start: int, has_successor: bool, parse: bool = True) -> Iterator[Record | Damage]:
        """Records and damage of one segment from byte ``start`` on; -1 is the beginning, its header still to be judged."""
        try:
            fd = self._fs.open_read(segment_path(self._directory, number))
        except FileNotFoundError:
            return  # committed and deleted meanwhile
        try:
            header = read_header(self._fs, fd)
            sealed = has_successor or (header is not None and self._is_of_earlier_boot(header))
            empty = True
            for span in spans(self._fs, fd, max(0, start), self._max_line_bytes):
                empty = False
                if not span.whole and not sealed:
                    return  # being written, or to be closed by the next append
                if span.start == 0:
                    yield from self._first(number, span, start < 0)
                else:
                    yield self._judge(number, span, parse)
            if empty and sealed and start < 0:
                yield missing(number, "the segment is empty: what was not synced was lost in a power cut")
        finally:
            self._fs.close(fd)

    def _is_of_earlier_boot(self, header: Header) -> bool:
        """Certainly: a boot id that is only a time moves with the clock, and a writer may still have the segment open."""
        return not header.boot.startswith("t:") and not same_boot(header.boot, self._fs.boot_id())

    def _first(self, number: int, span: Span, report: bool) -> Iterator[Record | Damage]:
        """The first line of a segment is its header; where another line takes its place, both are reported."""
        header: Header | None = parse_header(span.line) if span.line is not None and span.whole else None
        if header is not None and header.number == number:
            return
        if header is not None:
            yield _damage(number, span, f"the header of segment {header.number}")
            return
        item = self._judge(number, span, True)
        if isinstance(item, Record) and report:
            yield missing(number, "the header is missing")
        yield item

    def _judge(self, number: int, span: Span, parse: bool) -> Record | Damage:
        line = span.line
        if line is None:
            return _damage(number, span, "longer than a line can be")
        if not span.whole:
            return _damage(number, span, "incomplete at the end of its segment")
        if not checksum_agrees(line):
            return _damage(number, span, "filled with zero bytes" if b"\0" in line else "the checksum does not agree")
        if line.startswith(b'{"_segment":'):
            return _damage(number, span, "a header inside of a segment")
        value: dict[str, Any] = {}
        if parse:
            try:
                value = decode_line(line, self._loads)
            except (ValueError, RecursionError):
                return _damage(number, span, "not a JSON object")
        return Record(Offset(number, span.end, span.crc), line, value)


def _damage(number: int, span: Span, reason: str) -> Damage:
    return Damage(number, span.start, span.end, Offset(number, span.end, span.crc), reason)


def missing(number: int, reason: str) -> Damage:
    """Damage that has no bytes: what should be at the beginning of the segment is not there."""
    return Damage(number, 0, 0, Offset(number, 0, 0), reason)
