"""What happens while somebody looks: the newest events, read from the end of the queue, and a stream that says when to look
again.

The stream (``/live``, EventSource) sends a number that grows with each change: an event appended by any process, a flush, an
answer of the warehouse. It looks at two files twice a second while somebody listens, and at nothing otherwise. A browser whose
page is hidden stops listening (``page.js``).
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

import orjson

from ..activity import decode_line
from ..queue import SegmentTail, read_commit

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    Event = dict[str, Any]

MAX_EVENTS, MAX_BYTES = 200, 512 << 10
LOOK_EVERY_S = 0.5
BEAT_EVERY_S = 15.0
MAX_LISTENERS = 64


class NewestEvents:
    """The newest events of this machine's queue, shipped or not. Thread-safe; a look is two stats when nothing was appended."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._tail = self._new_tail()
        self._events: deque[Event] = deque(maxlen=MAX_EVENTS)
        self._lock = threading.Lock()
        self.appended = 0
        """Grows with each look that found something."""

    def _new_tail(self) -> SegmentTail:
        return SegmentTail(self._directory, start=None, limit_records=MAX_EVENTS, limit_bytes=MAX_BYTES)

    def forget(self) -> None:
        """Read them again from what is there now."""
        with self._lock:
            self._tail = self._new_tail()
            self._events.clear()
            self.appended += 1

    def poll(self) -> int:
        """Look once; ``appended`` afterwards."""
        with self._lock:
            polled = self._tail.poll()
            for offset, line in polled.records:
                event = _decoded(line)
                if event is not None:
                    self._events.append({**event, "offset": offset})
            self.appended += bool(polled.records or polled.skipped)
            return self.appended

    def newest(self, count: int, keep: Callable[[Event], bool] = lambda event: True) -> list[Event]:
        """The newest first; without this server's own calls."""
        self.poll()
        with self._lock:
            events = list(self._events)
        kept = (event for event in reversed(events) if not event.get("ride") and keep(event))
        return [event for event, _ in zip(kept, range(count), strict=False)]

    def committed(self) -> str:
        """The offset up to which the warehouse has them, as text; empty where it has none."""
        commit = read_commit(self._directory)
        return str(commit.offset) if commit is not None else ""


class Stream:
    """The stream of changes, for all who listen."""

    def __init__(self, events: NewestEvents) -> None:
        self._events = events
        self._answers = 0
        self._listeners = 0
        self._ended = asyncio.Event()

    @property
    def listeners(self) -> int:
        return self._listeners

    def answered(self) -> None:
        """The warehouse gave an answer: what is shown may be newer now."""
        self._answers += 1

    def state(self) -> str:
        """What there is now, as a text that differs when there is something else. Reads two files."""
        return f"{self._events.poll()}.{self._events.committed()}.{self._answers}"

    def close(self) -> None:
        """Nobody is served any longer: who listens has heard all. On the thread of those who listen."""
        self._ended.set()

    async def listen(self, known: str | None = None) -> AsyncGenerator[str]:
        """Server-sent events until the client leaves, or the server. ``known`` is the state that its page was made of: nothing
        that came between is missed."""
        self._listeners += 1
        try:
            yield "retry: 2000\n\n"
            silent_s, number = 0.0, 0
            while not self._ended.is_set():
                now = await asyncio.to_thread(self.state)
                if known is not None and now != known:
                    silent_s, number = 0.0, number + 1
                    yield f"event: change\ndata: {number}\n\n"
                elif silent_s >= BEAT_EVERY_S:
                    silent_s = 0.0
                    yield ": here\n\n"
                known = now
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ended.wait(), LOOK_EVERY_S)
                silent_s += LOOK_EVERY_S
        finally:
            self._listeners -= 1


def _decoded(line: bytes) -> Event | None:
    try:
        return decode_line(line, orjson.loads)
    except ValueError:
        return None
