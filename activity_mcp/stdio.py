"""The wire: MCP messages as lines of JSON on stdin and stdout, without a worker thread per line.

The SDK's own stdio moves every line through a thread, which costs more than the call itself. Here pipes and sockets are read
and written by the event loop; what the loop cannot wait for (a regular file, /dev/null, a terminal) is read by one thread and
written directly. The rules:

- While the wire is open, descriptor 0 is the null device and descriptor 1 is stderr, so that a stray ``print`` and a child
  process reach neither side of it. Both are put back at the end.
- A line may be of any length up to ``MAX_LINE_BYTES``; a longer one is skipped as it comes in and answered with an error.
  What is not UTF-8 is replaced, what is not JSON-RPC is answered with an error, and the next line is read.
- The client sets the pace: no line is read while more than ``UNREAD_BYTES`` of answers wait for a client that does not read,
  or while ``MOST_OPEN`` requests are unanswered. So memory is bounded.
- The end stops the reading. What was asked before is answered: within ``EOF_GRACE_S`` after EOF, when the client may still
  read, within ``GRACE_S`` after a signal or when the client has vanished.
"""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys
import threading
from collections import deque
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import anyio
import orjson
import structlog
from mcp.shared.message import SessionMessage
from mcp_types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    jsonrpc_message_adapter,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import Self

MAX_LINE_BYTES = 32 * 1024 * 1024  # an event is at most 256 KiB; this is far beyond any request, and still bounded
UNREAD_BYTES = 1024 * 1024  # a few hundred answers: a client that asks in bulk before it reads is not blocked
UNSERVED_BYTES = 1024 * 1024  # lines cut but not yet taken; above it the pipe is left to fill
MOST_OPEN = 512
GRACE_S = 0.25  # a server must be gone within a second of being told, and closing its service takes half of that
EOF_GRACE_S = 0.65  # requests piped into a fresh server: the first append imports what validates it
_READ_BYTES = 256 * 1024

log = structlog.get_logger(__name__)


class LineCutter:
    """Cuts a stream of bytes into lines. A line over the limit comes out as None, and costs no memory beyond the limit."""

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self._limit = limit
        self._partial = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes | None]:
        """The lines that ``data`` completes, without their newline."""
        *complete, rest = data.split(b"\n")
        lines: list[bytes | None] = [self._finish(piece) for piece in complete]
        self._keep(rest)
        return lines

    def rest(self) -> list[bytes | None]:
        """The last line, if the stream ended without a newline."""
        return [self._finish(b"")] if self._partial or self._skipping else []

    def _keep(self, piece: bytes) -> None:
        if self._skipping or len(self._partial) + len(piece) > self._limit:
            self._skipping = True
            self._partial.clear()
        else:
            self._partial += piece

    def _finish(self, piece: bytes) -> bytes | None:
        if not self._partial and not self._skipping and len(piece) <= self._limit:
            return piece
        self._keep(piece)
        line = None if self._skipping else bytes(self._partial)
        self._skipping = False
        self._partial.clear()
        return line


class InboundLines(asyncio.Protocol):
    """The client's lines in their order. ``on_end`` is called once, when no more will come."""

    def __init__(self, on_end: Callable[[], None]) -> None:
        self.cut_off = False
        self._on_end = on_end
        self._cutter = LineCutter()
        self._lines: deque[bytes | None] = deque()
        self._bytes = 0
        self._ended = False
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._transport: asyncio.ReadTransport | _ReadThread | None = None

    async def next(self) -> bytes | None:
        """The next line, None for one that was too long. Raises EOFError at the end."""
        while not self._lines:
            if self._ended:
                raise EOFError
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        line = self._lines.popleft()
        self._bytes -= len(line or b"")
        if self._paused and self._bytes <= UNSERVED_BYTES and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return line

    def end(self) -> None:
        """Read no further, and forget the lines that nobody has taken: ``cut_off``."""
        self.cut_off = True
        self._lines.clear()
        self._bytes = 0
        self._finish()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._ended:
            return
        self._take(self._cutter.feed(data))
        if self._bytes > UNSERVED_BYTES and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._ended:
            self._take(self._cutter.rest())
        self._finish()

    def _take(self, lines: list[bytes | None]) -> None:
        self._lines.extend(lines)
        self._bytes += sum(len(line or b"") for line in lines)
        self._wake()

    def _finish(self) -> None:
        if not self._ended:
            self._ended = True
            self._on_end()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class OutboundBytes(asyncio.BaseProtocol):
    """Bytes to the client. ``on_lost`` is called when there is nobody left to read them."""

    def __init__(self, on_lost: Callable[[], None]) -> None:
        self.lost = False
        self._on_lost = on_lost
        self._writable = asyncio.Event()
        self._writable.set()
        self._closed = asyncio.Event()
        self._transport: asyncio.WriteTransport | _DirectWriter | None = None

    def write(self, data: bytes) -> None:
        if self._transport is not None and not self.lost:
            self._transport.write(data)

    async def ready(self) -> None:
        """Returns at once, unless the client has left too much unread."""
        if not self._writable.is_set():
            await self._writable.wait()

    async def close(self, timeout: float = GRACE_S) -> None:
        """Hand over what is written, for as long as ``timeout`` lets the client read it."""
        if self._transport is None:
            return
        self._transport.close()
        try:
            await asyncio.wait_for(self._closed.wait(), timeout)
        except TimeoutError:
            self._transport.abort()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.set_write_buffer_limits(high=UNREAD_BYTES)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        self._writable.set()
        self._closed.set()
        self._on_lost()


