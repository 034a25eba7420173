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


def watchdog(leave_s: float = LEAVE_S) -> Callable[[], None]:
    """A thread that ends the process ``leave_s`` after what is returned here is called; a signal handler may call it."""
    read_end, write_end = os.pipe()

    def wait() -> None:
        os.read(read_end, 1)
        time.sleep(leave_s)
        leave(0)

    threading.Thread(target=wait, name="activity-watchdog", daemon=True).start()

    def leave_in_time() -> None:
        os.write(write_end, b".")

    return leave_in_time


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
