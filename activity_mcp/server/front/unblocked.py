"""Writing to a descriptor as much as it takes at once, without blocking, its mode left as it is: other processes may share it.

    an empty pipe     all that it holds, in one write: nobody else writes to it (Linux says how much that is)
    a socket          as much as it takes (MSG_DONTWAIT)
    anything else     PIPE_BUF bytes, for which POLLOUT promises room (poll(2), pipe(7))

An answer in several writes would wake its reader several times.
"""

from __future__ import annotations

import fcntl
import os
import select
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Put = Callable[[bytes | bytearray], int]
    """Writes some of the data and returns how many bytes. Raises BlockingIOError where none fit, another OSError where nobody
    reads any more."""


class Unblocked:
    """Writes to one descriptor. For one thread at a time."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        mode = os.fstat(descriptor).st_mode
        self._is_socket = stat.S_ISSOCK(mode)
        self._holds = _capacity(descriptor) if stat.S_ISFIFO(mode) else 0
        self._put: Put | None = None

    def write(self, data: bytes | bytearray) -> int:
        """How many bytes went. Raises OSError where nobody reads any more."""
        if self._put is None:
            self._put = _put_to_socket(self._descriptor) if self._is_socket else self._put_where_there_is_room
        written = 0
        try:
            while written < len(data):
                written += self._put(data[written:] if written else data)
        except BlockingIOError:
            pass
        return written

    def wait_for_room(self) -> None:
        """Until it takes something, or nobody reads any more."""
        self._poll.poll()

    def _put_where_there_is_room(self, data: bytes | bytearray) -> int:
        room = self._holds if len(data) > select.PIPE_BUF and self._holds and self._is_empty() else 0
        if not room and self._poll.poll(0):
            room = select.PIPE_BUF
        if not room:
            raise BlockingIOError
        return os.write(self._descriptor, data if len(data) <= room else data[:room])

    def _is_empty(self) -> bool:
        from termios import FIONREAD  # the first answers are small, or few

        return not any(fcntl.ioctl(self._descriptor, FIONREAD, bytes(4)))


def _capacity(pipe: int) -> int:
    """How many bytes an empty pipe holds; 0 where the system does not say."""
    try:
        return fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ) if sys.platform == "linux" else 0
    except OSError:
        return 0


def _put_to_socket(descriptor: int) -> Put:
    from _socket import MSG_DONTWAIT, socket  # the module ``socket`` would load ``selectors`` and ``enum``

    connection = socket(fileno=os.dup(descriptor))
    return lambda data: connection.send(data, MSG_DONTWAIT)
