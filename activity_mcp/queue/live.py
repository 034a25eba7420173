"""The live segment as one writer has it open: which one it is, what the writer knows about the file, and the sync that its
threads share.
"""

from __future__ import annotations

import errno
import os
from _thread import allocate_lock

from ..fs import same_boot
from .manifest import read_queue
from .pressure import Gauge
from .segment import SEGMENT_DIRECTORY, SegmentList, read_header, segment_path, start_segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..clock import Clock
    from ..fs import FileSystem
    from .commit import Commit
    from .lock import LockFile
    from .manifest import QueueInfo
    from .segment import Header


class LiveSegment:
    """One open segment. Appends happen under append.lock; ``sync`` is called without it, from any thread.

    ``size`` is the file's, as of the last look under the lock. The descriptor stays open until the last thread that still
    syncs has let go of it, even when the writer has moved on to the next segment.
    """

    __slots__ = (
        "_directory", "_entered", "_fs", "_guard", "_identity", "_retired", "_syncing", "_synced", "_users", "_whole",
        "failure", "fd", "header", "number", "size",
    )  # fmt: skip

    def __init__(self, directory: str, number: int, fd: int, header: Header, fs: FileSystem) -> None:
        self.number = number
        self.fd = fd
        self.header = header
        self.failure: OSError | None = None
        found = os.fstat(fd)
        self.size = found.st_size
        self._identity = (found.st_dev, found.st_ino)
        self._directory = directory
        self._fs = fs
        self._whole = 0
        self._syncing = allocate_lock()
        self._synced = 0
        self._entered = False
        self._guard = allocate_lock()
        self._users = 0
        self._retired = False

    @classmethod
    def open(cls, directory: str, number: int, fs: FileSystem) -> LiveSegment | None:
        """Segment ``number``, or None where it has no header to trust. Raises NewerFormat."""
        fd = fs.open_append(segment_path(directory, number))
        try:
            header = read_header(fs, fd)
            if header is not None and header.number == number:
                return cls(directory, number, fd, header, fs)
        except BaseException:
            fs.close(fd)
            raise
        fs.close(fd)
        return None

    def refresh(self) -> bool:
        """Look again, under append.lock, how long the file is; False when it is shorter than it was, or has failed."""
        size = self._fs.size(self.fd)
        if size < self.size or self.failure is not None:
            return False
        self.size = size
        return True

    def in_place(self) -> bool:
        """Whether this is still the file of that name."""
        found = self._fs.stat(segment_path(self._directory, self.number))
        return found is not None and (found.st_dev, found.st_ino) == self._identity

    def grown(self, size: int) -> None:
        """``size`` bytes were appended here, the last one a newline."""
        self.size += size
        self._whole = self.size

    def ends_whole(self) -> bool:
        """Whether the last byte is a newline; known without reading if this writer was the last to append."""
        return self._whole == self.size or self._fs.pread(self.fd, 1, self.size - 1) == b"\n"

    def hold(self) -> None:
        """Keep the descriptor open until ``let_go``."""
        with self._guard:
            self._users += 1

    def let_go(self) -> None:
        """End one use of the descriptor; the last one closes a retired segment."""
        with self._guard:
            self._users -= 1
            if self._retired and not self._users:
                self._fs.close(self.fd)

    def retire(self) -> None:
        """The writer appends elsewhere from now on."""
        with self._guard:
            if not self._retired and not self._users:
                self._fs.close(self.fd)
            self._retired = True

    def __del__(self) -> None:
        try:
            if not self._retired:
                self._retired = True
                self._fs.close(self.fd)
        except (OSError, AttributeError, TypeError):  # the interpreter ends: the kernel closes what is open
            return

    def sync(self, upto: int) -> OSError | None:
        """Put the first ``upto`` bytes on the disk; threads that come while one syncs find theirs done by the next.

        Returns the disk's error, and after a failure always the same one: the kernel reports a lost page once, so a later
        success would be no proof.
        """
        with self._syncing:
            if self._synced >= upto or self.failure is not None:
                return None if self._synced >= upto else self.failure
            size = self.size
            try:
                self._fs.sync(self.fd)
                if not self._entered:
                    self._fs.sync_directory(f"{self._directory}/{SEGMENT_DIRECTORY}")
                    self._entered = True
                self._synced = size
            except OSError as error:
                self.failure = error
            return self.failure


