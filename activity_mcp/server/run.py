"""What ``activity-mcp serve`` does: environment → service → transport → exit.

    serve_stdio()     over stdin and stdout; see ``front`` for its rules
    serve_web(...)    over HTTP (``/mcp``) or SSE (``/sse``); see ``http`` for its rules

Leaving takes 0.4 s at most and ends with exit code 0: what was asked is answered, what is buffered is flushed, the
rest is in the queue on disk. A thread sees to it even when a disk or a library hangs.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from .leaving import CLOSE_S, SIGNALS, WEB_LEAVE_S, Watchdog, leave, log_background_error
from .logs import without_rich

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mcp.server.lowlevel import Server

    from ..config import Config
    from ..service import ActivityService
    from .front.front import OpenLongWay
    from .front.long_way import LongWay
    from .front.pending import Pending
    from .front.service_loader import ServiceLoader
    from .front.wire import Output
    from .http.run import Page
    from .http.sockets import Site

SWITCH_INTERVAL_S = 0.0005
"""After which a thread that answers gets the interpreter from one that flushes. With Python's 5 ms one turn of a flush takes
longer than ten answers (``bench growth``, get_context beside folds)."""
FULL_COLLECTION_EVERY = 100
"""Collections of the middle generation between two of all objects, which keep an answer waiting for tens of milliseconds.
With Python's 10 there is one in each flush: its rows are many objects, and leave no cycles behind."""


def serve_stdio(environ: Mapping[str, str] | None = None) -> NoReturn:
    """Serve what this environment asks for, and end the process. Raises ActivityError when it cannot be served."""
    from .logs import configure_when_needed

    environ = os.environ if environ is None else environ
    config = _configured(environ)
    configure_when_needed(config.log_level, config.log_format)
    serve(lambda: _open(config, environ))


def serve(open_service: Callable[[], ActivityService], *, front: bool = True) -> NoReturn:
    """Serve a service over stdio and end the process, with 0 when the client left or a signal came, with 1 after a crash.

    ``open_service`` is called on a thread, after the first answer. Without ``front`` every line takes the long way.
    """
    from .front.front import Front
    from .front.service_loader import ServiceLoader
    from .front.table import read_table
    from .front.wire import Input, Output, flush_prints, hold_standard_descriptors, take_descriptors

    _put_answers_first()
    hold_standard_descriptors()
    for number in SIGNALS:  # until the loop takes over: nothing has been accepted yet, so nothing is lost
        signal.signal(number, lambda *_: os._exit(0))
    failures: list[BaseException] = []

    def fail(error: BaseException) -> None:
        failures.append(error)
        lines.end("failure")

    source, target = take_descriptors()
    lines = Input(source, target)
    output = Output(target, lambda: lines.end("lost"))
    dog = Watchdog()
    dog.on_signals(lambda: lines.end("signal"))
    loader = ServiceLoader(open_service, fail)
    table = read_table() if front and not _is_traced() else None
    Front(lines, output, table, loader, _long_way_of(loader, output, fail)).serve()
    dog.begin()
    loader.close(CLOSE_S)
    flush_prints()
    for failure in failures:
        log_background_error(failure, "the server stopped")
    leave(1 if failures else 0)


def _put_answers_first() -> None:
    """Let no other thread of this process keep an answer waiting for long."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, FULL_COLLECTION_EVERY)


def _long_way_of(loader: ServiceLoader, output: Output, fail: Callable[[BaseException], None]) -> OpenLongWay:
    def open_server() -> Server:
        service = loader.tools().service
        with lean_start():
            from .app import build_server

            return build_server(service)

    def open_long_way(greeting: Sequence[bytes], pending: Pending) -> LongWay:
        from .front.long_way import LongWay

        return LongWay(open_server, greeting, output, pending, fail)

    return open_long_way


def _is_traced() -> bool:
    """Whether somebody instruments this process: the SDK makes the spans of OpenTelemetry, the front makes none."""
    return "opentelemetry.sdk" in sys.modules


def serve_web(
    transport: str,
    host: str,
    port: int,
    allowed: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    *,
    make_page: Callable[[ActivityService, Site], Page] | None = None,
) -> NoReturn:
    """Serve over ``http`` or ``sse`` until a signal comes, and end the process. ``allowed``: more names clients may call it by.
    ``make_page`` makes what is served at ``/``.

    Clients need a token: ``ACTIVITY_HTTP_TOKEN``, or the one that is made (``http.token``). Raises InvalidInput when host and
    port cannot be listened on, or when the host is not loopback and no ``ACTIVITY_HTTP_TOKEN`` is set; ActivityError when the
    environment cannot be served.
    """
    from .http.sockets import listen_on
    from .http.token import token_of
    from .logs import configure_logging

    environ = os.environ if environ is None else environ
    config = _configured(environ)
    configure_logging(config.log_level, config.log_format)

    site = listen_on(transport, host, port, lambda: token_of(config, environ), allowed, is_chosen=config.http_token is not None)
    import asyncio

    _put_answers_first()
    with lean_start():
        from .app import build_server
        from .http.app import Operators
        from .http.run import run_web
        from .lifetime import ServiceLifetime

        service = _open(config, environ)
        server = build_server(service)
        lifetime = ServiceLifetime(service.start, service.close)
        operators = Operators(service.status, service.call_totals)
        page = make_page(service, site) if make_page is not None else None

    async def serve_and_leave() -> NoReturn:
        code = 0
        try:
            await run_web(server, lifetime, operators, site, Watchdog(WEB_LEAVE_S), page=page)
        except BaseException as error:
            log_background_error(error, "the server stopped")
            code = 1
        leave(code)

    asyncio.run(serve_and_leave())
    raise AssertionError("unreachable")


def _configured(environ: Mapping[str, str]) -> Config:
    from ..config import read_config

    return read_config(environ)


def _open(config: Config, environ: Mapping[str, str]) -> ActivityService:
    from ..service import ActivityService

    return ActivityService(config, environ, on_error=log_background_error)


@contextmanager
def lean_start() -> Iterator[None]:
    """For the imports of start-up: the garbage collector rests, and rich is hidden from two libraries that would import it."""
    gc.disable()
    try:
        with without_rich():
            yield
    finally:
        gc.freeze()  # what start-up made stays: no later collection needs to look at it
        gc.enable()
