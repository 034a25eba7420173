"""Lines into messages and back: the two streams that the SDK serves from and answers into."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING

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

from ..open_requests import MOST_OPEN, OpenRequests
from .encoding import encode_message
from .framing import MAX_LINE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from .fast_path import Shortcut
    from .protocols import InboundLines, OutboundBytes

log = structlog.get_logger(__name__)


BROKEN_TEXT = (
    "refused, nothing was done: the arguments hold a lone surrogate (such as \\ud800), which is not valid Unicode, "
    "or are nested deeper than 32 levels. Send whole characters in flatter values"
)
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""What PowerShell and some editors put before what they pipe: it is no part of a message."""
_LEADING_ID = re.compile(rb'"id"\s*:\s*(-?\d{1,18}|"[^"\\]{1,200}")')


class MessageReader:
    """The read stream that the SDK serves from. What cannot be a message is answered here and never seen by it."""

    def __init__(
        self, lines: InboundLines, output: OutboundBytes, requests: OpenRequests, shortcut: Shortcut | None = None
    ) -> None:
        self._lines = lines
        self._output = output
        self._requests = requests
        self._shortcut = shortcut

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
            if line is not None:
                line = line.removeprefix(BYTE_ORDER_MARK)
            if line is not None and self._shortcut is not None and self._shortcut.takes(line):
                if self._lines.more():
                    await asyncio.sleep(0)  # whoever sends many at once does not keep the others from their turn
                continue
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
            if line.strip() and not self._answer_broken_call(line):
                self._refuse(*_diagnose(line))
            return None
        if isinstance(message, JSONRPCNotification) and b'"id"' in line and "id" in json.loads(line.decode("utf-8", "replace")):
            self._refuse(None, INVALID_REQUEST, "the id of a request must be a text or a whole number; it was skipped")
            return None
        if self._shortcut is not None:
            self._shortcut.sees(message)
        if isinstance(message, JSONRPCRequest):
            self._requests.opened(message.id)
        elif isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
            self._requests.closed((message.params or {}).get("requestId"))  # it will not be answered
        return message

    def _answer_broken_call(self, line: bytes) -> bool:
        """A call of a tool whose arguments hold half a character gets a tool error, which the model that sent it can read."""
        request_id = _id_of_broken_call(line)
        if request_id is None:
            return False
        content = [{"type": "text", "text": BROKEN_TEXT}]
        self._output.write(
            encode_message(JSONRPCResponse(jsonrpc="2.0", id=request_id, result={"content": content, "isError": True}))
        )
        return True

    def _refuse(self, request_id: str | int | None, code: int, reason: str) -> None:
        log.warning("a message from the client was refused", reason=reason, id=request_id)
        error = JSONRPCError(jsonrpc="2.0", id=request_id, error=ErrorData(code=code, message=reason))
        self._output.write(encode_message(error))

    async def _settle(self) -> None:
        try:
            await asyncio.wait_for(self._requests.at_most(0), self._lines.grace_s)
        except TimeoutError:
            log.warning("the connection ended with requests unanswered")

    async def aclose(self) -> None:
        if self._shortcut is not None:
            self._shortcut.close()
        self._lines.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.aclose()


class MessageWriter:
    """The write stream that the SDK answers into. ``on_first`` is called after the first message."""

    def __init__(
        self, output: OutboundBytes, requests: OpenRequests, on_first: Callable[[], None], shortcut: Shortcut | None = None
    ) -> None:
        self._output = output
        self._requests = requests
        self._shortcut = shortcut
        self._on_first: Callable[[], None] | None = on_first

    async def send(self, item: SessionMessage, /) -> None:
        if self._output.lost:
            raise anyio.BrokenResourceError
        message = item.message
        self._output.write(encode_message(message))
        if isinstance(message, JSONRPCResponse | JSONRPCError):
            self._requests.closed(message.id)
            if self._shortcut is not None:
                self._shortcut.answered(message)
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


def _id_of_broken_call(line: bytes) -> str | int | None:
    """The id of a tools/call whose arguments are what is wrong with it (half characters, nesting without end), else None."""
    try:
        value = json.loads(line.decode("utf-8", "replace"))
        called, request_id = value["method"] == "tools/call" and value["jsonrpc"] == "2.0", value["id"]
        if not isinstance(value.get("params", {}).get("arguments", {}), dict):
            return None
        orjson.dumps(request_id)
    except RecursionError:
        found = _LEADING_ID.search(line) if b'"tools/call"' in line else None
        called, request_id = found is not None, json.loads(found[1]) if found else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return request_id if called and isinstance(request_id, str | int) and not isinstance(request_id, bool) else None


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
