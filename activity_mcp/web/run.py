"""``activity-mcp web``: the page of this state directory on loopback, until a signal comes. It leads nothing and
writes nothing.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from typing import TYPE_CHECKING

from ..server.http.sockets import listen_on
from ..server.http.token import token_of
from ..server.http.uvicorn_server import cut_off, uvicorn_for
from .extra import WithoutExtra, missing_packages

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..server.http.sockets import Site
    from ..service import ActivityService
    from .app import Page

DEFAULT_PORT = 8757
HOST = "127.0.0.1"
_FINISH_S = 0.3
"""So long an answer that has begun may take to end, when a signal has come."""


def listen(service: ActivityService, port: int) -> Site:
    """The socket of the page. Raises InvalidInput where the port is taken."""
    return listen_on("http", HOST, port, lambda: token_of(service.config, service.environ), is_chosen=False)


def page_beside(service: ActivityService, site: Site) -> Page | WithoutExtra:
    """The page for a server that serves something else too, and runs without the extra as well."""
    return WithoutExtra() if missing_packages() else page_of(service, site)


def page_of(service: ActivityService, site: Site) -> Page:
    """The page for a site."""
    from .app import Page
    from .sources import sources_of

    return Page(sources_of(service), site.token, names=site.allowed, any_address=not site.loopback, port=site.port)


def address_of(page: Page, site: Site) -> str:
    """An address that opens the page once."""
    return f"{site.root}/?token={page.keys.one_time()}"


async def serve(page: Page, site: Site, on_ready: Callable[[], None] = lambda: None) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP."""
    http = uvicorn_for(page, has_lifespan=False)
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, ended.set)
    serving = asyncio.ensure_future(http.serve(list(site.sockets)))
    on_ready()
    await asyncio.wait({serving, asyncio.ensure_future(ended.wait())}, return_when=asyncio.FIRST_COMPLETED)
    page.close()
    http.should_exit = True
    await asyncio.wait({serving}, timeout=_FINISH_S)
    cut_off(http)
    await serving
