"""Lines of JSON as the SDK's messages, and its messages as lines. What is not a message is answered here."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import orjson
from mcp_types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCResponse,
    jsonrpc_message_adapter,
)

from ...plain_json import NestedTooDeeply, bounded
from ..logs import get_logger
from .framing import MAX_LINE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

BROKEN_TEXT = (
    "refused, nothing was done: the arguments hold a lone surrogate (such as \\ud800), which is not valid Unicode, "
    "or are nested deeper than 32 levels. Send whole characters in flatter values"
)
_LEADING_ID = re.compile(rb'"id"\s*:\s*(-?\d{1,18}|"[^"\\]{1,200}")')


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


def read_message(line: bytes | None, refuse: Callable[[bytes], None]) -> JSONRPCMessage | None:
    """The message in a line (None: one that was too long); None where there is none: then ``refuse`` got the answer."""
    if line is None:
        refuse(_refusal(None, INVALID_REQUEST, f"a message may be at most {MAX_LINE_BYTES} bytes long; it was skipped"))
        return None
    try:
        return jsonrpc_message_adapter.validate_json(line.decode("utf-8", "replace"), by_name=False)
    except ValueError:
        if line.strip():
            refuse(_answer_to_broken_call(line) or _refusal(*_diagnose(line)))
        return None


def _answer_to_broken_call(line: bytes) -> bytes | None:
    """A call of a tool whose arguments hold half a character gets a tool error, which the model that sent it can read."""
    request_id = _id_of_broken_call(line)
    if request_id is None:
        return None
    content = [{"type": "text", "text": BROKEN_TEXT}]
    return encode_message(JSONRPCResponse(jsonrpc="2.0", id=request_id, result={"content": content, "isError": True}))


def _refusal(request_id: str | int | None, code: int, reason: str) -> bytes:
    get_logger(__name__).warning("a message from the client was refused", reason=reason, id=request_id)
    return encode_message(JSONRPCError(jsonrpc="2.0", id=request_id, error=ErrorData(code=code, message=reason)))


def _id_of_broken_call(line: bytes) -> str | int | None:
    """The id of a tools/call whose arguments are what is wrong with it (half characters, nesting without end), else None."""
    try:
        value = bounded(json.loads, line.decode("utf-8", "replace"))
        called, request_id = value["method"] == "tools/call" and value["jsonrpc"] == "2.0", value["id"]
        if not isinstance(value.get("params", {}).get("arguments", {}), dict):
            return None
        orjson.dumps(request_id)
    except NestedTooDeeply:
        found = _LEADING_ID.search(line) if b'"tools/call"' in line else None
        called, request_id = found is not None, json.loads(found[1]) if found else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return request_id if called and isinstance(request_id, str | int) and not isinstance(request_id, bool) else None


def _diagnose(line: bytes) -> tuple[str | int | None, int, str]:
    """Why a line is not a message: the id to answer to where it has one, the code, the reason."""
    try:
        value = bounded(json.loads, line.decode("utf-8", "replace"))
    except ValueError:
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
