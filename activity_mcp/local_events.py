"""What this machine has recorded and the warehouse may not have yet: the queue's tail, read once, told to two readers.

The context path asks for the events above a snapshot's watermark; the leader asks whether anything waits that is worth a flush
(the server's own calls are not). Both see the same incremental read, so a line is parsed once in a process.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import orjson

from .activity import decode_line
from .context import Overlay
from .queue import Offset, SegmentTail, read_commit, read_queue

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .queue import QueueWriter


class LocalEvents:
    """Thread-safe. ``poll`` is one stat when nothing was appended."""

    def __init__(self, directory: str, channel_id: str, writer: QueueWriter) -> None:
        self.overlay = Overlay()
        self._directory = directory
        self._channel_id = channel_id
        self._writer = writer
        self._lock = threading.Lock()
        commit = read_commit(directory)
        # From the beginning of the committed segment: a snapshot may be published a moment after its rows are committed.
        start = Offset(commit.offset.segment, 0, 0) if commit and commit.channel_id == channel_id else None
        self._tail = SegmentTail(directory, start=start)
        self._newest_urgent: str = ""

    def poll(self) -> Overlay:
        """The overlay, with everything in it that was appended until now."""
        with self._lock:
            polled = self._tail.poll()
            if polled.records or polled.skipped:
                events = []
                for offset, line in polled.records:
                    event = _decoded(line)
                    if event is not None:
                        events.append((str(offset), event))
                        if not event.get("ride"):
                            self._newest_urgent = str(offset)
                if polled.skipped and not self._newest_urgent and events:
                    self._newest_urgent = events[0][0]  # nobody read what was skipped: it may be worth a flush
                self.overlay.extend(events, polled.skipped)
        return self.overlay

    def urgent(self) -> bool:
        """True when something other than the server's own calls is not yet committed."""
        self.poll()
        if not self._newest_urgent:
            return False
        committed = self.committed()
        return committed is None or str(committed) < self._newest_urgent

    def watermark_of(self, watermark: Mapping[str, str]) -> str | None:
        """The offset in a snapshot's watermark that belongs to this queue, whose id another process may have renewed."""
        if self._channel_id not in watermark and watermark:
            info = read_queue(self._directory)
            self._channel_id = info.queue_id if info else self._channel_id
        return watermark.get(self._channel_id)

    def size(self) -> int:
        """Bytes not yet committed."""
        return self._writer.uncommitted_bytes()

    def committed(self) -> Offset | None:
        commit = read_commit(self._directory)
        return commit.offset if commit else None


def _decoded(line: bytes) -> Mapping[str, Any] | None:
    try:
        return decode_line(line, orjson.loads)
    except ValueError:
        return None
