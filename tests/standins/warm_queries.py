"""Children of the embedded engine's queries that begin where their imports are done: forked from a process that has made them.

What a child runs is all its own, its limits and its configuration included; only the start of an interpreter and the import of
DuckDB are spared, which is most of what a small query costs. Tests of the child's own start and end take the real way.
"""

from __future__ import annotations

import gc
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Self, cast


class WarmQueries:
    """``start`` makes a child as ``query.start_child`` does; the process it is forked from is started by the first."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self._address = os.path.join(self._directory.name, "socket")
        self._parent: subprocess.Popen[bytes] | None = None

    def start(self) -> subprocess.Popen[bytes]:
        if self._parent is None:
            with socket.socket(socket.AF_UNIX) as listening:
                listening.bind(self._address)
                listening.listen(64)
                self._parent = subprocess.Popen(
                    [sys.executable, "-P", __file__, str(listening.fileno())],
                    stdin=subprocess.DEVNULL,
                    pass_fds=[listening.fileno()],
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)},
                )
        return cast("subprocess.Popen[bytes]", _Child(self._address))

    def close(self) -> None:
        if self._parent is not None:
            self._parent.terminate()
            self._parent.wait()
        self._directory.cleanup()


class _Child:
    """As much of ``Popen`` as the engine uses."""

    def __init__(self, address: str) -> None:
        theirs, ours = zip(*(os.pipe() if number == 0 else os.pipe()[::-1] for number in range(3)), strict=True)
        self._in, self._out, self._err = ours
        self._supervisor = socket.socket(socket.AF_UNIX)
        self._supervisor.connect(address)
        socket.send_fds(self._supervisor, [b"x"], list(theirs))
        for descriptor in theirs:
            os.close(descriptor)
        self.pid = int(self._supervisor.recv(16))
        self.returncode: int | None = None
        self._left = b""
        self._read: dict[int, list[bytes]] = {self._out: [], self._err: []}
        self._open = {self._in, self._out, self._err}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for descriptor in list(self._open):
            self._close(descriptor)
        self._wait(None)
        self._supervisor.close()

    def poll(self) -> int | None:
        return self._wait(0)

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def communicate(self, given: bytes | None, timeout: float) -> tuple[bytes, bytes]:
        """Write ``given`` (None: what is left of it), read to the end. Raises TimeoutExpired, and can be called again."""
        deadline = time.monotonic() + timeout
        self._left = self._left if given is None else given
        with selectors.DefaultSelector() as selector:
            for descriptor in self._open:
                selector.register(descriptor, selectors.EVENT_WRITE if descriptor == self._in else selectors.EVENT_READ)
            while self._open:
                for key, _ in selector.select(max(0.0, deadline - time.monotonic())):
                    if self._move(key.fd):
                        selector.unregister(key.fd)
                        self._close(key.fd)
                if self._open and time.monotonic() >= deadline:
                    raise subprocess.TimeoutExpired("query", timeout)
        if self._wait(max(0.0, deadline - time.monotonic())) is None:
            raise subprocess.TimeoutExpired("query", timeout)
        return b"".join(self._read[self._out]), b"".join(self._read[self._err])

    def _move(self, descriptor: int) -> bool:
        """Whether this one is done with."""
        if descriptor != self._in:
            self._read[descriptor].append(os.read(descriptor, 65_536))
            return not self._read[descriptor][-1]
        try:
            self._left = self._left[os.write(descriptor, self._left[:512]) :]
        except BrokenPipeError:
            return True
        return not self._left

    def _close(self, descriptor: int) -> None:
        self._open.discard(descriptor)
        os.close(descriptor)

    def _wait(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            self._supervisor.settimeout(timeout or (None if timeout is None else 1e-9))
            try:
                self.returncode = int(self._supervisor.recv(16) or b"1")
            except (TimeoutError, BlockingIOError):
                return None
        return self.returncode


def _serve(listening: socket.socket) -> None:
    import duckdb  # noqa: F401 - for the children

    from activity_mcp.warehouse.duckdb import query_child
    from activity_mcp.warehouse.duckdb.dialect import questions  # noqa: F401

    gc.freeze()  # no child writes to the pages of what was imported
    while True:
        asked, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            _supervise(asked, query_child.main)
        asked.close()
        _reap()


def _supervise(asked: socket.socket, main: Callable[[], None]) -> None:
    """Run one query in a child, and report how it ended, as its parent could."""
    _, descriptors, _, _ = socket.recv_fds(asked, 1, 3)
    child = os.fork()
    if child == 0:
        asked.close()
        for place, descriptor in enumerate(descriptors):
            os.dup2(descriptor, place)
            os.close(descriptor)
        code = 1
        try:
            main()
            sys.stdout.flush()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    for descriptor in descriptors:
        os.close(descriptor)
    asked.sendall(b"%d" % child)
    _, status = os.waitpid(child, 0)
    asked.sendall(b"%d" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    _serve(socket.socket(fileno=int(sys.argv[1])))
