"""From the first request to the end: uvicorn on our own sockets, with our own signals."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

import click

from ..leaving import CLOSE_S, GRACE_S
from .app import build_app
from .uvicorn_server import uvicorn_for

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server
    from starlette.types import Receive, Scope, Send

    from ..leaving import Watchdog
    from ..lifetime import ServiceLifetime
    from .app import Operators
    from .sockets import Site


class Page(Protocol):
    """What is served at ``/``, beside the protocol: an application of its own."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...

    def close(self) -> None:
        """Ends what it has begun."""


async def run_web(
    server: Server[Any],
    lifetime: ServiceLifetime,
    operators: Operators,
    site: Site,
    dog: Watchdog,
    *,
    page: Page | None = None,
) -> None:
    """Serve the site until SIGTERM, SIGINT or SIGHUP; then answer what was asked, and flush and close the service.

    ``dog`` hears the signals and when leaving begins. Raises what made the HTTP server stop by itself.
    """
    ended = asyncio.Event()
    guard = build_app(server, operators, site, page)
    http = uvicorn_for(guard, has_lifespan=True)
    try:
        loop = asyncio.get_running_loop()
        dog.on_signals(lambda: loop.call_soon_threadsafe(ended.set))
        serving = asyncio.ensure_future(http.serve(list(site.sockets)))
        lifetime.start_soon()
        click.echo(f"activity-mcp serves {site.url}", err=True)
        click.echo(f"clients need its token: Authorization: Bearer <what {site.token_place} holds>", err=True)
        if page is not None:
            click.echo(f"the page for a browser is at {site.root}/", err=True)
        await asyncio.wait({serving, asyncio.ensure_future(ended.wait())}, return_when=asyncio.FIRST_COMPLETED)
        dog.begin()
        if page is not None:
            page.close()
        http.should_exit = True
        await guard.finish(GRACE_S)
        closing = asyncio.ensure_future(lifetime.close(CLOSE_S))
        await asyncio.wait({serving, closing}, timeout=CLOSE_S)
    finally:
        await lifetime.close()
    if serving.done():
        serving.result()
