"""How every server leaves: in time, whatever hangs, and with what it has to say on stderr."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name))
START_DELAY_S = 0.1  # after the first answer: a client asks for its lists in one go, and imports would be in their way
CLOSE_S = 0.25
GRACE_S = 0.2  # what was asked may still take so long after a signal
LEAVE_S = 0.4  # from the end of the connection, whatever hangs: a client kills after 0.6 s, and a busy machine takes its part
WEB_LEAVE_S = 0.9  # the same over HTTP, where open streams are closed first
EOF_GRACE_S = 5.0  # requests piped into a fresh server on a busy machine: the first append imports what validates it
FLUSH_S = 0.1  # how long a client that has fallen behind may take over the last answers
_BEGUN = 0  # what wakes the watchdog beside the number of a signal: no signal has this one


class Watchdog:
    """A thread that ends the process ``leave_s`` after leaving has begun, or after a signal, whatever hangs."""

    def __init__(self, leave_s: float = LEAVE_S) -> None:
        self._leave_s = leave_s
        self._end: Callable[[], object] = lambda: None
        self._woken, self._wakes = os.pipe()
        os.set_blocking(self._wakes, False)
        threading.Thread(target=self._wait, name="activity-watchdog", daemon=True).start()

    def begin(self) -> None:
        """Leaving has begun. Callable from any thread and from a signal handler."""
        try:
            os.write(self._wakes, bytes((_BEGUN,)))
        except BlockingIOError:  # full of what woke it already
            pass

    def on_signals(self, end: Callable[[], object]) -> None:
        """SIGTERM, SIGINT and SIGHUP call ``end``, maybe twice and on any thread, and begin to leave. For the main thread.

        Python runs a handler between two instructions of the main thread. When that thread waits inside a library, or was
        about to when the signal came, it has no next instruction. The interpreter's own handler, which writes to a descriptor
        (``signal.set_wakeup_fd``), runs all the same, and the thread here reads that.
        """
        self._end = end

        def handle(*_: object) -> None:
            self.begin()
            end()

        signal.set_wakeup_fd(self._wakes, warn_on_full_buffer=False)
        for number in SIGNALS:
            signal.signal(number, handle)

    def _wait(self) -> None:
        while (woken := os.read(self._woken, 1)[0]) not in (_BEGUN, *SIGNALS):
            pass  # a signal that something else in the process handles: it ends nothing
        if woken in SIGNALS:
            self._end()
        time.sleep(self._leave_s)
        leave(0)


def leave(code: int) -> NoReturn:
    """End the process here: the end of the interpreter would wait for threads that may hang."""
    try:
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):  # full, closed, or never there
        pass
    os._exit(code)


def log_background_error(error: BaseException | None, event: str = "background work failed") -> None:
    """One line on stderr, with the traceback of what nobody expected."""
    from ..errors import ActivityError
    from .logs import get_logger

    log = get_logger(__name__)
    if isinstance(error, ActivityError):
        log.warning(event, error=error.describe())
    else:
        log.error(event, exc_info=error)