class OpenRequests:
    """The requests that were taken and not yet answered."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._waiter: tuple[int, asyncio.Future[None]] | None = None

    def opened(self, request_id: object) -> None:
        self._ids.add(str(request_id))

    def closed(self, request_id: object) -> None:
        self._ids.discard(str(request_id))
        if self._waiter is not None and len(self._ids) <= self._waiter[0] and not self._waiter[1].done():
            self._waiter[1].set_result(None)

    async def at_most(self, count: int) -> None:
        """Returns when no more than ``count`` are open. One caller at a time."""
        if len(self._ids) > count:
            self._waiter = (count, asyncio.get_running_loop().create_future())
            await self._waiter[1]


class MessageReader:
    """The read stream that the SDK serves from. What cannot be a message is answered here and never seen by it."""

    def __init__(self, lines: InboundLines, output: OutboundBytes, requests: OpenRequests) -> None:
        self._lines = lines
        self._output = output
        self._requests = requests

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def receive(self) -> SessionMessage | Exception:
        while True:
            await self._output.ready()
            await self._requests.at_most(MOST_OPEN - 1)
            try:
                line = await self._lines.next()
            except EOFError:
                await self._settle()
                raise anyio.EndOfStream from None
            message = self._read(line)
            if message is not None:
                return SessionMessage(message)

    def _read(self, line: bytes | None) -> JSONRPCMessage | None:
        if line is None:
            self._refuse(None, INVALID_REQUEST, f"a message may be at most {MAX_LINE_BYTES} bytes long; it was skipped")
            return None
        try:
            message = jsonrpc_message_adapter.validate_json(line.decode("utf-8", "replace"), by_name=False)
        except ValueError:
            if line.strip():
                self._refuse(*_diagnose(line))
            return None
        if isinstance(message, JSONRPCRequest):
            self._requests.opened(message.id)
        elif isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
            self._requests.closed((message.params or {}).get("requestId"))  # it will not be answered
        return message

    def _refuse(self, request_id: str | int | None, code: int, reason: str) -> None:
        log.warning("a message from the client was refused", reason=reason, id=request_id)
        error = JSONRPCError(jsonrpc="2.0", id=request_id, error=ErrorData(code=code, message=reason))
        self._output.write(encode_message(error))

    async def _settle(self) -> None:
        try:
            await asyncio.wait_for(self._requests.at_most(0), GRACE_S if self._lines.cut_off else EOF_GRACE_S)
        except TimeoutError:
            log.warning("the connection ended with requests unanswered")

    async def aclose(self) -> None:
        self._lines.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.aclose()


class MessageWriter:
    """The write stream that the SDK answers into. ``on_first`` is called after the first message."""

    def __init__(self, output: OutboundBytes, requests: OpenRequests, on_first: Callable[[], None]) -> None:
        self._output = output
        self._requests = requests
        self._on_first: Callable[[], None] | None = on_first

    async def send(self, item: SessionMessage, /) -> None:
        if self._output.lost:
            raise anyio.BrokenResourceError
        message = item.message
        self._output.write(encode_message(message))
        if isinstance(message, JSONRPCResponse | JSONRPCError):
            self._requests.closed(message.id)
        if self._on_first is not None:
            on_first, self._on_first = self._on_first, None
            on_first()
        await self._output.ready()

    async def aclose(self) -> None:
        """Nothing to do: the wire itself hands over what is written when it closes."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.aclose()


