"""The writer: whole lines to the end of the live segment, or a refusal that says what became of them.

    append   mutex → append.lock → is this still the live segment? → room? → one write → unlock → sync → answer

Several threads may share a writer, and any number of processes a queue. The rules are in the package's docstring.
"""

from __future__ import annotations

import errno
import os
from _thread import allocate_lock

from ..clock import SYSTEM_CLOCK
from ..errors import DiskFull, QueueBusy, QueueFull, QueueRefused
from ..fs import LOCAL
from .appended import Appended, joined
from .live import LiveSegments
from .lock import LockFile
from .manifest import APPEND_LOCK, open_queue, seal_segment
from .pressure import BUSY, DEGRADED_PART, DISK, FULL, Refusals
from .refusal import busy, full, not_durable, refusal
from .segment import sync_segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from ..clock import Clock
    from ..fs import FileSystem
    from .commit import Commit
    from .interval import IntervalSync
    from .live import LiveSegment

    Durability = Literal["event", "none"] | tuple[Literal["interval"], float]
    Pressure = Literal["ok", "degraded", "full"]

MAX_QUEUE_BYTES = 52_428_800
SEGMENT_BYTES = 4 << 20
SEGMENT_AGE_S = 3600.0
_PATIENCE_S = 0.25
"""How long an append waits while another process creates the queue, which includes two syncs: once in the life of a queue."""


