"""The long way: the SDK's server on a thread of its own, fed with the lines that the front does not answer.

It is started by the first of these lines. The connection's greeting is played to it first, and its answer to that, which the
client has had already, is dropped; so the SDK knows the connection as if it had been there from the start.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from .messages import encode_message, read_message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self

    from mcp.server.lowlevel import Server

    from .pending import Pending
    from .wire import Output


class LongWay:
    """``open_server`` is called on the thread, since it imports the SDK. ``on_crash`` gets what ended its loop."""

    def __init__(
        self,
        open_server: Callable[[], Server],
        greeting: Sequence[bytes],
        output: Output,
        pending: Pending,
        on_crash: Callable[[BaseException], None],
    ) -> None:
        self._open_server = open_server
        self._greeting = greeting
        self._output = output
        self._pending = pending
        self._on_crash = on_crash
        self._early: list[bytes | None] = []
        self._lock = threading.Lock()
        self._reader: _Reader | None = None
        threading.Thread(target=self._run, name="activity-sdk", daemon=True).start()

    def take(self, line: bytes | None) -> None:
        """A line for the SDK; None for one that was too long."""
        with self._lock:
            if self._reader is None:
                self._early.append(line)
            else:
                self._reader.feed(line)

    def _run(self) -> None:
        try:
            server = self._open_server()
            asyncio.run(self._serve(server))
        except BaseException as error:
            self._on_crash(error)

    async def _serve(self, server: Server) -> None:
        reader = _Reader(self._output, self._pending)
        for line in self._greeting:
            reader.feed(line)
        with self._lock:
            for early in self._early:
                reader.feed(early)
            self._reader = reader
        writer = _Writer(self._output, self._pending, answered_already=bool(self._greeting))
        await server.run(reader, writer, server.create_initialization_options())


class _Reader:
    """The read stream that the SDK serves from. What cannot be a message is answered here and never seen by it."""

    def __init__(self, output: Output, pending: Pending) -> None:
        self._output = output
        self._pending = pending
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()

    def feed(self, line: bytes | None) -> None:
        """Callable from any thread."""
        self._loop.call_soon_threadsafe(self._lines.put_nowait, line)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        return await self.receive()

    async def receive(self) -> SessionMessage | Exception:
        while True:
            message = read_message(await self._lines.get(), self._output.write)
            if isinstance(message, JSONRPCRequest):
                self._pending.opened(message.id)
            elif isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
                self._pending.closed((message.params or {}).get("requestId"))  # it will not be answered
            if message is not None:
                return SessionMessage(message)

    async def aclose(self) -> None:
        """The front ends the connection by leaving."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.aclose()


class _Writer:
    """The write stream that the SDK answers into."""

    def __init__(self, output: Output, pending: Pending, *, answered_already: bool) -> None:
        self._output = output
        self._pending = pending
        self._answered_already = answered_already

    async def send(self, item: SessionMessage, /) -> None:
        if self._output.lost:
            raise anyio.BrokenResourceError
        message = item.message
        is_answer = isinstance(message, JSONRPCResponse | JSONRPCError)
        if is_answer and self._answered_already:  # the greeting comes first, and is answered first
            self._answered_already = False
        else:
            self._output.write(encode_message(message))
        if isinstance(message, JSONRPCResponse | JSONRPCError):
            self._pending.closed(message.id)

    async def aclose(self) -> None:
        """Nothing to do: what is sent is written."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.aclose()
