"""The life of a server process, whatever it speaks: its service's start and end, its signals, and its leaving in time.

ServiceLifetime   starts the background work off the event loop, and closes the service within a bound
on_signals        SIGTERM, SIGINT and SIGHUP end the connection, not the process
watchdog          ends the process within a second of the connection's end, whatever hangs
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

    from .tools import Service

START_DELAY_S = 0.1  # after the first answer: a client asks for its lists in one go, and imports would be in their way
CLOSE_S = 0.5
LEAVE_S = 0.9  # from the end of the connection to the end of the process, whatever hangs

SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name))


class ServiceLifetime:
    """Starts a service off the event loop, and closes it there too. Both at most once; neither ever raises."""

    def __init__(self, service: Service) -> None:
        self._service = service
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
            self._run(lambda: self._service.close(timeout), "activity-close", self._closed)
        try:
            await asyncio.wait_for(self._closed.wait(), timeout + 0.05)
        except TimeoutError:
            log_background_error(None, "closing took too long; what was accepted is in the queue")

    def _start(self) -> None:
        self._started = True
        self._run(self._service.start, "activity-start", asyncio.Event())

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


def log_background_error(error: BaseException | None, event: str = "background work failed") -> None:
    """One line on stderr, with the traceback of what nobody expected."""
    import structlog

    from ..errors import ActivityError

    log = structlog.get_logger(__name__)
    if isinstance(error, ActivityError):
        log.warning(event, error=error.describe())
    else:
        log.error(event, exc_info=error)


def on_signals(end: Callable[[], None], at_once: Callable[[], None]) -> None:
    """``end`` runs on the loop, ``at_once`` in the handler itself, as the loop may be what hangs."""
    loop = asyncio.get_running_loop()

    def handle(*_: object) -> None:
        at_once()
        loop.call_soon_threadsafe(end)

    for number in SIGNALS:
        signal.signal(number, handle)


def watchdog() -> Callable[[], None]:
    """A thread that ends the process ``LEAVE_S`` after what is returned here is called; a signal handler may call it."""
    hears, tells = os.pipe()

    def wait() -> None:
        os.read(hears, 1)
        time.sleep(LEAVE_S)
        leave(0)

    threading.Thread(target=wait, name="activity-watchdog", daemon=True).start()

    def leave_in_time() -> None:
        os.write(tells, b".")

    return leave_in_time


def leave(code: int) -> NoReturn:
    try:
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):  # full, closed, or never there
        pass
    os._exit(code)
