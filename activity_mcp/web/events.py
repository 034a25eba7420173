"""One event in one line: what happened, for the list of what was recorded just now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..context.values import as_boolean

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHOWN = ("command", "file_path", "notebook_path", "pattern", "query", "url", "sql", "description", "prompt", "skill")


def described(event: Mapping[str, Any]) -> dict[str, Any]:
    """{ts, source, session_id, project, what, text, failed}: ``what`` is the kind in a person's words, ``text`` its content."""
    given = event.get("feature_json")
    features: Mapping[str, Any] = given if isinstance(given, dict) else {}
    kind = str(event.get("event_name"))
    what, text = _WORDS.get(kind, _other)(features)
    return {
        "ts": event.get("ts"),
        "source": event.get("source"),
        "session_id": event.get("session_id"),
        "project": event.get("project"),
        "kind": kind,
        "what": what,
        "text": text,
        "failed": as_boolean(features.get("success")) is False or features.get("severity") == "error",
    }


def _tool(features: Mapping[str, Any]) -> tuple[str, str]:
    parameters = features.get("parameters")
    given = parameters if isinstance(parameters, dict) else {}
    text = next((str(given[name]) for name in _SHOWN if given.get(name)), "")
    return str(features.get("tool_name") or "tool"), text or ", ".join(f"{name}={value}" for name, value in given.items())


def _file(features: Mapping[str, Any]) -> tuple[str, str]:
    return f"file {features.get('operation') or ''}".strip(), str(features.get("file_path") or "")


def _session(features: Mapping[str, Any]) -> tuple[str, str]:
    what = str(features.get("event_type") or "session").replace("_", " ")
    return what, str(features.get("excerpt") or features.get("title") or features.get("reason") or "")


def _model(features: Mapping[str, Any]) -> tuple[str, str]:
    tokens = sum(
        int(features.get(name) or 0)
        for name in ("prompt_tokens", "completion_tokens", "cache_read_tokens", "cache_creation_tokens")
        if isinstance(features.get(name), (int, float))
    )
    return "model", f"{features.get('model') or ''} {tokens:,} tokens"


def _sql(features: Mapping[str, Any]) -> tuple[str, str]:
    return "sql", str(features.get("sql") or features.get("error") or "")


def _server(features: Mapping[str, Any]) -> tuple[str, str]:
    return "server", str(features.get("method") or "")


def _system(features: Mapping[str, Any]) -> tuple[str, str]:
    return str(features.get("event_type") or "system").replace("_", " "), str(features.get("message") or "")


def _other(features: Mapping[str, Any]) -> tuple[str, str]:
    return "event", ", ".join(f"{name}={value}" for name, value in list(features.items())[:5])


_WORDS = {
    "tool_event": _tool,
    "file_event": _file,
    "session_event": _session,
    "llm_event": _model,
    "sql_event": _sql,
    "mcp_event": _server,
    "system_event": _system,
}
