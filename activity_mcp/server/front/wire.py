"""This process's stdin and stdout: lines in, bytes out, and what ends them.

A signal, a crash or a lost client ends the input: that is noted, and the reader is woken; nothing is raised anywhere.
"""

from __future__ import annotations

import fcntl
import os
import select
import sys
import threading

from .framing import LineCutter
from .unblocked import Unblocked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

READ_BYTES = 64 * 1024  # all that a pipe holds; a larger buffer would be mapped and unmapped again for each line
UNREAD_BYTES = 1024 * 1024  # a few hundred answers: a client that asks in bulk before it reads is not blocked
_LOOK_S = 0.1


class Output:
    """Whole lines to the client, from any thread. Once the client reads no more, ``lost`` is true and writes do nothing.

    What a pipe does not take at once waits here and is written by a thread. A writer is held while more than ``UNREAD_BYTES``
    wait: that is how the client sets the pace.
    """

    def __init__(self, descriptor: int, on_lost: Callable[[], None] = lambda: None) -> None:
        self._unblocked = Unblocked(descriptor)
        self._on_lost = on_lost
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._waiting = bytearray()
        self._thread: threading.Thread | None = None
        self._hurried = False
        self.lost = False

    def write(self, line: bytes) -> None:
        with self._lock:
            if self.lost:
                return
            written = 0 if self._waiting else self._write_what_fits(line)
            if written == len(line) or self.lost:
                return
            self._waiting += line[written:]
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_waiting, name="activity-stdout", daemon=True)
                self._thread.start()
            self._changed.notify_all()
            while len(self._waiting) > UNREAD_BYTES and not self.lost and not self._hurried:
                self._changed.wait(_LOOK_S)

    def finish(self, timeout: float) -> None:
        """Nobody is held any more. Returns once all is written, or after ``timeout`` seconds."""
        with self._changed:
            self._hurried = True
            self._changed.wait_for(lambda: not self._waiting or self.lost, timeout)

    def _write_what_fits(self, data: bytes | bytearray) -> int:
        """How many bytes went without blocking."""
        try:
            return self._unblocked.write(data)
        except OSError:
            self._lose()
            return 0

    def _write_waiting(self) -> None:
        while not self.lost:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self.lost)
            self._unblocked.wait_for_room()
            with self._changed:
                del self._waiting[: self._write_what_fits(self._waiting)]
                self._changed.notify_all()

    def _lose(self) -> None:
        """With the lock held."""
        self.lost = True
        self._waiting.clear()
        self._changed.notify_all()  # the thread has nothing to wait for any more
        self._on_lost()


class Input:
    """The client's lines. ``ended`` is why no more come: ``eof``, ``signal``, ``failure``, or ``lost`` when nobody reads
    ``output`` any more, the descriptor of the answers."""

    def __init__(self, descriptor: int, output: int) -> None:
        self._descriptor = descriptor
        self._output = output
        self._wakes, self._woken = os.pipe()
        os.set_blocking(self._woken, False)
        self.ended = ""

    def lines(self, pause_s: Callable[[], float]) -> Iterator[list[bytes | None]]:
        """Lines as they come, in the pieces in which they came; an empty list after ``pause_s()`` seconds without any, so that
        the caller can look around. None means a line that was too long."""
        cutter = LineCutter()
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        poll.register(self._wakes, select.POLLIN)
        if not os.path.samestat(os.fstat(self._descriptor), os.fstat(self._output)):
            poll.register(self._output, 0)  # only that its other end was closed
        while not self.ended:
            ready = dict(poll.poll(pause_s() * 1000))
            if self._output in ready:
                self.end("lost")
            if self.ended or self._wakes in ready:
                break
            if not ready:
                yield []
                continue
            data = self._read()
            if not data:
                self.ended = self.ended or "eof"
                yield cutter.rest()
                break
            yield cutter.feed(data)

    def _read(self) -> bytes:
        try:
            return os.read(self._descriptor, READ_BYTES)
        except OSError:  # a terminal hung up
            return b""

    def end(self, why: str) -> None:
        """Stop reading. Callable from any thread and from a signal handler."""
        self.ended = self.ended or why
        try:
            os.write(self._woken, b".")
        except OSError:
            pass


def take_descriptors() -> tuple[int, int]:
    """The wire on descriptors of its own; 0 is the null device and 1 stderr from now on. Raises OSError when one is closed."""
    source = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 3)
    target = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 3)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    try:
        os.dup2(2, 1)
    except OSError:  # stderr is closed
        os.dup2(null, 1)
    os.close(null)
    return source, target


def hold_standard_descriptors() -> None:
    """Where one of the three was closed by the parent, the null device, before anything else gets its number."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one


def flush_prints() -> None:
    """What was printed and is still buffered belongs to stderr, not to the wire."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):
        pass
