"""The requests that were taken and are not answered yet, whichever way answers them."""

from __future__ import annotations

import threading

MAX_OPEN = 512


class Pending:
    """Thread-safe. Ids are compared as text, as a cancellation may name a number by its digits."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._ids: set[str] = set()

    def opened(self, request_id: object) -> None:
        with self._changed:
            self._ids.add(str(request_id))

    def closed(self, request_id: object) -> None:
        with self._changed:
            self._ids.discard(str(request_id))
            self._changed.notify_all()

    def wait_for_at_most(self, count: int, timeout: float) -> bool:
        """Whether no more than ``count`` are open, now or within ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._ids) <= count, timeout)
