"""Room for sessions of streamable HTTP: when there are many, the least used one ends instead of the next one being refused.

A client whose session was ended is answered 404 at its next request and opens another, as the protocol says. So a program
that opens sessions and forgets them shuts out nobody: sessions in which nothing was called end first, the oldest of these
first, then those that were silent for the longest time. One that waits for an answer or listens is never ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from . import MAX_SESSIONS

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SESSION_HEADER = "mcp-session-id"
_OPENING_REQUESTS = 2
"""``initialize`` and the notification that it is done."""


class _Session:
    __slots__ = ("open", "requests")

    def __init__(self) -> None:
        self.requests = 1
        self.open = 0


class SessionRoom:
    """The application, with at most ``most`` sessions in it. The SDK, which ends them when idle, has room for more."""

    def __init__(self, app: ASGIApp, *, most: int = MAX_SESSIONS) -> None:
        self._app = app
        self._most = most
        self._sessions: dict[str, _Session] = {}  # the longest silent one first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        name = Headers(scope=scope).get(SESSION_HEADER)
        session = self._sessions.pop(name, None) if name else None
        if name is None or session is None:
            return await self._app(scope, receive, self._noting(scope, send))
        self._sessions[name] = session
        session.requests += 1
        session.open += 1
        try:
            await self._app(scope, receive, send)
        finally:
            session.open -= 1
            if scope["method"] == "DELETE":
                self._sessions.pop(name, None)
        return None

    def _noting(self, scope: Scope, send: Send) -> Send:
        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                name = Headers(raw=list(message.get("headers", ()))).get(SESSION_HEADER)
                if name is not None and name not in self._sessions:
                    await self._make_room(scope)
                    self._sessions[name] = _Session()
            await send(message)

        return noted

    async def _make_room(self, scope: Scope) -> None:
        while len(self._sessions) >= self._most:
            idle = [(name, session) for name, session in self._sessions.items() if not session.open]
            if not idle:
                return
            unused = [name for name, session in idle if session.requests <= _OPENING_REQUESTS]
            name = unused[0] if unused else idle[0][0]
            del self._sessions[name]
            await self._end(name, scope)

    async def _end(self, name: str, scope: Scope) -> None:
        """As its client would. One that has ended already is not found, which is as well."""
        headers = [(key, text) for key, text in scope["headers"] if key in (b"host", b"authorization")]
        request = {**scope, "method": "DELETE", "headers": [*headers, (SESSION_HEADER.encode(), name.encode())]}

        async def nothing() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def ignored(message: Message) -> None:
            pass

        await self._app(request, nothing, ignored)
