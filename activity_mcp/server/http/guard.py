"""Who may come in: every request is judged here by its headers alone, before anything else sees it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEALTH_PATH = "/healthz"
PROVEN = "activity_mcp.proven"
"""The member of a request's ``state`` that says that it bore the token (``connections`` reads it)."""
PROTOCOL = ("/mcp", "/sse", "/messages/", HEALTH_PATH, "/metrics")
"""What is the protocol's and the operators'; all else is the page's, where there is one."""
LOOPBACK_NAMES = frozenset(("localhost", "127.0.0.1", "::1"))


class Names:
    """The hosts under which clients may address this server.

    A name can be made to point anywhere by its owner, so only known ones count. An address cannot: a browser that sends
    it as its host went there. Loopback addresses always count, others unless the server listens on loopback only.
    """

    def __init__(self, names: Iterable[str], *, any_address: bool) -> None:
        self._names = LOOPBACK_NAMES | {name.lower().rstrip(".") for name in names}
        self._any_address = any_address

    def __contains__(self, host: str) -> bool:
        if host in self._names:
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return address.is_loopback or self._any_address


class Guard:
    """The outermost part of the application. ``finish`` ends what is open. ``page`` sees itself to who comes in."""

    def __init__(self, app: ASGIApp, names: Names, token: str | None, page: ASGIApp | None = None) -> None:
        self._app = app
        self._page = page
        self._names = names
        self._digest = _digest(token) if token else None
        self._answering = 0
        self._ending = asyncio.Event()
        self._answered = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        app, refusal = self._app, None
        if self._page is not None and not scope["path"].startswith(PROTOCOL):
            app, refusal = self._page, self._is_ended()
        else:
            refusal = self._refusal(scope["path"], Headers(scope=scope))
            if refusal is None and scope["path"] != HEALTH_PATH:
                scope.setdefault("state", {})[PROVEN] = True
        if refusal is not None:
            return await refusal(scope, receive, send)
        if scope["method"] == "GET":
            return await self._stream(app, scope, receive, send)
        self._answering += 1
        try:
            await app(scope, receive, send)
        finally:
            self._answering -= 1
            if not self._answering:
                self._answered.set()
        return None

    async def finish(self, timeout: float) -> None:
        """Take no more, end the open streams, and wait for the answers to what was asked."""
        self._answered.clear()
        self._ending.set()
        if self._answering:
            try:
                await asyncio.wait_for(self._answered.wait(), timeout)
            except TimeoutError:
                pass

    def _refusal(self, path: str, headers: Headers) -> Response | None:
        """What is wrong with a request, as the answer to it. The order: who is asked, who asks, what proves it."""
        if (ended := self._is_ended()) is not None:
            return ended
        hosts = headers.getlist("host")
        if len(hosts) != 1 or host_of(f"//{hosts[0]}") not in self._names:
            return PlainTextResponse("this server is not known by that Host; see `activity-mcp serve --allow-host`", 421)
        origin = headers.get("origin")
        if origin is not None and not (origin.startswith(("http://", "https://")) and host_of(origin) in self._names):
            return PlainTextResponse("pages of other sites may not ask this server", 403)
        if self._digest is not None and path != HEALTH_PATH and not self._proven(headers.getlist("authorization")):
            return PlainTextResponse(
                "a token is needed: Authorization: Bearer <ACTIVITY_HTTP_TOKEN, or what http-token in ACTIVITY_HOME holds>",
                401,
                {"WWW-Authenticate": "Bearer"},
            )
        return None

    def _is_ended(self) -> Response | None:
        return PlainTextResponse("the server is ending", 503) if self._ending.is_set() else None

    def _proven(self, given: list[str]) -> bool:
        """Compared by digests of one length, so that the time shows neither a prefix nor the length of the token."""
        scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        return hmac.compare_digest(_digest(token.strip()), self._digest or b"") and scheme.lower() == "bearer"

    async def _stream(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """A GET may be a stream without end: at the end it sees its client leave, and its last byte is sent."""
        state = {"started": False, "complete": False}

        async def watched(message: Message) -> None:
            state["started"] |= message["type"] == "http.response.start"
            state["complete"] |= message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        await app(scope, lambda: self._receive(receive), watched)
        if self._ending.is_set() and state["started"] and not state["complete"]:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _receive(self, receive: Receive) -> Message:
        if self._ending.is_set():
            return {"type": "http.disconnect"}
        waits: dict[str, asyncio.Task[Any]] = {
            "receive": asyncio.ensure_future(_awaited(receive)),
            "ending": asyncio.ensure_future(self._ending.wait()),
        }
        try:
            await asyncio.wait(waits.values(), return_when=asyncio.FIRST_COMPLETED)
            if waits["receive"].done():
                message: Message = waits["receive"].result()
                return message
            return {"type": "http.disconnect"}
        finally:
            for task in waits.values():
                task.cancel()


async def _awaited(receive: Receive) -> Message:
    return await receive()


def host_of(url: str) -> str:
    """The host of a URL in lower case, without port, brackets or a final dot; empty where there is none to be read."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for what is no port
        host = parts.hostname or ""
    except ValueError:
        return ""
    return "" if "@" in parts.netloc else host.rstrip(".")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
