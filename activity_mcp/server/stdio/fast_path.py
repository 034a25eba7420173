"""The short way: plain calls of a few tools, answered without the SDK in between.

The SDK's way of a call (the request checked three times, a task group's task, two traces, two passes over the result) costs
more than an answer that is in memory. So the calls that sessions make most are answered from the line itself. Their answers are
the same, byte for byte, and whatever is not plain goes the long way:

- a message with any member but ``jsonrpc``, ``id``, ``method`` and ``params``, or parameters with any but ``name``,
  ``arguments`` and ``_meta``, or one of these not of its type: the SDK says what is wrong with it;
- everything before the handshake is answered, and on a connection without one: only the SDK knows what that version wants;
- everything when an OpenTelemetry provider is installed in the process: its spans are made in the SDK.

A call that takes time runs as a task of its own; a cancellation ends it, and it is then not answered.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mcp_types import (
    CONNECTION_CLOSED,
    ErrorData,
    JSONRPCError,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from opentelemetry.trace import ProxyTracerProvider, get_tracer_provider
from pydantic_core import from_json

from .encoding import Answer, encode_answer, encode_message

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from mcp_types import JSONRPCMessage, RequestId

    from ..open_requests import OpenRequests
    from .protocols import OutboundBytes

    Call = Callable[[dict[str, Any]], Answer | Awaitable[Answer] | None]
    """Arguments → the answer, or what becomes it; None: this one needs the long way."""

_MESSAGE = {"jsonrpc", "id", "method", "params"}
_PARAMS = {"name", "arguments", "_meta"}
_LARGEST_ID = 1 << 53
_RESERVED = "io.modelcontextprotocol/"


class Shortcut:
    """Answers ``calls`` by the names of their tools. It is told of every message that goes the long way."""

    def __init__(self, calls: Mapping[str, Call], output: OutboundBytes, requests: OpenRequests) -> None:
        self._calls = calls
        self._output = output
        self._requests = requests
        self._greeting: RequestId | None = None
        self._open = False
        self._running: dict[asyncio.Future[Answer], RequestId] = {}

    def takes(self, line: bytes) -> bool:
        """Whether the line is answered here: it has been, or it will be."""
        if not self._open or b'"tools/call"' not in line:
            return False
        request = _plain_call(line)
        if request is None:
            return False
        request_id, params = request["id"], request["params"]
        call = self._calls.get(params["name"])
        answer = call(params.get("arguments", {})) if call is not None else None
        if answer is None:
            return False
        if isinstance(answer, Answer):
            self._output.write(encode_answer(request_id, answer))
        else:
            self._requests.opened(request_id)
            task = asyncio.ensure_future(answer)
            self._running[task] = request_id
            task.add_done_callback(self._done)
        return True

    def sees(self, message: JSONRPCMessage) -> None:
        """A message of the client that goes the long way."""
        if isinstance(message, JSONRPCRequest) and message.method == "initialize":
            self._open, self._greeting = False, message.id
        elif isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
            cancelled = str((message.params or {}).get("requestId"))
            for task, request_id in list(self._running.items()):
                if str(request_id) == cancelled:
                    task.cancel()

    def answered(self, message: JSONRPCResponse | JSONRPCError) -> None:
        """An answer that came the long way: the one to the greeting says which version is spoken."""
        if self._greeting is not None and message.id == self._greeting:
            self._greeting = None
            spoken = message.result.get("protocolVersion") if isinstance(message, JSONRPCResponse) else None
            self._open = spoken in HANDSHAKE_PROTOCOL_VERSIONS and isinstance(get_tracer_provider(), ProxyTracerProvider)

    def close(self) -> None:
        """Nobody waits any longer for what is still running."""
        self._open = False
        for task, request_id in list(self._running.items()):
            if task.cancel():
                del self._running[task]
                error = ErrorData(code=CONNECTION_CLOSED, message="Connection closed")
                self._output.write(encode_message(JSONRPCError(jsonrpc="2.0", id=request_id, error=error)))

    def _done(self, task: asyncio.Future[Answer]) -> None:
        request_id = self._running.pop(task, None)
        if request_id is not None and not task.cancelled():
            self._output.write(encode_answer(request_id, task.result()))
            self._requests.closed(request_id)


def _plain_call(line: bytes) -> dict[str, Any] | None:
    """The request in a line, if it is a call of a tool about which the SDK would have nothing to say."""
    try:
        message = from_json(line)  # what the SDK's own messages are read with
    except ValueError:
        return None
    if not isinstance(message, dict) or message.keys() != _MESSAGE or message["method"] != "tools/call":
        return None
    request_id, params = message["id"], message["params"]
    if type(request_id) is not str and (type(request_id) is not int or abs(request_id) >= _LARGEST_ID):
        return None
    if message["jsonrpc"] != "2.0" or not isinstance(params, dict) or not params.keys() <= _PARAMS:
        return None
    plain = (
        type(params.get("name")) is str and isinstance(params.get("arguments", {}), dict) and _is_plain(params.get("_meta", {}))
    )
    return message if plain else None


def _is_plain(meta: Any) -> bool:
    """Whether ``_meta`` is an object that tells nothing of another version, its progress token one that can be."""
    if not isinstance(meta, dict) or type(meta.get("progressToken", "")) not in (str, int):
        return False
    return not any(name.startswith(_RESERVED) for name in meta)
