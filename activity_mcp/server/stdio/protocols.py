"""The two ends of the wire as the event loop sees them: lines that come in, bytes that go out, and their pace."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from .framing import LineCutter

if TYPE_CHECKING:
    from collections.abc import Callable

UNREAD_BYTES = 1024 * 1024  # a few hundred answers: a client that asks in bulk before it reads is not blocked
UNSERVED_BYTES = 1024 * 1024  # lines cut but not yet taken; above it the pipe is left to fill
GRACE_S = 0.25  # a server must be gone within a second of being told, and closing its service takes half of that
EOF_GRACE_S = 5.0  # requests piped into a fresh server on a busy machine: the first append imports what validates it
FLUSH_S = 0.25  # how long a client that has fallen behind may take over the last answers


class InboundLines(asyncio.Protocol):
    """The client's lines in their order. ``on_end`` is called once, when no more will come.

    ``grace_s`` is what the answers to what was taken may still take after the end; ``told`` is set when somebody has no time
    for that: a signal came, or nobody reads the answers.
    """

    def __init__(self, on_end: Callable[[], None]) -> None:
        self.grace_s = EOF_GRACE_S
        self.told = asyncio.Event()
        self._on_end = on_end
        self._cutter = LineCutter()
        self._lines: deque[bytes | None] = deque()
        self._bytes = 0
        self._ended = False
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._transport: asyncio.ReadTransport | None = None

    async def next(self) -> bytes | None:
        """The next line, None for one that was too long. Raises EOFError at the end."""
        while not self._lines:
            if self._ended:
                raise EOFError
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        line = self._lines.popleft()
        self._bytes -= len(line or b"")
        if self._paused and self._bytes <= UNSERVED_BYTES and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return line

    def more(self) -> bool:
        """Whether the next line is there already."""
        return bool(self._lines)

    def end(self) -> None:
        """Read no further, and forget the lines that nobody has taken."""
        self.grace_s = GRACE_S
        self.told.set()
        self._lines.clear()
        self._bytes = 0
        self._finish()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._ended:
            return
        self._take(self._cutter.feed(data))
        if self._bytes > UNSERVED_BYTES and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._ended:
            self._take(self._cutter.rest())
        self._finish()

    def _take(self, lines: list[bytes | None]) -> None:
        self._lines.extend(lines)
        self._bytes += sum(len(line or b"") for line in lines)
        self._wake()

    def _finish(self) -> None:
        if not self._ended:
            self._ended = True
            self._on_end()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class OutboundBytes(asyncio.BaseProtocol):
    """Bytes to the client. ``on_lost`` is called when there is nobody left to read them."""

    def __init__(self, on_lost: Callable[[], None]) -> None:
        self.lost = False
        self._on_lost = on_lost
        self._writable = asyncio.Event()
        self._writable.set()
        self._closed = asyncio.Event()
        self._transport: asyncio.WriteTransport | None = None

    def write(self, data: bytes) -> None:
        if self._transport is not None and not self.lost:
            self._transport.write(data)

    async def ready(self) -> None:
        """Returns at once, unless the client has left too much unread."""
        if not self._writable.is_set():
            await self._writable.wait()

    async def close(self, timeout: float = FLUSH_S) -> None:
        """Hand over what is written, for as long as ``timeout`` lets the client read it."""
        if self._transport is None:
            return
        self._transport.close()
        try:
            await asyncio.wait_for(self._closed.wait(), timeout)
        except TimeoutError:
            self._transport.abort()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.set_write_buffer_limits(high=UNREAD_BYTES)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        self._writable.set()
        self._closed.set()
        self._on_lost()
