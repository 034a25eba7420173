"""Answers as lines: a result that is encoded already, put behind the id of its request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from ..calls import Answer

CONNECTION_CLOSED = -32000


def answer_line(request_id: str | int, answer: Answer, server: bytes | None) -> bytes:
    """The line that answers a call of a tool, as the SDK shapes it. ``server`` is the ``_meta`` of a connection without a
    handshake, None on one with a handshake."""
    result: dict[str, Any] = {"content": [{"text": answer.text, "type": "text"}], "isError": answer.structured is None}
    if server is not None:
        result["resultType"] = "complete"
    if answer.structured is not None:
        result["structuredContent"] = orjson.Fragment(answer.structured)
    if server is not None:
        result["_meta"] = orjson.Fragment(server)
    return orjson.dumps({"jsonrpc": "2.0", "id": request_id, "result": result}, option=orjson.OPT_APPEND_NEWLINE)


def closed_line(request_id: str | int) -> bytes:
    error = {"code": CONNECTION_CLOSED, "message": "Connection closed"}
    return orjson.dumps({"jsonrpc": "2.0", "id": request_id, "error": error}, option=orjson.OPT_APPEND_NEWLINE)
