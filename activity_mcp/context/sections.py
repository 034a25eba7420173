"""The lists of a context: blob and events merged, newest first, in the members the blob uses (those of the refresh sequence).

An entry is one by what names it: an error or a query by its activity, a file by its path, an insight by its id; of two with
the same name the newer one stays. What a blob holds that is not what it should be is passed over.
"""

from __future__ import annotations

from ..clock import iso, parse_iso
from .values import as_boolean, as_number, as_shown, as_text, is_time, objects

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    Record = dict[str, Any]

MAX_ERRORS = 10
MAX_FILES = 20
MAX_INSIGHTS = 20
MAX_QUERIES = 10

CARRIED_FEATURES = frozenset((
    "event_type", "excerpt", "git_branch", "severity", "message", "error_type", "error", "success", "tool_name", "parameters",
    "operation", "file_path", "sql", "query_id", "rows", "duration_ms", "artifact_id", "model", "prompt_tokens",
    "completion_tokens", "cache_read_tokens", "cache_creation_tokens", "cost_usd", "method", "insight_id", "subject", "metric",
    "value", "grain", "confidence", "valid_for_hours", "valid_until",
))  # fmt: skip
"""The features that a context shows something of."""

_MAX_HOURS = 500_000


def bounded(name: str, value: Any) -> Any:
    """A carried feature, cut to what can be shown of it."""
    if name == "parameters":
        command = value.get("command") if isinstance(value, dict) else None
        return None if command is None else {"command": as_text(command)}
    if name == "value":
        return as_shown(value)
    if isinstance(value, str):
        return as_text(value, 1024)
    return value if isinstance(value, (bool, int, float)) else as_text(value, 1024)


def recent_errors(blob: Mapping[str, Any], events: Iterable[Mapping[str, Any]]) -> list[Record]:
    """What failed last: calls without success, and system events of severity error and critical."""
    return _merged(objects(blob, "recent_errors"), map(_error_of, events), "activity_id", "ts", MAX_ERRORS)


def recent_files(blob: Mapping[str, Any], events: Iterable[Mapping[str, Any]]) -> list[Record]:
    """The files last touched, each once with what was done to it last."""
    return _merged(objects(blob, "recent_files"), map(_file_of, events), "file_path", "ts", MAX_FILES)


def recent_queries(blob: Mapping[str, Any], events: Iterable[Mapping[str, Any]]) -> list[Record]:
    """The SQL that succeeded last, with the artifact that holds its result."""
    return _merged(objects(blob, "recent_queries"), map(_query_of, events), "activity_id", "ts", MAX_QUERIES)


def insights(blob: Mapping[str, Any], events: Iterable[Mapping[str, Any]], now_us: int) -> list[Record]:
    """The insights that hold now and say what they rest on."""
    now = iso(now_us)
    known = _merged(objects(blob, "insights"), map(_insight_of, events), "insight_id", "recorded_at", None)
    return [insight for insight in known if _holds(insight, now)][:MAX_INSIGHTS]


def _holds(insight: Record, now: str) -> bool:
    valid_until = insight.get("valid_until")
    return bool(insight.get("artifact_id") or insight.get("query_id")) and (not is_time(valid_until) or valid_until > now)


def _merged(
    stored: Iterable[Record], fresh: Iterable[Record | None], name: str, time: str, limit: int | None
) -> list[Record]:
    """Both by their names, the newer of two with the same, newest first and then by name."""
    found: dict[str, Record] = {}
    for record in (*stored, *fresh):
        if record is None or not isinstance(record.get(name), str) or not is_time(record.get(time)):
            continue
        known = found.get(record[name])
        if known is None or record[time] >= known[time]:
            found[record[name]] = record
    ordered = sorted(found.values(), key=lambda record: str(record[name]))
    ordered.sort(key=lambda record: str(record[time]), reverse=True)
    return ordered[:limit]


def _feature_reader(event: Mapping[str, Any]) -> Callable[[str], Any]:
    features = event.get("feature_json")
    return features.get if isinstance(features, dict) else {}.get


def _error_of(event: Mapping[str, Any]) -> Record | None:
    event_name, feature = event.get("event_name"), _feature_reader(event)
    if event_name == "system_event":
        if feature("severity") not in ("error", "critical"):
            return None
    elif event_name not in _ERROR_NAMES or as_boolean(feature("success")) is not False:
        return None
    named_by = _ERROR_NAMES[event_name]
    error = next((value for value in map(feature, ("error", "message", "error_type")) if value is not None), None)
    return {
        **_common(event),
        "event_name": event_name,
        "name": "sql" if named_by is None else as_text(feature(named_by), 255),
        "error": as_text(error),
    }


_ERROR_NAMES: dict[Any, str | None] = {
    "tool_event": "tool_name", "sql_event": None, "file_event": "operation", "mcp_event": "method", "system_event": "event_type",
}  # fmt: skip


def _file_of(event: Mapping[str, Any]) -> Record | None:
    feature = _feature_reader(event)
    if event.get("event_name") != "file_event":
        return None
    path, operation = as_text(feature("file_path"), 1024), as_text(feature("operation"), 255)
    return {**_common(event), "file_path": path, "operation": operation}


def _query_of(event: Mapping[str, Any]) -> Record | None:
    feature = _feature_reader(event)
    if event.get("event_name") != "sql_event" or as_boolean(feature("success")) is not True:
        return None
    return {
        **_common(event),
        "sql": as_text(feature("sql")),
        "query_id": as_text(feature("query_id")),
        "rows": as_number(feature("rows")),
        "duration_ms": as_number(feature("duration_ms")),
        "artifact_id": as_text(feature("artifact_id")),
    }


def _insight_of(event: Mapping[str, Any]) -> Record | None:
    feature, ts = _feature_reader(event), event.get("ts")
    if event.get("event_name") != "mcp_event" or feature("method") != "record_insight" or not is_time(ts):
        return None
    texts = {name: as_text(feature(name)) for name in ("subject", "metric", "grain", "artifact_id", "query_id")}
    return {
        **texts,
        "insight_id": as_text(feature("insight_id")) or event.get("activity_id"),
        "value": feature("value"),
        "confidence": as_number(feature("confidence")),
        "recorded_at": ts,
        "valid_until": _valid_until(feature("valid_until"), feature("valid_for_hours"), str(ts)),
    }


def _valid_until(valid_until: Any, hours: Any, ts: str) -> str | None:
    """Until when an insight of ``ts`` holds: what it says, else so many hours on; None: until it is replaced."""
    try:
        return iso(parse_iso(str(valid_until)))
    except ValueError:
        pass
    lasting = as_number(hours)
    if lasting is None:
        return None
    try:
        return iso(parse_iso(ts) + round(min(lasting, _MAX_HOURS) * 3600) * 1_000_000)
    except (ValueError, OverflowError, OSError):
        return None


def _common(event: Mapping[str, Any]) -> Record:
    return {name: event.get(name) for name in ("ts", "session_id", "project", "activity_id")}
