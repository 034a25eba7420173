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
    from _socket import socket


class Unblocked:
    """Writes to one descriptor, which stays the caller's. For one thread at a time."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        mode = os.fstat(descriptor).st_mode
        self._is_socket = stat.S_ISSOCK(mode)
        self._is_pipe = stat.S_ISFIFO(mode) and sys.platform == "linux"
        self._socket: socket | None = None
        self._no_wait = 0

    def write(self, data: bytes | bytearray) -> int:
        """How many bytes went. Raises OSError where nobody reads any more."""
        put = self._put_to_socket if self._is_socket else self._put_where_there_is_room
        written = 0
        try:
            while written < len(data):
                written += put(data[written:] if written else data)
        except BlockingIOError:
            pass
        return written

    def wait_for_room(self) -> None:
        """Until it takes something, or nobody reads any more."""
        self._poll.poll()

    def _put_where_there_is_room(self, data: bytes | bytearray) -> int:
        room = _room_if_empty(self._descriptor) if self._is_pipe and len(data) > select.PIPE_BUF else 0
        if not room and self._poll.poll(0):
            room = select.PIPE_BUF
        if not room:
            raise BlockingIOError
        return os.write(self._descriptor, data if len(data) <= room else data[:room])

    def _put_to_socket(self, data: bytes | bytearray) -> int:
        if self._socket is None:
            import _socket  # the module ``socket`` would load ``selectors`` and ``enum``

            self._socket, self._no_wait = _socket.socket(fileno=self._descriptor), _socket.MSG_DONTWAIT
        return self._socket.send(data, self._no_wait)

    def __del__(self) -> None:
        if self._socket is not None:
            self._socket.detach()


def _room_if_empty(pipe: int) -> int:
    """How many bytes this pipe holds, if there are none in it; else 0."""
    from termios import FIONREAD  # the first answers are small, or few

    return 0 if any(fcntl.ioctl(pipe, FIONREAD, bytes(4))) else fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)
