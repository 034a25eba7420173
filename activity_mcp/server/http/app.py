"""The paths and what answers them: the protocol, ``/healthz`` and ``/metrics``."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import orjson
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from . import MAX_BODY_BYTES, SDK_SESSIONS, SESSION_IDLE_S
from .bodies import Bodies
from .guard import HEALTH_PATH, Guard, Names
from .metrics import CONTENT_TYPE, exposition
from .sessions import SessionRoom
from .sse import GUARDED, SseSessions, sse_routes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mcp.server.lowlevel import Server
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from ...health.document import StatusDocument
    from ...recording.call_log import MethodTotals
    from .sockets import Site

STATUS_FOR_S = 2.0  # more frequent requests get the same answer: /healthz is open to all
STATUS_WAIT_S = 5.0


def build_app(server: Server[Any], operators: Operators, site: Site, page: ASGIApp | None = None) -> Guard:
    """The application behind its guard: ``/mcp`` or ``/sse``, as the site says, what operators look at, and the page."""
    watched = [Route(HEALTH_PATH, operators.health, methods=["GET"]), Route("/metrics", operators.metrics, methods=["GET"])]
    if site.transport == "sse":
        app = Starlette(routes=[*sse_routes(SseSessions(server)), *watched])
    else:
        app = server.streamable_http_app(
            transport_security=GUARDED,
            max_request_body_size=MAX_BODY_BYTES,
            max_sessions=SDK_SESSIONS,
            session_idle_timeout=SESSION_IDLE_S,
        )
        app.router.routes.extend(watched)
    return Guard(Bodies(SessionRoom(app)), Names(site.allowed, any_address=not site.loopback), site.token, page)


class Operators:
    """What a monitor asks for. The status is read off the event loop, at most once in ``STATUS_FOR_S``."""

    def __init__(
        self, read_status: Callable[[], StatusDocument], call_totals: Callable[[], Mapping[str, MethodTotals]]
    ) -> None:
        self._read_status = read_status
        self._call_totals = call_totals
        self._reading: asyncio.Task[StatusDocument] | None = None
        self._read_at = 0.0

    async def health(self, request: Request) -> Response:
        """One word: ok and warn with 200, fail with 503. A state directory that hangs is a failure too."""
        status = await self._status()
        word = status["health"] if status is not None else "fail"
        return Response(orjson.dumps({"status": word}), 503 if word == "fail" else 200, media_type="application/json")

    async def metrics(self, request: Request) -> Response:
        status = await self._status()
        if status is None:
            return Response("the state directory does not answer", 503, media_type="text/plain")
        return Response(exposition(status, self._call_totals()), media_type=CONTENT_TYPE)

    async def _status(self) -> StatusDocument | None:
        now = time.monotonic()
        if self._reading is None or (self._reading.done() and now - self._read_at > STATUS_FOR_S):
            self._read_at = now
            self._reading = asyncio.ensure_future(asyncio.to_thread(self._read_status))
        try:
            return await asyncio.wait_for(asyncio.shield(self._reading), STATUS_WAIT_S)
        except Exception:
            return None
