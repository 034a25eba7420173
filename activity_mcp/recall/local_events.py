"""What this machine has recorded and the warehouse may not have yet: the queue's tail, read once for two readers.

The context path asks for the events above a snapshot's watermark; the leader asks whether anything waits that is worth a flush
(the server's own calls are not). Both see the same incremental read, so a line is parsed once in a process.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import orjson

from ..activity import decode_line
from ..queue import Offset, QueueReader, SegmentTail, read_queue
from .overlay import Overlay

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..queue import QueueWriter


_CLEAN_EVERY = 1000


class LocalEvents:
    """Thread-safe. ``poll`` is one stat when nothing was appended."""

    def __init__(self, directory: str, channel_id: str, writer: QueueWriter) -> None:
        self.overlay = Overlay()
        self._directory = directory
        self._channel_id = channel_id
        self._writer = writer
        self._lock = threading.Lock()
        self._tail = SegmentTail(directory, start=None)  # what is retained and old is counted, not read
        self._newest_urgent: str = ""
        self._signature = (0, 0)
        self._since_cleaning = 0

    def poll(self) -> Overlay:
        """The overlay, with everything in it that was appended until now."""
        with self._lock:
            polled = self._tail.poll()
            if polled.records or polled.skipped:
                events: list[tuple[str, Mapping[str, Any]]] = []
                for offset, line in polled.records:
                    try:
                        event = decode_line(line, orjson.loads)
                    except ValueError:
                        continue
                    if _is_forgetting(event):  # what is before it is in the contexts, or is to be known no more
                        self.overlay.discard_until(offset)
                        events.clear()
                    events.append((offset, event))
                    if not event.get("ride"):
                        self._newest_urgent = offset
                if polled.skipped and not self._newest_urgent and events:
                    self._newest_urgent = events[0][0]  # what was skipped was not read: it may be worth a flush
                self.overlay.extend(events, polled.skipped)
                self._since_cleaning += len(events)
                if self._since_cleaning >= _CLEAN_EVERY:
                    self._forget_what_is_gone()
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
        try:
            found = os.stat(f"{self._directory}/queue.json")
            signature = (found.st_mtime_ns, found.st_ino)
        except OSError:
            signature = (0, 0)
        if signature != self._signature:
            info = read_queue(self._directory)
            self._channel_id, self._signature = info.queue_id if info else self._channel_id, signature
        return watermark.get(self._channel_id)

    def _forget_what_is_gone(self) -> None:
        """Events of segments that were deleted are in every context: the overlay need not remember them."""
        self._since_cleaning = 0
        segments = QueueReader(self._directory).segments()
        if segments:
            self.overlay.discard_until(str(Offset(segments[0], 0, 0)))

    def committed(self) -> Offset | None:
        """The offset that the warehouse has committed, as far as this machine knows."""
        commit = self._writer.commit()
        return commit.offset if commit else None


def _is_forgetting(event: Mapping[str, Any]) -> bool:
    if event.get("event_name") != "system_event":
        return False
    features = event.get("feature_json")
    return isinstance(features, dict) and features.get("event_type") == "forgotten"
