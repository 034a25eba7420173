"""Messages as lines of bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from mcp_types import JSONRPCMessage, JSONRPCResponse

if TYPE_CHECKING:
    from mcp_types import RequestId


class Answer(NamedTuple):
    """What a tool answers: its text, and the structured content that is encoded already; without that it is an error."""

    text: str
    structured: bytes | None = None


def encode_answer(request_id: RequestId, answer: Answer) -> bytes:
    """The line that answers a call of a tool, as the SDK would shape it for every version with a handshake."""
    result: dict[str, Any] = {"content": [{"text": answer.text, "type": "text"}], "isError": answer.structured is None}
    if answer.structured is None:
        return encode_message(JSONRPCResponse(jsonrpc="2.0", id=request_id, result=result))
    result["structuredContent"] = orjson.Fragment(answer.structured)
    return orjson.dumps({"jsonrpc": "2.0", "id": request_id, "result": result}, option=orjson.OPT_APPEND_NEWLINE)


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
