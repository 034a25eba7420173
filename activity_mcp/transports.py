"""How the server meets its client and how it leaves: over stdio, until EOF or a signal.

    serve_stdio()          what ``activity-mcp serve`` does: environment → service → server → run_stdio → exit
    run_stdio(...)         serves one client over this process's stdin and stdout until it is gone
    ServiceLifetime        starts the service's background work after the first answer, and closes it within a bound

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
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mcp.server import MCPServer

    from .tools import Service

START_DELAY_S = 0.1  # after the first answer: a client asks for its lists in one go, and imports would be in their way
START_AT_LATEST_S = 5.0
CLOSE_S = 0.5
LEAVE_S = 0.9  # from the end of the connection to the end of the process, whatever hangs

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name))


def serve_stdio(environ: Mapping[str, str] | None = None) -> NoReturn:
    """Serve what this environment asks for, and end the process. Raises ActivityError when it cannot be served."""

    def open_service() -> Service:
        from .config import read_config
        from .logging_setup import configure_logging
        from .service import ActivityService

        config = read_config(os.environ if environ is None else environ)
        configure_logging(config.log_level)
        return ActivityService(config, os.environ if environ is None else environ, on_error=log_background_error)

    serve(open_service)


def serve(open_service: Callable[[], Service]) -> NoReturn:
    """Serve a service over stdio and end the process, with 0 when the client left or a signal came, with 1 after a crash."""
    _hold_standard_descriptors()
    for number in _SIGNALS:  # until the loop takes over: nothing has been accepted yet, so nothing is lost
        signal.signal(number, lambda *_: os._exit(0))
    with lean_start():
        service = open_service()  # first, as it may refuse what it is asked to serve
        from .server import build_server
        from .stdio import open_wire as _open_wire  # noqa: F401 - imported now, while the collector rests

        server = build_server(service)

    async def serve_and_leave() -> NoReturn:
        code = 0
        try:
            await run_stdio(server, service, on_end=_watchdog())
        except BaseException as error:
            log_background_error(error, "the server stopped")
            code = 1
        _leave(code)  # here, as the end of asyncio.run and of the interpreter would wait for threads that may hang

    asyncio.run(serve_and_leave())
    raise AssertionError("unreachable")


async def run_stdio(server: MCPServer[Any], service: Service, *, on_end: Callable[[], None] = lambda: None) -> None:
    """Serve one client over stdin and stdout until it leaves or a signal comes; then flush and close the service.

    Takes over SIGTERM, SIGINT and SIGHUP for as long as the event loop runs. ``on_end`` is called when leaving begins.
    Raises what made the SDK's loop crash, after closing the service.
    """
    from .stdio import open_wire

    lifetime = ServiceLifetime(service)
    ended = asyncio.Event()
    lowlevel = server._lowlevel_server  # the way in for transports of one's own: MCPServer has no public one
    try:
        async with open_wire(on_end=ended.set, on_first=lifetime.start_soon) as wire:
            _on_signals(wire.lines.end, on_end)
            lifetime.start_soon(START_AT_LATEST_S)
            serving = asyncio.ensure_future(lowlevel.run(wire.reader, wire.writer, lowlevel.create_initialization_options()))
            await asyncio.wait({serving, asyncio.ensure_future(ended.wait())}, return_when=asyncio.FIRST_COMPLETED)
            on_end()
            began = time.monotonic()
            await asyncio.wait({serving}, timeout=wire.lines.grace_s + 0.05)
            serving.cancel()  # no effect on one that is done
            left = LEAVE_S - (time.monotonic() - began)
            # The service closes while the client reads its last answers.
            closing = asyncio.ensure_future(lifetime.close(min(CLOSE_S, left - 0.05)))
        await closing
    finally:
        await lifetime.close()
    if serving.done() and not serving.cancelled():
        serving.result()


class ServiceLifetime:
    """Starts a service off the event loop, and closes it there too. Both at most once; neither ever raises."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._timer: asyncio.TimerHandle | None = None
        self._started = False
        self._closed: asyncio.Event | None = None

    def start_soon(self, delay: float = START_DELAY_S) -> None:
        """Start after ``delay`` seconds. Asking again replaces the delay, until it has been started or closed."""
        if self._started or self._closed is not None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(delay, self._start)

    async def close(self, timeout: float = CLOSE_S) -> None:
        """Flush what is buffered and free what is held, for no longer than ``timeout`` and a little."""
        if self._closed is None:
            self._closed = asyncio.Event()
            if self._timer is not None:
                self._timer.cancel()
            self._run(lambda: self._service.close(timeout), "activity-close", self._closed)
        try:
            await asyncio.wait_for(self._closed.wait(), timeout + 0.05)
        except TimeoutError:
            log_background_error(None, "closing took too long; what was accepted is in the queue")

    def _start(self) -> None:
        self._started = True
        self._run(self._service.start, "activity-start", asyncio.Event())

    def _run(self, job: Callable[[], None], name: str, done: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()

        def work() -> None:
            try:
                job()
            except Exception as error:
                log_background_error(error, f"{name} failed")
            try:
                loop.call_soon_threadsafe(done.set)
            except RuntimeError:  # the loop is gone: nobody waits
                pass

        threading.Thread(target=work, name=name, daemon=True).start()


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


def log_background_error(error: BaseException | None, event: str = "background work failed") -> None:
    """One line on stderr, with the traceback of what nobody expected."""
    import structlog

    from .errors import ActivityError

    log = structlog.get_logger(__name__)
    if isinstance(error, ActivityError):
        log.warning(event, error=error.describe())
    else:
        log.error(event, exc_info=error)


def _hold_standard_descriptors() -> None:
    """Where one of the three was closed by the parent, the null device, before anything else gets its number."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one


def _on_signals(end: Callable[[], None], at_once: Callable[[], None]) -> None:
    """``end`` runs on the loop, ``at_once`` in the handler itself, as the loop may be what hangs."""
    loop = asyncio.get_running_loop()

    def handle(*_: object) -> None:
        at_once()
        loop.call_soon_threadsafe(end)

    for number in _SIGNALS:
        signal.signal(number, handle)


def _watchdog() -> Callable[[], None]:
    """A thread that ends the process ``LEAVE_S`` after what is returned here is called; a signal handler may call it."""
    hears, tells = os.pipe()

    def wait() -> None:
        os.read(hears, 1)
        time.sleep(LEAVE_S)
        _leave(0)

    threading.Thread(target=wait, name="activity-watchdog", daemon=True).start()

    def leave_in_time() -> None:
        os.write(tells, b".")

    return leave_in_time


def _leave(code: int) -> NoReturn:
    try:
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):  # full, closed, or never there
        pass
    os._exit(code)
