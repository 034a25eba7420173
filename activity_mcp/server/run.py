"""How a server meets its clients and how it leaves: over stdio, SSE or streamable HTTP, until EOF or a signal.

    serve_stdio()          what ``activity-mcp serve`` does: environment → service → server → run_stdio → exit
    serve_web(...)         the same over HTTP (``/mcp``) or SSE (``/sse``); see ``web`` for its rules
    run_stdio(...)         serves one client over this process's stdin and stdout until it is gone

``initialize`` comes first: Claude Code holds its start-up for it. So nothing is imported here that does not answer it, the
garbage collector rests meanwhile, and the background work starts only when the first answers are out.

Leaving takes less than a second and ends with exit code 0: what was asked is answered, what is buffered is flushed, the
rest is in the queue on disk. A thread sees to it even when the event loop, a disk or a library hangs.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from .lifetime import CLOSE_S, LEAVE_S, SIGNALS, ServiceLifetime, leave, log_background_error, on_signals, watchdog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

    from ..config import Config
    from .app import ActivityServer
    from .tools import Service

    Run = Callable[[ActivityServer, Service, Callable[[], None]], Awaitable[None]]

START_AT_LATEST_S = 5.0


def serve_stdio(environ: Mapping[str, str] | None = None) -> NoReturn:
    """Serve what this environment asks for, and end the process. Raises ActivityError when it cannot be served."""
    environ = os.environ if environ is None else environ
    serve(lambda: _open(_configured(environ), environ))


def serve_web(
    transport: str, host: str, port: int, allowed: Sequence[str] = (), environ: Mapping[str, str] | None = None
) -> NoReturn:
    """Serve over ``http`` or ``sse`` until a signal comes, and end the process. ``allowed``: more names clients may call it by.

    Raises InvalidInput when host and port cannot be listened on, or when the host is not loopback and no
    ``ACTIVITY_HTTP_TOKEN`` is set; ActivityError when the environment cannot be served.
    """
    environ = os.environ if environ is None else environ
    config = _configured(environ)
    from .http.sockets import listen_on

    site = listen_on(transport, host, port, config.http_token, allowed)

    async def run(server: ActivityServer, service: Service, on_end: Callable[[], None]) -> None:
        from .http.run import run_web

        await run_web(server, service, site, on_end=on_end)

    serve(lambda: _open(config, environ), run)


def _configured(environ: Mapping[str, str]) -> Config:
    from ..config import read_config
    from ..logs import configure_logging

    config = read_config(environ)
    configure_logging(config.log_level, config.log_format)
    return config


def _open(config: Config, environ: Mapping[str, str]) -> Service:
    from ..service import ActivityService

    return ActivityService(config, environ, on_error=log_background_error)


async def _over_stdio(server: ActivityServer, service: Service, on_end: Callable[[], None]) -> None:
    await run_stdio(server, service, on_end=on_end)


def serve(open_service: Callable[[], Service], run: Run = _over_stdio) -> NoReturn:
    """Serve a service and end the process, with 0 when the client left or a signal came, with 1 after a crash."""
    _hold_standard_descriptors()
    for number in SIGNALS:  # until the loop takes over: nothing has been accepted yet, so nothing is lost
        signal.signal(number, lambda *_: os._exit(0))
    with lean_start():
        service = open_service()  # first, as it may refuse what it is asked to serve
        from .app import build_server
        from .stdio import open_wire as _open_wire  # noqa: F401 - imported now, while the collector rests

        server = build_server(service)

    async def serve_and_leave() -> NoReturn:
        code = 0
        try:
            await run(server, service, watchdog())
        except BaseException as error:
            log_background_error(error, "the server stopped")
            code = 1
        leave(code)  # here, as the end of asyncio.run and of the interpreter would wait for threads that may hang

    asyncio.run(serve_and_leave())
    raise AssertionError("unreachable")


async def run_stdio(server: ActivityServer, service: Service, *, on_end: Callable[[], None] = lambda: None) -> None:
    """Serve one client over stdin and stdout until it leaves or a signal comes; then flush and close the service.

    Takes over SIGTERM, SIGINT and SIGHUP for as long as the event loop runs. ``on_end`` is called when leaving begins.
    Raises what made the SDK's loop crash, after closing the service.
    """
    from .stdio import GRACE_S, open_wire

    lifetime = ServiceLifetime(service)
    ended = asyncio.Event()
    lowlevel = server._lowlevel_server  # the way in for transports of one's own: MCPServer has no public one
    try:
        async with open_wire(on_end=ended.set, on_first=lifetime.start_soon, calls=server.calls) as wire:
            on_signals(wire.lines.end, on_end)
            lifetime.start_soon(START_AT_LATEST_S)
            serving = asyncio.ensure_future(lowlevel.run(wire.reader, wire.writer, lowlevel.create_initialization_options()))
            await asyncio.wait({serving, asyncio.ensure_future(ended.wait())}, return_when=asyncio.FIRST_COMPLETED)
            told = asyncio.ensure_future(wire.lines.told.wait())
            await asyncio.wait({serving, told}, timeout=wire.lines.grace_s, return_when=asyncio.FIRST_COMPLETED)
            on_end()
            began = time.monotonic()
            await asyncio.wait({serving}, timeout=GRACE_S + 0.05)
            serving.cancel()  # no effect on one that is done
            left = LEAVE_S - (time.monotonic() - began)
            # The service closes while the client reads its last answers.
            closing = asyncio.ensure_future(lifetime.close(min(CLOSE_S, left - 0.05)))
        await closing
    finally:
        await lifetime.close()
    if serving.done() and not serving.cancelled():
        serving.result()


@contextmanager
def lean_start() -> Iterator[None]:
    """For the imports of start-up: the garbage collector rests, and rich is hidden from two libraries that would import it."""
    hide_rich = "rich" not in sys.modules
    gc.disable()
    if hide_rich:
        sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hide_rich:
            sys.modules.pop("rich", None)
        gc.freeze()  # what start-up made stays: no later collection needs to look at it
        gc.enable()


def _hold_standard_descriptors() -> None:
    """Where one of the three was closed by the parent, the null device, before anything else gets its number."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