class LiveSegments:
    """Which segment of a queue is the live one, and how much counts against the cap with it. ``find`` and ``look`` are called
    under append.lock.

    ``max_bytes`` and ``max_age_us`` bound a segment; ``floor`` is the segment in the sink's token where the caller knows it.
    """

    __slots__ = (
        "_clock", "_directory", "_elsewhere", "_floor", "_fs", "_gauge", "_lock", "_max_age_us", "_max_bytes", "_numbers",
        "_segments", "current", "info",
    )  # fmt: skip

    def __init__(
        self, directory: str, lock: LockFile, *, max_bytes: int, max_age_us: int, floor: int, clock: Clock, fs: FileSystem
    ) -> None:
        self._directory = directory
        self._lock = lock
        self._max_bytes = max_bytes
        self._max_age_us = max_age_us
        self._floor = floor
        self._clock = clock
        self._fs = fs
        self._numbers: Sequence[int] | None = None
        # What counts against the cap beside the live segment's size; negative when part of that is committed.
        self._elsewhere = 0
        self._begin()

    def _begin(self) -> None:
        self.current: LiveSegment | None = None
        self.info: QueueInfo | None = None
        self._gauge = Gauge(self._directory, self._fs)
        self._segments = SegmentList(self._directory, self._fs)

    def forget(self) -> None:
        """The files were removed, or are given back: nothing that is known about them holds any more."""
        if self.current is not None:
            self.current.retire()
        self._begin()

    def find(self, room: int) -> LiveSegment:
        """The segment to append to, with ``room`` for that many bytes.

        Raises:
            FileNotFoundError: the queue was removed. Other kinds of OSError: what the disk says.
        """
        numbers = self._segments.numbers()
        live = self.current
        # the same list object: nothing in the directory was made, removed or renamed since the last look
        if live is None or numbers is not self._numbers or not live.refresh() or self._is_due(live, room):
            live = self._look_for(numbers, room)
        return live

    def known_bytes(self, live: LiveSegment) -> int:
        """Bytes above the committed offset as it was last seen: too many rather than too few, as it only ever rises."""
        return self._elsewhere + live.size

    def look(self, live: LiveSegment) -> int:
        """The same from a fresh look."""
        uncommitted = self._gauge.uncommitted(live.header.queue_id, self._segments.numbers(), live.size)
        self._elsewhere = uncommitted - live.size
        return uncommitted

    def held_bytes(self) -> int:
        """Bytes of all segments, committed or not, from any thread."""
        return self._gauge.held(self._segments.numbers())

    def uncommitted_bytes(self) -> int:
        """Bytes that count against the cap, from any thread."""
        return self._gauge.uncommitted(self._queue_id(), self._segments.numbers(), look=False)  # the queue_id took a look

    def commit(self) -> Commit | None:
        """What commit.json says now, for the price of a stat while it stays the same. Raises NewerFormat."""
        return self._gauge.commit()

    def _look_for(self, numbers: Sequence[int], room: int) -> LiveSegment:
        live = self.current
        if live is None or not numbers or live.number != numbers[-1] or not live.in_place():
            live = self._open(numbers)
        elif not live.refresh():
            live = None  # failed or truncated: never append to it again
        if live is None or self._is_due(live, room):
            live = self._rotate(numbers)
        self._numbers = numbers
        known = self._gauge.uncommitted(live.header.queue_id, self._segments.numbers(), live.size, look=False)
        self._elsewhere = known - live.size
        return live

    def _open(self, numbers: Sequence[int]) -> LiveSegment | None:
        """The newest segment, unless it is of an earlier boot, of another queue_id, or has no readable header."""  # noqa: DOC501
        if not self._lock.in_place():  # the directory was replaced: this lock excludes no other process
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self._lock.path)
        self.info = self._present_queue()
        live = LiveSegment.open(self._directory, numbers[-1], self._fs) if numbers else None
        if live is None:
            return None
        if live.header.queue_id == self.info.queue_id and same_boot(live.header.boot, self._fs.boot_id()):
            return self._adopt(live)
        live.retire()
        return None

    def _is_due(self, live: LiveSegment, room: int) -> bool:
        header = live.header
        if live.size + room <= self._max_bytes:
            return live.size > header.end and abs(self._clock.time_us() - header.created_us) >= self._max_age_us
        return live.size > header.end

    def _rotate(self, numbers: Sequence[int]) -> LiveSegment:
        self.info = self._present_queue()
        number = self._gauge.next_number(numbers, self._floor)
        number = start_segment(self._directory, number, self.info.queue_id, clock=self._clock, fs=self._fs)
        live = LiveSegment.open(self._directory, number, self._fs)
        if live is None:
            raise OSError(errno.EIO, "a new segment does not read back")
        return self._adopt(live)

    def _adopt(self, live: LiveSegment) -> LiveSegment:
        if self.current is not None:
            self.current.retire()
        self.current = live
        return live

    def _present_queue(self) -> QueueInfo:
        info = read_queue(self._directory, fs=self._fs)
        if info is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), f"{self._directory}/queue.json")
        return info

    def _queue_id(self) -> str:
        commit = self._gauge.commit()
        if self.info is None or (commit is not None and commit.channel_id != self.info.queue_id):
            info = read_queue(self._directory, fs=self._fs)  # not opened yet, or the queue took a new id meanwhile
            return info.queue_id if info else ""
        return self.info.queue_id
