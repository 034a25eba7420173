"""A request to a model, as an event: how it is named, and who asked for it.

A request has one name in every report (a transcript, the exporter): its own id. So both reports make one row.

Who asked: the person's conversation, a subagent, or Claude Code for itself.

Claude Code names it in ``query_source``: ``repl_main_thread`` and ``sdk`` are the conversation, ``agent:…`` a subagent;
everything else (``compact``, titles, web searches, hooks' agents) it asks for itself. Such requests are in no transcript, so
only the exporter reports them. A transcript has no query_source: its lines are of the conversation, or name a subagent.
"""

from __future__ import annotations

from ..activity import derived_id
from .draft import EventDraft

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

MAIN, SUBAGENT, AUXILIARY = "main", "subagent", "auxiliary"
_MAIN_SOURCES = ("sdk", "repl_main_thread")
_AGENT = "agent:"


def kind_of_request(query_source: str | None, *, is_subagent: bool) -> str:
    """``main``, ``subagent`` or ``auxiliary``."""
    if query_source is None or query_source.startswith(_MAIN_SOURCES):
        return SUBAGENT if is_subagent else MAIN
    return SUBAGENT if query_source.startswith(_AGENT) else AUXILIARY


def request_activity_id(request_id: str) -> str:
    """What a response is called where its request has an id that is unique: by a transcript and by the exporter alike."""
    return derived_id("llm_event", "request_id", request_id)


def message_activity_id(key: str) -> str:
    """What a response is called otherwise: by its message's id, or where that is not unique by its line."""
    return derived_id("llm_event", "message_id", key)


def llm_activity(activity_id: str, model: str, tokens: Mapping[str, int], features: Mapping[str, Any]) -> EventDraft:
    """One response. ``tokens``: input (what the cache did not serve), output, cache_read, cache_creation."""
    made = {
        "model": model,
        "prompt_tokens": tokens.get("input", 0),
        "completion_tokens": tokens.get("output", 0),
        "cache_read_tokens": tokens.get("cache_read", 0),
        "cache_creation_tokens": tokens.get("cache_creation", 0),
        "total_tokens": sum(tokens.values()),
        **features,
    }
    return EventDraft("llm_event", activity_id, made)
