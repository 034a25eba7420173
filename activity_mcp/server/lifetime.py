"""The life of a service on an event loop: its background work starts off the loop, and its end takes a bounded time."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from .leaving import CLOSE_S, START_DELAY_S, log_background_error

if TYPE_CHECKING:
    from collections.abc import Callable


class ServiceLifetime:
    """Starts a service off the event loop, and closes it there too. Both at most once; neither ever raises.

    ``start`` and ``close(timeout)`` are the service's.
    """

    def __init__(self, start: Callable[[], None], close: Callable[[float], None]) -> None:
        self._start_service = start
        self._close_service = close
        self._timer: asyncio.TimerHandle | None = None
        self._started = False
        self._closed: asyncio.Event | None = None

    def start_soon(self, delay: float = START_DELAY_S) -> None:
        """Start after ``delay`` seconds. Asking again replaces the delay, until it has been started or closed."""
        if self._started or self._closed is not None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(delay, self._start)

    async def close(self, timeout: float = CLOSE_S) -> None:
        """Flush what is buffered and free what is held, for no longer than ``timeout`` and a little."""
        if self._closed is None:
            self._closed = asyncio.Event()
            if self._timer is not None:
                self._timer.cancel()
            self._run(lambda: self._close_service(timeout), "activity-close", self._closed)
        try:
            await asyncio.wait_for(self._closed.wait(), timeout + 0.05)
        except TimeoutError:
            log_background_error(None, "closing took too long; what was accepted is in the queue")

    def _start(self) -> None:
        self._started = True
        self._run(self._start_service, "activity-start", asyncio.Event())

    def _run(self, job: Callable[[], None], name: str, done: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()

        def work() -> None:
            try:
                job()
            except Exception as error:
                log_background_error(error, f"{name} failed")
            try:
                loop.call_soon_threadsafe(done.set)
            except RuntimeError:  # the loop is gone: nobody waits
                pass

        threading.Thread(target=work, name=name, daemon=True).start()