def encode_message(message: JSONRPCMessage) -> bytes:
    """One line. It never fails for what a result holds: a value that UTF-8 or 64 bits cannot hold is escaped or written out."""
    if isinstance(message, JSONRPCResponse):
        plain: dict[str, Any] = {"jsonrpc": "2.0", "id": message.id, "result": message.result}
    else:
        plain = message.model_dump(mode="json", by_alias=True, exclude_unset=True)
    try:
        return orjson.dumps(plain, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # a lone surrogate, an integer over 64 bits
        return json.dumps(plain, default=str).encode("ascii") + b"\n"


def _diagnose(line: bytes) -> tuple[str | int | None, int, str]:
    """Why a line is not a message: the id to answer to where it has one, the code, the reason."""
    try:
        value = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None, PARSE_ERROR, "not JSON; it was skipped"
    request_id = value.get("id") if isinstance(value, dict) else None
    if isinstance(request_id, bool) or not isinstance(request_id, str | int):
        request_id = None
    try:
        orjson.dumps(request_id)
    except TypeError:
        request_id = None
    if isinstance(value, list):
        return None, INVALID_REQUEST, "batches are not supported; send one message per line"
    return request_id, INVALID_REQUEST, "not a JSON-RPC 2.0 message, or it holds text that is not valid Unicode; it was skipped"


class Wire(NamedTuple):
    """An open connection: the two streams for the SDK, and the way to end it."""

    reader: MessageReader
    writer: MessageWriter
    end: Callable[[], None]


@asynccontextmanager
async def open_wire(*, on_end: Callable[[], None], on_first: Callable[[], None]) -> AsyncIterator[Wire]:
    """The wire on this process's stdin and stdout.

    ``on_end`` is called when the client is gone (either side), ``on_first`` when it has been answered for the first time.
    Raises OSError when one of the two is closed.
    """
    loop = asyncio.get_running_loop()
    with _taken_descriptors() as (source, target):
        output = OutboundBytes(on_lost=lambda: lines.end())
        lines = InboundLines(on_end)
        waitable = not os.path.samestat(os.fstat(source), os.fstat(target))  # one socket for both: the loop would steal input
        if waitable and _is_pipe(target):
            await loop.connect_write_pipe(lambda: output, os.fdopen(target, "wb", 0, closefd=False))
        else:
            output.connection_made(_DirectWriter(target, output))
        if waitable and _is_pipe(source):
            await loop.connect_read_pipe(lambda: lines, os.fdopen(source, "rb", 0, closefd=False))
        else:
            _ReadThread(source, lines).start()
        requests = OpenRequests()
        try:
            yield Wire(MessageReader(lines, output, requests), MessageWriter(output, requests, on_first), lines.end)
        finally:
            lines.close()
            await output.close()


def _is_pipe(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


@contextmanager
def _taken_descriptors() -> Iterator[tuple[int, int]]:
    """The wire on descriptors of its own, with 0 and 1 diverted until the end."""
    import fcntl

    source = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 3)
    target = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 3)
    blocking = [(descriptor, os.get_blocking(descriptor)) for descriptor in (source, target)]
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    try:
        os.dup2(2, 1)
    except OSError:  # stderr is closed
        os.dup2(null, 1)
    os.close(null)
    try:
        yield source, target
    finally:
        try:
            sys.stdout.flush()  # what was printed and is still buffered belongs to stderr, not to the wire
        except (OSError, ValueError, AttributeError):
            pass
        for descriptor, was_blocking in blocking:
            os.set_blocking(descriptor, was_blocking)
        os.dup2(source, 0)
        os.dup2(target, 1)


class _ReadThread(threading.Thread):
    """Stands in for the read transport where the event loop cannot wait. A daemon: a read that never ends keeps nobody."""

    def __init__(self, descriptor: int, lines: InboundLines) -> None:
        super().__init__(name="activity-stdin", daemon=True)
        self._descriptor = descriptor
        self._lines = lines
        self._loop = asyncio.get_running_loop()
        self._wanted = threading.Event()
        self._wanted.set()
        lines.connection_made(self)

    def run(self) -> None:
        try:
            while self._wanted.wait() and (data := os.read(self._descriptor, _READ_BYTES)):
                self._loop.call_soon_threadsafe(self._lines.data_received, data)
            self._loop.call_soon_threadsafe(self._lines.connection_lost, None)
        except (OSError, RuntimeError):  # a terminal hung up, or the loop is gone
            try:
                self._loop.call_soon_threadsafe(self._lines.connection_lost, None)
            except RuntimeError:
                pass

    def pause_reading(self) -> None:
        self._wanted.clear()

    def resume_reading(self) -> None:
        self._wanted.set()

    def close(self) -> None:
        """A blocked read cannot be ended; what it still brings is not taken."""


class _DirectWriter:
    """Stands in for the write transport on a file or a terminal, which take what they are given."""

    def __init__(self, descriptor: int, output: OutboundBytes) -> None:
        self._descriptor = descriptor
        self._output = output

    def set_write_buffer_limits(self, high: int) -> None:
        """Nothing is buffered."""

    def write(self, data: bytes) -> None:
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            log.warning("an answer could not be written", error=str(error))
            self._output.connection_lost(error)

    def close(self) -> None:
        self._output.connection_lost(None)

    abort = close
