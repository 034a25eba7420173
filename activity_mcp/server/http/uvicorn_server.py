"""uvicorn as both use it, the server of MCP and the page: on sockets and with signals of our own."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn

from . import MAX_CONNECTIONS
from .connections import BoundedProtocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Uvicorn(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Not its own: it would wait for open streams, and raise the signal again."""
        yield


def uvicorn_for(app: Any, *, has_lifespan: bool) -> uvicorn.Server:
    """Logs go where ours go, without a line for each request; no header names the server, and no proxy is believed."""
    return _Uvicorn(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="on" if has_lifespan else "off",
            ws="none",
            http=BoundedProtocol,
            loop="asyncio",
            limit_concurrency=MAX_CONNECTIONS,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
            server_header=False,
            proxy_headers=False,
        )
    )


def cut_off(server: uvicorn.Server) -> None:
    """Wait for no answer that is under way. That it was cut off is no error, and no traceback of it is logged."""
    logging.getLogger("uvicorn.error").disabled = True
    server.force_exit = True