class QueueWriter:
    """Appends to the queue in ``directory``, which is made at the first append. Thread-safe, and safe to find in a forked
    child.

    ``lock_timeout`` is how long an append waits for other writers, in seconds of real time, and ``crowd_timeout`` how much
    longer while these are seen to get on (``LockFile.acquire``); ``floor`` is the segment in the sink's token where the caller
    knows it. ``sync_failures`` counts syncs of the ``interval`` thread that the disk refused.
    """

    def __init__(
        self,
        directory: str,
        *,
        sink: str,
        max_bytes: int = MAX_QUEUE_BYTES,
        durability: Durability = "event",
        lock_timeout: float = 0.25,
        crowd_timeout: float = 0.0,
        segment_bytes: int = SEGMENT_BYTES,
        segment_age_s: float = SEGMENT_AGE_S,
        floor: int = 0,
        clock: Clock = SYSTEM_CLOCK,
        fs: FileSystem = LOCAL,
    ) -> None:
        self.directory = directory
        self.sync_failures = 0
        self._sink = sink
        self._max_bytes = max_bytes
        self._degraded_bytes = max_bytes * DEGRADED_PART
        self._durability = durability
        self._lock_timeout = lock_timeout
        self._crowd_timeout = crowd_timeout
        self._segment_bytes = segment_bytes
        self._segment_age_us = round(segment_age_s * 1e6)
        self._floor = floor
        self._clock = clock
        self._fs = fs
        self._refusals = Refusals(directory, fs)
        self._closed = False
        self._start()

    def _start(self) -> None:
        """The state that belongs to one process."""
        self._pid = os.getpid()
        self._mutex = allocate_lock()
        self._lock = LockFile(f"{self.directory}/{APPEND_LOCK}", self._fs)
        self._segments = LiveSegments(
            self.directory,
            self._lock,
            max_bytes=self._segment_bytes,
            max_age_us=self._segment_age_us,
            floor=self._floor,
            clock=self._clock,
            fs=self._fs,
        )
        self._unsynced: set[int] = set()
        self._ticker: IntervalSync | None = None

    # --- append

    def append(self, lines: Sequence[bytes], durable: bool | None = None, *, counted: bool = True) -> Appended:
        """Append all of ``lines`` (``activity.encode_line``) or none. ``durable`` None: as the writer is configured.

        Raises:
            QueueRefused: not accepted (NotDurable: it may still be recorded). QueueFull, QueueBusy and DiskFull are counted in
                ``refused``, unless the caller keeps the event to try again (``counted`` False).
        """
        payload = joined(lines)
        must_sync = self._durability == "event" if durable is None else durable
        try:
            live, start, degraded = self._locked_write(payload, must_sync)
        except QueueRefused as error:
            kind = _COUNTED.get(type(error))
            if kind is not None and counted:
                self._refusals.note(kind, len(lines))
            raise
        if must_sync:
            self._make_durable(live, start + len(payload))
        elif isinstance(self._durability, tuple):
            self._wake_ticker(self._durability[1] / 1000)
        return Appended(live.number, start, lines, must_sync, degraded)

    def _locked_write(self, payload: bytes, must_sync: bool) -> tuple[LiveSegment, int, bool]:
        """The live segment, where in it the payload begins, and whether the queue is under pressure with it."""  # noqa: DOC501
        self._enter()
        try:
            try:
                return self._write(payload, must_sync)
            except FileNotFoundError:  # the directory was removed under us: make it again, once
                self._forget_files()
                return self._write(payload, must_sync)
        except OSError as error:
            raise refusal(error, self.directory) from error
        finally:
            self._mutex.release()

    def _enter(self) -> None:
        if self._pid != os.getpid():  # a forked child: the parent's locks and threads are not ours
            self._start()
        if self._closed:
            raise QueueRefused("not accepted: this writer is closed", hint="make a new one")
        if not self._mutex.acquire(True, self._lock_timeout):
            raise busy(os.getpid())

    def _write(self, payload: bytes, must_sync: bool) -> tuple[LiveSegment, int, bool]:
        lock, segments, room = self._lock, self._segments, len(payload)
        if segments.info is None:
            patience_s = max(_PATIENCE_S, self._lock_timeout)
            segments.info = open_queue(self.directory, sink=self._sink, patience_s=patience_s, fs=self._fs, clock=self._clock)
        if not lock.acquire(self._lock_timeout, self._crowd_timeout):
            raise busy(lock.holder_pid())
        try:
            live = segments.find(room)
            after = segments.known_bytes(live) + room
            if after >= self._degraded_bytes:
                after = segments.look(live) + room
                if after > self._max_bytes:
                    raise full(after - room, room, self._max_bytes)
            start = live.size if live.ends_whole() else live.size + 1
            self._put(live, payload if start == live.size else b"\n" + payload)
            if must_sync:
                live.hold()
            else:
                self._unsynced.add(live.number)
            return live, start, after >= self._degraded_bytes
        finally:
            lock.release()

    def _put(self, live: LiveSegment, data: bytes) -> None:
        """One write; a short write is rolled back."""  # noqa: DOC501
        try:
            written = self._fs.write(live.fd, data)
            if written != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise self._taken_back(live, error) from error
        live.grown(len(data))

    def _taken_back(self, live: LiveSegment, error: OSError) -> QueueRefused:
        try:
            self._fs.truncate(live.fd, live.size)
        except OSError as worse:  # the next newline completes whatever of it is whole
            live.failure = worse
            return not_durable(f"{error.strerror}, then {worse.strerror}")
        if error.errno == errno.EIO:
            live.failure = error
        return refusal(error, self.directory)

    def _forget_files(self) -> None:
        self._segments.forget()
        self._lock.close()

    # --- durability

    def sync(self) -> None:
        """Everything that this writer appended is on the disk when this returns. Raises NotDurable."""  # noqa: DOC501
        if self._pid != os.getpid():
            return
        with self._mutex:
            numbers, self._unsynced = self._unsynced, set()
        failed = None
        for number in sorted(numbers):
            error = sync_segment(self.directory, number, self._fs)
            if error is not None:
                failed = error
                self._seal(number)
        if failed is not None:
            raise not_durable(failed.strerror or str(failed)) from failed

    def _make_durable(self, live: LiveSegment, end: int) -> None:
        try:
            error = live.sync(end)
        finally:
            live.let_go()
        if error is not None:
            self._seal(live.number)
            raise not_durable(error.strerror or str(error)) from error

    def _seal(self, number: int) -> None:
        """Let no process append behind lines that may or may not be on the disk; this writer never does."""
        try:
            seal_segment(self.directory, number, fs=self._fs, clock=self._clock)
        except (QueueRefused, OSError):
            live = self._segments.current
            if live is not None and live.number == number and live.failure is None:
                live.failure = OSError(errno.EIO, os.strerror(errno.EIO))

    def _wake_ticker(self, seconds: float) -> None:
        if self._ticker is None:
            from .interval import IntervalSync

            with self._mutex:
                if self._ticker is None and not self._closed:
                    self._ticker = IntervalSync(seconds, self._sync_in_background)
        if self._ticker is not None:
            self._ticker.wake()

    def _sync_in_background(self) -> None:
        try:
            self.sync()
        except (QueueRefused, OSError):
            self.sync_failures += 1

    def close(self) -> None:
        """Sync what is not synced yet (durability ``none``: not even that), close everything. Idempotent. Raises
        NotDurable."""
        if self._closed or self._pid != os.getpid():
            return
        with self._mutex:
            self._closed = True
        if self._ticker is not None:
            self._ticker.stop()
        try:
            if self._durability != "none":
                self.sync()
        finally:
            with self._mutex:
                self._forget_files()

    # --- pressure

    def uncommitted_bytes(self) -> int:
        """Bytes that count against the cap."""
        return self._segments.uncommitted_bytes()

    def commit(self) -> Commit | None:
        """What commit.json says now, for the price of a stat while it stays the same. Raises NewerFormat."""
        return self._segments.commit()

    def pressure(self, more: int = 0) -> Pressure:
        """``degraded`` from 80 % of the cap on: shorten new events before appending them; ``full`` at the cap.

        With ``more`` bytes: as it would be when these are appended.
        """
        held = self._segments.held_bytes()  # mostly little, whatever of it is committed
        uncommitted = held if held + more < self._degraded_bytes else self.uncommitted_bytes()
        if uncommitted >= self._max_bytes:
            return "full"
        return "degraded" if uncommitted + more >= self._degraded_bytes else "ok"

    def refused(self) -> int:
        """How many events were ever refused in this queue, by any process."""
        return self._refusals.total()

    def unreported_refusals(self) -> int:
        """How many of these no ``system_event`` has reported yet: none while events are recorded and a server runs."""
        return self._refusals.unreported()

    def take_refusals(self) -> int:
        """How many were refused since the last report, once space has returned; the caller reports them (one system_event).

        0 while the queue is still under pressure, and for every other process that asks: one report for one refusal.
        """
        if not self._refusals.pending() or self.pressure() != "ok":
            return 0
        self._enter()
        try:
            if not self._lock.acquire(self._lock_timeout):
                return 0
            try:
                count = self._refusals.unreported()
                return count if count and self._refusals.mark_reported() else 0
            finally:
                self._lock.release()
        except OSError:
            return 0
        finally:
            self._mutex.release()

    def take_note(self) -> str | None:
        """What happened to queue.json, once, where this writer had to rebuild it."""
        info = self._segments.info
        if info is None:
            return None
        note, info.note = info.note, None
        return note


_COUNTED: dict[type[QueueRefused], bytes] = {QueueFull: FULL, DiskFull: DISK, QueueBusy: BUSY, QueueRefused: DISK}
