"""What names a call of a tool and a response of a model, where the ids that transcripts and hooks give may not be unique.

Anthropic's ids are unique in the world (``toolu_`` and ``msg_`` with 24 random characters; Bedrock's and Vertex' likewise). A
gateway's need not be: some number the calls of a conversation (``functions.Bash:0``), or those of a response (``call_0``), and
some give every response one id. So an id that is not Anthropic's names its fact only together with more:

    a call       its session, tool and longest text of its input: hooks and transcripts both have them
    a response   its request's id, under which the exporter reports it too; where that is not unique its message's id, and where
                 neither is the line it begins with: copies of a line keep its uuid

Calls of this server itself are recognised by the name of the tool.

Standard library only: hooks load it.
"""

from __future__ import annotations

from ..activity import sha256_hex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CALL_PREFIXES = ("toolu_", "srvtoolu_", "mcptoolu_")
_MESSAGE_PREFIX = "msg_"
_CLOUDS = ("msg_bdrk_", "msg_vrtx_")
_REQUEST_PREFIX = "req_"
_MIN_RANDOM_LENGTH = 20
_MAX_DEPTH = 8
_OWN_TOOLS = ("get_context", "log_event", "record_insight", "store_artifact", "query", "refresh_context", "health")
_OWN_NAMES = ("activity-mcp", "activity_mcp")
_GIVEN_NAME = "activity"
"""What ``install`` and the README call this server, and its plugin within itself; another name may be given by hand."""


def is_unique_call_id(call_id: str) -> bool:
    """Whether the id of a call names it in the world, not only in its conversation."""
    return call_id.startswith(_CALL_PREFIXES) and _is_random(call_id.partition("_")[2])


def is_unique_message_id(message_id: str, request_id: str | None) -> bool:
    """Whether the id of a response names it in the world. Anthropic's come with the id of a request; a gateway that answers
    with one id for all, even one that looks like Anthropic's, gives none. The two clouds give none either, but mark their ids.
    """
    if message_id.startswith(_CLOUDS):
        return _is_random(message_id[len(_CLOUDS[0]) :])
    from_anthropic = request_id is not None and request_id.startswith(_REQUEST_PREFIX)
    return from_anthropic and message_id.startswith(_MESSAGE_PREFIX) and _is_random(message_id[len(_MESSAGE_PREFIX) :])


def is_unique_request_id(request_id: str | None) -> bool:
    """Whether the id of a request names it in the world, as Anthropic's do."""
    return request_id is not None and request_id.startswith(_REQUEST_PREFIX) and _is_random(request_id[len(_REQUEST_PREFIX) :])


def call_key(session_id: str, call_id: str, tool_name: str, tool_input: Any) -> str:
    """What the ids of a call's events are derived from."""
    if is_unique_call_id(call_id):
        return call_id
    return f"{call_id}@{sha256_hex(chr(0).join((session_id, tool_name, _longest_text(tool_input))))[:24]}"


def is_own_tool(tool_name: str) -> bool:
    """A call of this very server, which records its own calls: hooks and imports leave it out."""
    server, _, tool = tool_name.removeprefix("mcp__").rpartition("__")
    return tool_name.startswith("mcp__") and tool in _OWN_TOOLS and _is_own_server(server)


def _is_own_server(name: str) -> bool:
    """By name only: a call taken for our own is lost, one not recognised is recorded twice, so what resembles ours is not ours.

    A plugin's server is called ``plugin_<plugin>_<server>``. Any plugin may bring this server under the name of its package;
    one that is called ``activity`` is ours only in our own plugin.
    """
    if not name.startswith("plugin_"):
        return name == _GIVEN_NAME or name in _OWN_NAMES
    of_plugin = name.removeprefix("plugin_")
    if of_plugin in [f"{plugin}_{_GIVEN_NAME}" for plugin in _OWN_NAMES]:
        return True
    return of_plugin.partition("_")[2] in _OWN_NAMES


def unnamed_prompt_key(session_id: str, text: str, repeat: int = 0) -> str:
    """The key of a prompt without an id: its session, its text and, the how-many-th repeat it is."""
    return "\0".join((session_id, sha256_hex(text.strip()), *([str(repeat)] if repeat else [])))


def _is_random(text: str) -> bool:
    return len(text) >= _MIN_RANDOM_LENGTH and text.replace("_", "").isalnum()


def _longest_text(value: Any, depth: int = 0) -> str:
    """The longest text in a call's input, the first of several: defaults and numbers, which one side may add or convert, are
    not in it.
    """
    if isinstance(value, str):
        return value
    if depth >= _MAX_DEPTH or not isinstance(value, (dict, list)):
        return ""
    members = value.values() if isinstance(value, dict) else value
    return max((_longest_text(member, depth + 1) for member in members), key=len, default="")
