"""The reader: what a queue holds, in order, line by line or range by range, in memory that does not grow with the damage.

What a segment holds is judged by ``SegmentReader``; here its segments become one sequence of batches, ``Offset`` by ``Offset``.
"""

from __future__ import annotations

from ..activity import decode_line
from ..clock import SYSTEM_CLOCK, parse_iso
from ..errors import NewerFormat, QueueRefused
from ..fs import LOCAL
from ..plain_json import loads
from .block import BlockReader
from .manifest import locked, seal_segment
from .offset import Offset, OffsetLost
from .segment import MAX_LINE_BYTES, are_passed_by, crc_of_line_ending_at, segment_numbers, segment_path, sync_segment
from .segment_reader import Damage, Record, SegmentReader, missing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from ..clock import Clock
    from ..fs import FileSystem
    from .block import Block, PlainLines


class ReadBatch:
    """``items`` are records and damage in the order of their offsets; ``end`` is the last one's offset, or where the read
    began.

    ``more``: the limits ended it, not the end of the queue.
    """

    __slots__ = ("end", "items", "more", "size")

    def __init__(self, after: Offset | None) -> None:
        self.items: list[Record | Damage] = []
        self.end = after
        self.more = False
        self.size = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing was there to read."""
        return not self.items

    @property
    def records(self) -> list[Record]:
        """The whole lines of the batch, without the damaged ranges."""
        return [item for item in self.items if isinstance(item, Record)]

    def add(self, item: Record | Damage) -> None:
        """Take one more item, which follows the last one."""
        self.items.append(item)
        self.end = item.offset
        self.size += _size(item)


class Backlog:
    """What lies above an offset: ``events`` (whole lines and damaged ranges), their ``bytes``, and ``oldest_us``, the ts of
    the first event (None when there is none)."""

    __slots__ = ("bytes", "events", "oldest_us")

    def __init__(self, events: int, size: int, oldest_us: int | None) -> None:
        self.events = events
        self.bytes = size
        self.oldest_us = oldest_us


class QueueReader:
    """Reads the queue in ``directory`` without changing it. For one thread at a time."""

    def __init__(
        self,
        directory: str,
        *,
        fs: FileSystem = LOCAL,
        max_line_bytes: int = MAX_LINE_BYTES,
        loads: Callable[[bytes], Any] = loads,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.directory = directory
        self._fs = fs
        self._max_line_bytes = max_line_bytes
        self._loads = loads
        self._clock = clock
        self._segments = SegmentReader(directory, fs, max_line_bytes, loads)
        self._blocks = BlockReader(directory, fs, max_line_bytes)
        self._synced: dict[int, tuple[int, int]] = {}

    # --- reading

    def read(self, after: Offset | None, max_bytes: int = 4 << 20, max_records: int = 1000) -> ReadBatch:
        """What follows ``after`` (None: from the first segment there is), at least one item, at most the limits.

        At most ``max_bytes`` bytes and ``max_records`` items. Sync before a batch is committed: ``sync_segments(batch.end)``.

        Raises:
            OffsetLost: the segment is there, but ``after`` is not a place in it.
            NewerFormat: a newer version wrote what comes next.
        """
        batch = ReadBatch(after)
        numbers = self.segments()
        if after is not None and after.segment in numbers and not self.verify(after):
            raise OffsetLost(after)
        follows = after.segment if after is not None else 1
        for number in numbers:
            if number < follows:
                continue
            start = after.end if after is not None and number == after.segment else -1
            if number == follows:
                start = self._add_plain_lines(batch, number, start, max_bytes, max_records)
            items = self._segments.items(number, start, number != numbers[-1])
            if number > follows and not are_passed_by(self.directory, follows, number - 1, self._fs):
                items = _behind_gap(number, follows, items)
            follows = number + 1
            for item in self._guarded(items, batch):
                if batch.items and (len(batch.items) >= max_records or batch.size + _size(item) > max_bytes):
                    batch.more = True
                    return batch
                batch.add(item)
            if batch.more:
                return batch
        return batch

    def read_plain(self, after: Offset | None, max_bytes: int, max_lines: int) -> PlainLines | None:
        """The plain lines that follow ``after``, within the limits. None where something else does, which ``read`` judges."""
        numbers = self.segments()
        number, start = (after.segment, after.end) if after is not None else (1, -1)
        if number not in numbers or (after is not None and not self.verify(after)):
            return None
        return self._blocks.lines(number, start, numbers, max_bytes, max_lines)

    def segments(self) -> list[int]:
        """The segments there are, ascending."""
        return segment_numbers(self.directory, self._fs)

    def verify(self, offset: Offset) -> bool:
        """Whether the files hold the line that ``offset`` names, at that place."""
        try:
            fd = self._fs.open_read(segment_path(self.directory, offset.segment))
        except FileNotFoundError:
            return False
        try:
            if offset.end == 0:
                return offset.crc == 0
            if not self._fs.pread(fd, 1, offset.end - 1):
                return False
            return crc_of_line_ending_at(self._fs, fd, offset.end) == offset.crc
        finally:
            self._fs.close(fd)

    def damaged_bytes(self, damage: Damage) -> bytes | None:
        """The bytes of a damaged range; None when it is too long to be held (``bury`` then copies it in pieces)."""
        size = damage.end - damage.start
        if size > self._max_line_bytes:
            return None
        try:
            fd = self._fs.open_read(segment_path(self.directory, damage.segment))
        except FileNotFoundError:
            return b""
        try:
            return self._fs.pread(fd, size, damage.start)
        finally:
            self._fs.close(fd)

    def end(self) -> Offset | None:
        """The place behind the last whole line or damaged range, or None when there is none. Looks from the end backwards."""
        numbers = self.segments()
        for number in reversed(numbers):
            last = None
            for item in self._segments.items(number, -1, number != numbers[-1], parse=False):
                last = item
            if last is not None:
                return last.offset
        return None

    def backlog(self, after: Offset | None) -> Backlog:
        """What lies above ``after``, counted line by line. An offset that the files do not hold counts from its segment's
        start."""
        numbers = self.segments()
        if after is not None and after.end and not self.verify(after):
            after = Offset(after.segment, 0, 0)
        events = size = 0
        oldest: int | None = None
        for number in numbers:
            if after is not None and number < after.segment:
                continue
            start = after.end if after is not None and number == after.segment else -1
            for item in self._segments.items(number, start, number != numbers[-1], parse=False):
                events += 1
                size += len(item.line) if isinstance(item, Record) else item.end - item.start
                if oldest is None and isinstance(item, Record):
                    oldest = self._ts_of(item.line)
        return Backlog(events, size, oldest)

    # --- before shipping

    def is_settled(self, batch: ReadBatch | PlainLines) -> bool:
        """Whether what was read is there to stay; otherwise read again. Raises QueueBusy.

        Where the disk is full, the first lines of a batch are whole until the writer has taken them back. It does so under
        append.lock, so every later holder of the lock has seen the end of it. In a sealed segment nothing is taken back.
        """
        numbers = self.segments()
        if batch.end is None or not numbers or batch.end.segment < numbers[-1]:
            return True
        locked(self.directory, self._fs).close()
        return self.verify(batch.end)

    def sync_segments(self, upto: Offset) -> list[int]:
        """Put everything up to ``upto`` on the disk, as it must be before it is shipped (rule 5).

        Returns the segments that the disk refused to sync. They are sealed, and what read back whole is to be shipped.
        """
        failed = []
        for number in self.segments():
            if number > upto.segment:
                break
            found = self._fs.stat(segment_path(self.directory, number))
            if found is None or self._synced.get(number) == (found.st_ino, found.st_size):
                continue
            if sync_segment(self.directory, number, self._fs) is not None:
                failed.append(number)
                self._seal(number)
            self._synced[number] = (found.st_ino, found.st_size)  # after a failure too: a second success would prove nothing
        return failed

    def _seal(self, number: int) -> None:
        try:
            seal_segment(self.directory, number, fs=self._fs, clock=self._clock)
        except (QueueRefused, OSError):
            pass  # the disk that failed cannot take a successor either; writers meet the same failure themselves

    # --- one segment

    def _add_plain_lines(self, batch: ReadBatch, number: int, start: int, max_bytes: int, max_records: int) -> int:
        """Take the lines from ``start`` on (-1: behind the header) that can be read as a block, within the batch's limits.

        Returns where the reading by spans goes on, which judges everything else: ``start`` where there is no such line.
        """
        block = self._block(number, start, max_bytes - batch.size, max_records - len(batch.items))
        if block is None:
            return start
        for line, end, crc in zip(block.lines, block.ends, block.crcs, strict=True):
            try:
                value = decode_line(line, self._loads)
            except (ValueError, RecursionError):
                break
            batch.items.append(Record(Offset(number, end, crc), line, value))
            batch.size += len(line)
            start = end
        if batch.items:
            batch.end = batch.items[-1].offset
        return start

    def _block(self, number: int, start: int, max_bytes: int, max_lines: int) -> Block | None:
        return self._blocks.block(number, start, max_bytes, max_lines)

    def _guarded(self, items: Iterator[Record | Damage], batch: ReadBatch) -> Iterator[Record | Damage]:
        """A newer segment ends the batch before it; only the read that begins there raises."""  # noqa: DOC501 - of ``read``
        try:
            yield from items
        except NewerFormat:
            if not batch.items:
                raise
            batch.more = True

    def _ts_of(self, line: bytes) -> int | None:
        try:
            return parse_iso(str(decode_line(line, self._loads)["ts"]))
        except (ValueError, KeyError, RecursionError):
            return None


def _behind_gap(number: int, follows: int, items: Iterator[Record | Damage]) -> Iterator[Record | Damage]:
    """Segments are made one after the other, and only committed ones are deleted: what is not there was taken away."""
    lacking = f"segment {follows} is" if number == follows + 1 else f"segments {follows} to {number - 1} are"
    yield missing(number, f"{lacking} missing: deleted by hand, or older than what the warehouse knows")
    for item in items:
        if item.offset.end:  # something else missing in the same place is the same row
            yield item


def _size(item: Record | Damage) -> int:
    """What the item holds in memory: of damage, nothing."""
    return len(item.line) if isinstance(item, Record) else 0
