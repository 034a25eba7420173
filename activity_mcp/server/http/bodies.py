"""What comes to the protocol as a message: without a byte order mark, and with an id that an answer can name.

Some programs put a mark before all they send. A request whose id is null or a fraction would be taken for a notification: not
done and not answered, though its client waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response

from . import MAX_BODY_BYTES

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
INVALID_REQUEST = -32600
_REASON = "the id of a request must be a string or an integer; nothing was done"


class Bodies:
    """The application, to which each body comes whole; one over the limit comes in pieces, for the SDK to refuse."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            return await self._app(scope, receive, send)
        first = await _whole(receive)
        if first["type"] == "http.request" and not first.get("more_body") and _has_unusable_id(first["body"]):
            error = {"jsonrpc": "2.0", "id": None, "error": {"code": INVALID_REQUEST, "message": _REASON}}
            return await Response(orjson.dumps(error), 400, media_type="application/json")(scope, receive, send)
        return await self._app(scope, _after(first, receive), send)


async def _whole(receive: Receive) -> Message:
    """The body as one message; as far as the limit where it is longer, and a disconnection where the client left."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return message
        body += message.get("body", b"")
        is_over = len(body) > MAX_BODY_BYTES
        if is_over or not message.get("more_body"):
            return {**message, "body": bytes(body if is_over else body.removeprefix(BYTE_ORDER_MARK))}


def _after(first: Message, receive: Receive) -> Receive:
    waiting = [first]

    async def received() -> Message:
        return waiting.pop() if waiting else await receive()

    return received


def _has_unusable_id(body: bytes) -> bool:
    try:
        found: Any = orjson.loads(body)
    except ValueError:
        return False  # the SDK says what is wrong with it
    if not isinstance(found, dict) or "method" not in found or "id" not in found:
        return False
    return isinstance(found["id"], bool) or not isinstance(found["id"], str | int)
