"""A record of Claude Code's exporter as an event.

    api_request    the llm_event of that request, named by its request id, with Claude Code's own dollars. One without an id
                   that is unique cannot meet its transcript, and would be counted twice: it becomes the session_event
                   ``unnamed_request``, which is in no sum, and which ``usage --reconcile`` shows
    tool_result    sizes and the class of an error, for the tool_event of the same call: marked ``_partial``, so that a hook's
                   or an import's, which know the rest, outrank it
    api_error      a session_event: an attempt that failed is no call, and costs nothing

What can be no count or no cost is left out; a cost that is left out is estimated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..activity import derived_id
from ..claude_code.draft import EventDraft
from ..claude_code.ids import is_own_tool, is_unique_call_id, is_unique_request_id
from ..claude_code.model_requests import kind_of_request, llm_activity, request_activity_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from .records import Record

SOURCE = "otel"
_TOKENS = {
    "input": "input_tokens", "output": "output_tokens", "cache_read": "cache_read_tokens",
    "cache_creation": "cache_creation_tokens",
}  # fmt: skip
_COUNTS = {
    "cache_creation_5m_tokens": "cache_creation_5m_tokens", "cache_creation_1h_tokens": "cache_creation_1h_tokens",
}  # fmt: skip
_TEXTS = {
    "request_id": "request_id", "prompt_id": "prompt.id", "query_source": "query_source", "agent_id": "agent_id",
    "agent_type": "agent.name", "speed": "speed", "effort": "effort", "skill": "skill.name", "mcp_server": "mcp_server.name",
    "mcp_tool": "mcp_tool.name",
}  # fmt: skip
_MAX_TEXT = 255
_MASKED_TOOL = "mcp_tool"
"""The exporter's name for every tool of an MCP server, unless it is set to name them."""


class Mapped(NamedTuple):
    """An event, and the session and time it belongs to (None: the time is not known)."""

    draft: EventDraft
    session_id: str | None
    time_us: int | None


def mapped(record: Record, valid_cost: Callable[[object], float | None], error_text: Callable[[str], str]) -> Mapped | None:
    """The event in a record; None for one that makes none. ``error_text`` redacts and cuts an error."""
    made: EventDraft | None = None
    session_id = record.text("session.id")
    if record.name == "api_request":
        made = _request(record, session_id, valid_cost)
    elif record.name == "tool_result":
        made = _call(record)
    elif record.name == "api_error" and session_id is not None:
        made = _error(record, session_id, error_text)
    return Mapped(made, session_id, record.time_us) if made is not None else None


def _request(record: Record, session_id: str | None, valid_cost: Callable[[object], float | None]) -> EventDraft | None:
    model = record.text("model")
    tokens = {name: count for name, attribute in _TOKENS.items() if (count := record.whole(attribute)) is not None}
    if model is None or ("input" not in tokens and "output" not in tokens):
        return None
    features: dict[str, Any] = {"token_source": SOURCE}
    features |= {name: text[:_MAX_TEXT] for name, attribute in _TEXTS.items() if (text := record.text(attribute)) is not None}
    features |= {name: count for name, attribute in _COUNTS.items() if (count := record.whole(attribute))}
    features |= _times(record)
    version = record.resource.get("service.version")
    if isinstance(version, str) and version:
        features["cli_version"] = version[:_MAX_TEXT]
    features["request_kind"] = kind_of_request(record.text("query_source"), is_subagent=record.text("agent_id") is not None)
    cost = valid_cost(record.number("cost_usd"))
    if cost is not None:
        features |= {"cost_usd": cost, "cost_source": SOURCE}
    request_id = record.text("request_id")
    if request_id is not None and is_unique_request_id(request_id):
        return llm_activity(request_activity_id(request_id), model, tokens, features)
    return _unnamed(record, session_id, model, features.get("cost_usd")) if session_id is not None else None


def _times(record: Record) -> dict[str, float]:
    found = {"latency_ms": record.number("ttft_ms"), "total_latency_ms": record.number("duration_ms")}
    return {name: value for name, value in found.items() if value is not None}


def _unnamed(record: Record, session_id: str, model: str, cost: float | None) -> EventDraft:
    features: dict[str, Any] = {"session_id": session_id, "event_type": "unnamed_request", "model": model}
    features |= {} if cost is None else {"cost_usd": cost}
    key = "\0".join((session_id, str(record.attributes.get("event.sequence")), str(record.time_us)))
    return EventDraft("session_event", derived_id("session_event", "unnamed_request", key), features)


def _call(record: Record) -> EventDraft | None:
    """Sizes and error class of a call that has an id by which hooks and transcripts name it, and is not of our own server."""
    call_id, tool = record.text("tool_use_id"), record.text("tool_name")
    success = record.boolean("success")
    if call_id is None or tool is None or success is None or not is_unique_call_id(call_id):
        return None
    if tool == _MASKED_TOOL or is_own_tool(tool):
        return None
    features: dict[str, Any] = {"tool_name": tool[:_MAX_TEXT], "success": success, "tool_use_id": call_id, "_partial": True}
    found = {
        "latency_ms": record.number("duration_ms"),
        "error_type": record.text("error_type"),
        "input_size": record.whole("tool_input_size_bytes"),
        "result_size": record.whole("tool_result_size_bytes"),
        "prompt_id": record.text("prompt.id"),
        "agent_id": record.text("agent_id"),
    }
    features |= {name: value for name, value in found.items() if value is not None}
    return EventDraft("tool_event", derived_id("tool_event", "tool_use_id", call_id), features)


def _error(record: Record, session_id: str, error_text: Callable[[str], str]) -> EventDraft:
    message = record.text("error") or f"status {record.attributes.get('status_code')}"
    features = {"session_id": session_id, "event_type": "api_error", "error": error_text(message)}
    features |= {"model": model[:_MAX_TEXT]} if (model := record.text("model")) else {}
    key = record.text("request_id") or f"{record.attributes.get('event.sequence')}\0{record.time_us}"
    return EventDraft("session_event", derived_id("session_event", "api_error", f"{session_id}\0{key}"), features)
