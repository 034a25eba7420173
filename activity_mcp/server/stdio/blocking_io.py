"""What the event loop cannot wait for: a regular file, a terminal, a null device, one socket for both directions."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from .protocols import InboundLines, OutboundBytes

_READ_BYTES = 256 * 1024

log = structlog.get_logger(__name__)


class ReadThread(asyncio.ReadTransport):
    """Reads on a thread. It is a daemon: a read that never ends keeps nobody."""

    def __init__(self, descriptor: int, lines: InboundLines) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._lines = lines
        self._loop = asyncio.get_running_loop()
        self._wanted = threading.Event()
        self._wanted.set()
        lines.connection_made(self)
        threading.Thread(target=self._read, name="activity-stdin", daemon=True).start()

    def pause_reading(self) -> None:
        self._wanted.clear()

    def resume_reading(self) -> None:
        self._wanted.set()

    def close(self) -> None:
        """A blocked read cannot be ended; what it still brings is not taken."""

    def _read(self) -> None:
        try:
            while self._wanted.wait() and (data := os.read(self._descriptor, _READ_BYTES)):
                self._loop.call_soon_threadsafe(self._lines.data_received, data)
        except (OSError, RuntimeError):  # a terminal hung up, or the loop is gone
            pass
        try:
            self._loop.call_soon_threadsafe(self._lines.connection_lost, None)
        except RuntimeError:
            pass


class DirectWriter(asyncio.WriteTransport):
    """Writes at once, to what takes all it is given."""

    def __init__(self, descriptor: int, output: OutboundBytes) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._output = output
        output.connection_made(self)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is buffered."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            log.warning("an answer could not be written", error=str(error))
            self._output.connection_lost(error)

    def close(self) -> None:
        self._output.connection_lost(None)

    def abort(self) -> None:
        self._output.connection_lost(None)
