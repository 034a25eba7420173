"""Plain messages: requests and notifications about which the SDK would have nothing to say but their answer.

The parser is the standard library's C code, strict where the SDK's is. ``None`` means "not plain": the SDK says what is wrong.
"""

from __future__ import annotations

from ...plain_json import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_ID = 1 << 53
_RESERVED = "io.modelcontextprotocol/"
_VERSION, _CLIENT, _CAPABILITIES = (f"{_RESERVED}{name}" for name in ("protocolVersion", "clientInfo", "clientCapabilities"))
_MEMBERS = {"jsonrpc", "id", "method", "params"}
_CLIENT_TEXTS = {"name", "version", "title", "description", "websiteUrl"}


def message_in(line: bytes) -> dict[str, Any] | None:
    """The JSON-RPC message in a line, if it has no member but ``jsonrpc``, ``id``, ``method`` and ``params`` and each is of its
    type. ``params`` is filled in where it is left out."""
    if b"\\u" in line and b"\\ud" in line.lower():  # perhaps half a character, which the SDK refuses
        return None
    try:
        text = line.decode()
        if not text.isprintable() and any(character < " " for character in text.strip()):
            return None  # a control character inside of a string, or white space that nobody writes
        message = loads(text)
    except ValueError:
        return None
    if not isinstance(message, dict) or not message.keys() <= _MEMBERS or message.get("jsonrpc") != "2.0":
        return None
    if type(message.get("method")) is not str or not isinstance(message.setdefault("params", {}), dict):
        return None
    return message if "id" not in message or is_plain_id(message["id"]) else None


UNUSABLE_ID = (
    b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,'
    b'"message":"a request\'s id must be a text or a whole number; it was not carried out"}}\n'
)
"""The answer to a request whose id is null, a fraction, a truth value, an array or an object."""


def has_unusable_id(line: bytes) -> bool:
    """Whether the line is a request that no answer could name. The SDK would take it for a notification."""
    if b'"id"' not in line or b'"method"' not in line:
        return False
    try:
        message = loads(line.decode("utf-8", "replace"))
    except ValueError:
        return False
    if not isinstance(message, dict) or type(message.get("method")) is not str or message.get("jsonrpc") != "2.0":
        return False
    return "id" in message and type(message["id"]) not in (str, int)


def is_plain_id(request_id: Any) -> bool:
    return type(request_id) is str or (type(request_id) is int and abs(request_id) < MAX_ID)


def encoded_id(request_id: str | int) -> bytes:
    """The id as an answer has it."""
    return b"%d" % request_id if isinstance(request_id, int) else dumps(request_id).encode()


def greeting_version(params: dict[str, Any]) -> str | None:
    """The version that an ``initialize`` asks for, if it says nothing odd of its client."""
    version = params.get("protocolVersion")
    if params.keys() != {"protocolVersion", "capabilities", "clientInfo"} or type(version) is not str:
        return None
    return version if _is_plain_client(params["clientInfo"]) and _are_plain_capabilities(params["capabilities"]) else None


def is_handshake_meta(meta: Any) -> bool:
    """Whether the ``_meta`` of a request after a handshake says nothing of another version; its progress token can be one."""
    return _is_plain_meta(meta) and not any(name.startswith(_RESERVED) for name in meta)


def modern_version(meta: Any) -> str | None:
    """The version that the ``_meta`` of a request without a handshake states, if all it has to state is there and plain."""
    if not _is_plain_meta(meta) or _VERSION not in meta or _CAPABILITIES not in meta:
        return None
    if {name for name in meta if name.startswith(_RESERVED)} - {_VERSION, _CLIENT, _CAPABILITIES}:
        return None
    if not _are_plain_capabilities(meta[_CAPABILITIES]) or not _is_plain_client(meta.get(_CLIENT, {"name": "", "version": ""})):
        return None
    return meta[_VERSION] if type(meta[_VERSION]) is str else None


def _is_plain_meta(meta: Any) -> bool:
    return isinstance(meta, dict) and type(meta.get("progressToken", "")) in (str, int)


def _is_plain_client(client: Any) -> bool:
    if not isinstance(client, dict) or not {"name", "version"} <= client.keys() <= _CLIENT_TEXTS:
        return False
    return all(type(text) is str for text in client.values())


def _are_plain_capabilities(capabilities: Any) -> bool:
    """Those that clients state: flags of ``roots``, and objects whose members are empty objects."""
    if not isinstance(capabilities, dict) or not capabilities.keys() <= {"roots", "sampling", "elicitation", "extensions"}:
        return False
    roots = capabilities.get("roots", {})
    if not isinstance(roots, dict) or not roots.keys() <= {"listChanged"} or type(roots.get("listChanged", True)) is not bool:
        return False
    others = [value for name, value in capabilities.items() if name != "roots"]
    return all(isinstance(value, dict) and all(part == {} for part in value.values()) for value in others)
