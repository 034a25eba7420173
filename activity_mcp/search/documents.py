"""What is searched of an activity.

    asked, concluded, title   prompts, conclusions (or why a turn stopped), titles and pull requests of sessions
    command, call             tool calls: shell commands with their errors; every other call by its parameters
    file                      files read, written and edited, by their paths
    sql                       statements
    insight                   what was concluded from data: subject, metric, value
    event                     what ``log_event`` recorded beside these

Nothing is searched of responses' token counts, of the server's own calls, or of hooks' housekeeping.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from ..activity.ranks import source_rank
from ..clock import parse_iso

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..warehouse.base import StoredActivity

KINDS = ("asked", "concluded", "title", "command", "call", "file", "sql", "insight", "event")
MAX_TEXT = 4000
"""Characters of a document that are searched; an event's own limits leave most far shorter."""
_SHELLS = ("Bash", "PowerShell")
_NOT_SEARCHED = ("hook", "retention", "health_changed", "forgotten")
_SESSION_KINDS = {"user_prompt": "asked", "turn_end": "concluded", "turn_stopped": "concluded", "start": "title"}
_SEVERE = ("error", "critical")
_TITLES = ("session_title", "title", "link")


class Document(NamedTuple):
    """One activity as it is searched. ``rank`` decides between two of the same ``activity_id``: the lowest stays."""

    activity_id: str
    ts_us: int
    kind: str
    project: str | None
    session_id: str | None
    tool: str | None
    failed: bool
    path: str | None
    text: str
    rank: int


def document_of(members: Mapping[str, Any]) -> Document | None:
    """The document of an event's members, ``feature_json`` decoded; None where nothing of it is searched."""
    get = members.get
    features = get("feature_json")
    if not isinstance(features, dict):
        return None
    try:
        ts_us = parse_iso(str(get("ts")))
    except ValueError:
        return None
    event_name, activity_id = str(get("event_name")), str(get("activity_id"))
    return _made_of(event_name, activity_id, ts_us, get("project"), get("session_id"), get("source"), features)


def document_of_stored(stored: StoredActivity) -> Document | None:
    """The same of a row that was read back."""
    activity_id, ts_us, event_name, session_id, project, source, feature_json, _, _ = stored
    features = orjson.loads(feature_json) if feature_json and event_name in _READERS else None
    if not isinstance(features, dict) or ts_us < 0:
        return None
    return _made_of(event_name, activity_id, ts_us, project, session_id, source, features)


def _made_of(
    event_name: str, activity_id: str, ts_us: int, project: object, session_id: object, source: object, features: dict[str, Any]
) -> Document | None:
    """A flush's thousand rows pass here: the steps are counted."""
    read = _READERS.get(event_name)
    found = read(features) if read is not None else None
    if found is None or not (found[1] or found[2]):
        return None
    kind, text, path = found
    get = features.get
    tool = get("tool_name")
    return Document(
        activity_id,
        ts_us,
        kind,
        _text(project) or None,
        _text(session_id) or _text(get("session_id")) or None,
        tool if isinstance(tool, str) else None,
        get("success") is False or "error" in features or ("severity" in features and features["severity"] in _SEVERE),
        path or None,
        text[:MAX_TEXT],
        source_rank(source, features),
    )


_Found = tuple[str, str, str]


def _session(features: dict[str, Any]) -> _Found | None:
    event_type = str(features.get("event_type"))
    title = next((_text(features.get(name)) for name in _TITLES if features.get(name)), "")
    kind = _SESSION_KINDS.get(event_type, "title")
    return (kind, title if kind == "title" else _text(features.get("text")) or _text(features.get("excerpt")), "")


def _tool(features: dict[str, Any]) -> _Found:
    given = features.get("parameters")
    parameters = given if isinstance(given, dict) else {}
    path = _member(parameters, "file_path") or _member(parameters, "notebook_path")
    name, error = _member(features, "tool_name"), _member(features, "error")
    if name in _SHELLS:
        command, description = _member(parameters, "command"), _member(parameters, "description")
        return "command", "\n".join(filter(None, (command, error, description))) if error or description else command, path
    texts = [name, error, *(text for key, value in parameters.items() if key != "file_path" for text in _texts(value))]
    return "call", "\n".join(filter(None, texts)), path


def _file(features: dict[str, Any]) -> _Found:
    return "file", _text(features.get("operation")), _text(features.get("file_path"))


def _sql(features: dict[str, Any]) -> _Found:
    return "sql", "\n".join(filter(None, (_text(features.get("sql")), _text(features.get("error"))))), ""


def _insight(features: dict[str, Any]) -> _Found | None:
    if features.get("method") != "record_insight":
        return None
    return (
        "insight",
        " ".join(text for name in ("subject", "metric", "value", "grain") for text in _texts(features.get(name))),
        "",
    )


def _system(features: dict[str, Any]) -> _Found | None:
    if features.get("event_type") in _NOT_SEARCHED:
        return None
    return "event", _text(features.get("message")), ""


_READERS = {
    "session_event": _session,
    "tool_event": _tool,
    "file_event": _file,
    "sql_event": _sql,
    "mcp_event": _insight,
    "system_event": _system,
}


def _member(members: dict[str, Any], name: str) -> str:
    return _text(members[name]) if name in members else ""


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _texts(value: Any) -> Iterator[str]:
    """Every text in a value; numbers as they are written."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from _texts(member)
    elif isinstance(value, list):
        for element in value:
            yield from _texts(element)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield f"{value:g}" if isinstance(value, float) else str(value)
