"""SSE for older clients: a stream of answers at ``/sse``, and requests posted to ``/messages/``.

The SDK's own route reads on while a client does not; here each session is paced as stdio is: no message is taken while
``MAX_OPEN`` requests of it are unanswered, and a client that posts more waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp.server.sse import SseServerTransport
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from . import MAX_BODY_BYTES, MAX_SESSIONS
from .open_requests import MAX_OPEN, OpenRequests

if TYPE_CHECKING:
    from contextvars import Context
    from typing import Self

    from mcp.server.lowlevel import Server
    from mcp.shared.message import SessionMessage
    from starlette.types import Receive, Scope, Send

SSE_PATH, MESSAGES_PATH = "/sse", "/messages/"
GUARDED = TransportSecuritySettings(enable_dns_rebinding_protection=False)
"""The SDK does not check hosts again: ``Guard`` has, for every path."""


class SseSessions:
    """The stream's endpoint. ``open`` is how many clients listen."""

    def __init__(self, server: Server[Any], *, most: int = MAX_SESSIONS) -> None:
        self.open = 0
        self.transport = SseServerTransport(MESSAGES_PATH, GUARDED, MAX_BODY_BYTES)
        self._lowlevel = server
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.open >= self._most:
            return await PlainTextResponse("too many open sessions", 503)(scope, receive, send)
        self.open += 1
        try:
            async with self.transport.connect_sse(scope, receive, send) as (reader, writer):
                requests = OpenRequests()
                options = self._lowlevel.create_initialization_options()
                await self._lowlevel.run(PacedReader(reader, requests), CountingWriter(writer, requests), options)
        finally:
            self.open -= 1
        return None


def sse_routes(sessions: SseSessions) -> list[Route | Mount]:
    return [
        Route(SSE_PATH, endpoint=sessions, methods=["GET"]),
        Mount(MESSAGES_PATH, app=sessions.transport.handle_post_message),
    ]


class _Wrapped:
    """One of the SDK's two streams of a session, beside the requests that are open in it."""

    def __init__(self, inner: Any, requests: OpenRequests) -> None:
        self._inner = inner
        self._requests = requests

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.aclose()


class PacedReader(_Wrapped):
    """The SDK's stream of what was posted, which waits while too much of it is unanswered."""

    @property
    def last_context(self) -> Context | None:
        """In which context the last message was posted; the SDK handles it there."""
        context: Context | None = self._inner.last_context
        return context

    async def receive(self) -> SessionMessage | Exception:
        await self._requests.at_most(MAX_OPEN - 1)
        item: SessionMessage | Exception = await self._inner.receive()
        message = None if isinstance(item, Exception) else item.message
        if isinstance(message, JSONRPCRequest):
            self._requests.opened(message.id)
        elif isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
            self._requests.closed((message.params or {}).get("requestId"))
        return item

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        from anyio import EndOfStream

        try:
            return await self.receive()
        except EndOfStream:
            raise StopAsyncIteration from None


class CountingWriter(_Wrapped):
    """The SDK's stream of answers, which notes what has been answered."""

    async def send(self, item: SessionMessage, /) -> None:
        await self._inner.send(item)
        if isinstance(item.message, JSONRPCResponse | JSONRPCError):
            self._requests.closed(item.message.id)
