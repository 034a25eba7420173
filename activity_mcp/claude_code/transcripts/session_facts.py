"""What a transcript says of its session beside the conversation, as session_events: each line one fact, named by what it says.

    title            ai-title, custom-title, summary: how Claude Code, or the person, calls the session
    pull_request     pr-link: the pull request that the session made, as ``link``
    turn_duration    system turn_duration: how long a turn took
    compaction       system compact_boundary: what started it
    api_error        system api_error: an attempt that failed and was tried again; no call, and no cost
    cost_state       cost-state, the last line of a session since 2.1.328: the client's own sum, exact, compactions included.
                     A fork begins with its parent's sum; a process that was killed leaves none

Only what the line holds is recorded; a line without it is no fact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...activity import derived_id
from .. import events
from ..draft import EventDraft
from .open_state import original_uuid, text_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...redaction import Redactor

TYPES = frozenset(("ai-title", "custom-title", "summary", "pr-link", "system", "cost-state"))
"""The types of lines that may hold one."""
_TITLES = {"ai-title": "aiTitle", "custom-title": "customTitle", "summary": "summary"}
_TOKENS = {
    "prompt_tokens": "inputTokens", "completion_tokens": "outputTokens", "cache_read_tokens": "cacheReadInputTokens",
    "cache_creation_tokens": "cacheCreationInputTokens", "web_searches": "webSearchRequests",
}  # fmt: skip
_MAX_MODELS = 50
_MAX_TITLE = 300


def session_fact(line: Mapping[str, Any], session_id: str, ts_us: int, *, policy: str, redactor: Redactor) -> EventDraft | None:
    """The fact in a line of one of ``TYPES``; None where it holds none."""
    kind = line.get("type")
    if kind in _TITLES:
        title = text_in(dict(line), _TITLES[kind])
        return _title(session_id, kind, title, redactor) if title and policy != "hash" else None
    if kind == "pr-link":
        url = text_in(dict(line), "prUrl")
        return _fact(session_id, "pull_request", f"{session_id}\0{url}", {"link": redactor.text(url)}) if url else None
    if kind == "cost-state":
        return _cost_state(session_id, line)
    made = _SYSTEM.get(str(line.get("subtype")))
    found = made(line, redactor) if made is not None else None
    if found is None:
        return None
    event_type, features = found
    return _fact(session_id, event_type, original_uuid(dict(line)) or f"{session_id}\0{ts_us}", features)


def _fact(session_id: str, event_type: str, key: str, features: Mapping[str, Any]) -> EventDraft:
    made = {"session_id": session_id, "event_type": event_type, **features}
    return EventDraft("session_event", derived_id("session_event", event_type, key), made)


def _title(session_id: str, kind: str, title: str, redactor: Redactor) -> EventDraft:
    text = redactor.text(title.strip())[:_MAX_TITLE]
    return _fact(session_id, "title", f"{session_id}\0{text}", {"title": text, "reason": kind})


def _cost_state(session_id: str, line: Mapping[str, Any]) -> EventDraft | None:
    total = _amount(line.get("totalCostUSD"))
    if total is None:
        return None
    features: dict[str, Any] = {"cost_usd": total}
    models = line.get("modelUsage")
    by_model = {
        str(model)[:200]: _model(use)
        for model, use in list(models.items() if isinstance(models, dict) else ())[:_MAX_MODELS]
        if isinstance(use, dict)
    }
    if by_model:
        features["cost_by_model"] = by_model
    if line.get("hasUnknownModelCost") is True:
        features["reason"] = "a model without a price is not in the sum"
    return _fact(session_id, "cost_state", f"{session_id}\0{total!r}", features)


def _model(use: Mapping[str, Any]) -> dict[str, Any]:
    counts = {name: use.get(member) for name, member in _TOKENS.items()}
    valid: dict[str, Any] = {name: count for name, count in counts.items() if type(count) is int and 0 <= count < 1 << 53}
    cost = _amount(use.get("costUSD"))
    return valid if cost is None else {**valid, "cost_usd": cost}


def _turn_duration(line: Mapping[str, Any], redactor: Redactor) -> tuple[str, dict[str, Any]] | None:
    took = _amount(line.get("durationMs"))
    return ("turn_duration", {"duration_ms": took}) if took is not None else None


def _compaction(line: Mapping[str, Any], redactor: Redactor) -> tuple[str, dict[str, Any]] | None:
    compaction = line.get("compactMetadata")
    trigger = compaction.get("trigger") if isinstance(compaction, dict) else None
    return "compaction", {"reason": trigger} if isinstance(trigger, str) else {}


def _api_error(line: Mapping[str, Any], redactor: Redactor) -> tuple[str, dict[str, Any]] | None:
    error = line.get("error")
    status = error.get("status") if isinstance(error, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    text = (
        message
        if isinstance(message, str) and message.strip()
        else f"status {status}"
        if status is not None
        else "an error of the API"
    )
    return "api_error", {"error": events.error_text(text, redactor)}


_SYSTEM = {"turn_duration": _turn_duration, "compact_boundary": _compaction, "api_error": _api_error}


def _amount(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e12:
        return None
    return value
