"""A session's events, and the sums of many sessions, by SQL over the typed views; what waits in the queue is added."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, cast

import orjson

from ..activity import decode_line
from ..activity.ranks import source_rank
from ..errors import WarehouseError
from ..queue import SegmentTail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ..warehouse.base import QueryEngine
    from .shapes import Event

VIEWS = {
    "VW_SESSION_EVENTS": "session_event",
    "VW_TOOL_EVENTS": "tool_event",
    "VW_FILE_EVENTS": "file_event",
    "VW_SQL_EVENTS": "sql_event",
    "VW_LLM_EVENTS": "llm_event",
    "VW_MCP_EVENTS": "mcp_event",
    "VW_SYSTEM_EVENTS": "system_event",
}
MEMBERS = ("activity_id", "ts", "event_name", "activity", "customer", "session_id", "project", "source", "feature_json")
MAX_EVENTS = 20_000
TIMEOUT_S = 20.0
PAGE_TIMEOUT_S = 120.0
"""Nobody waits for a page of an export: its progress is shown."""
_TAIL_RECORDS, _TAIL_BYTES = 20_000, 16 << 20
_SUMS = """
SELECT
    session_id,
    MIN(ts) AS started,
    MAX(ts) AS ended,
    MAX(project) AS project,
    MAX_BY(title, title_ts) AS title,
    MIN_BY(asked, asked_ts) AS asked,
    SUM(is_call) AS calls,
    SUM(is_error) AS errors,
    SUM(tokens) AS tokens,
    SUM(cost_usd) AS cost_usd
FROM (
    SELECT session_id, ts, project, NULL::VARCHAR AS title, NULL::TIMESTAMP_NTZ AS title_ts, NULL::VARCHAR AS asked,
        NULL::TIMESTAMP_NTZ AS asked_ts, 1 AS is_call, IFF(success = FALSE, 1, 0) AS is_error, 0 AS tokens,
        NULL::DOUBLE AS cost_usd
    FROM VW_TOOL_EVENTS
    WHERE {where}
    UNION ALL
    SELECT session_id, ts, project, COALESCE(feature_json:title::VARCHAR, feature_json:session_title::VARCHAR),
        IFF(COALESCE(feature_json:title::VARCHAR, feature_json:session_title::VARCHAR) IS NULL, NULL, ts),
        IFF(event_type = 'user_prompt', excerpt, NULL), IFF(event_type = 'user_prompt' AND excerpt IS NOT NULL, ts, NULL),
        0, 0, 0, NULL
    FROM VW_SESSION_EVENTS
    WHERE {where}
    UNION ALL
    SELECT session_id, ts, project, NULL, NULL, NULL, NULL, 0, 0,
        COALESCE(
            total_tokens,
            COALESCE(prompt_tokens, 0) + COALESCE(completion_tokens, 0)
            + COALESCE(cache_read_tokens, 0) + COALESCE(cache_creation_tokens, 0)
        ),
        cost_usd::DOUBLE
    FROM VW_LLM_EVENTS
    WHERE {where}
) AS events
GROUP BY session_id
ORDER BY ended DESC
LIMIT {limit}
"""


def sums(engine: QueryEngine, *, project: str | None, since: str | None, limit: int) -> list[dict[str, Any]]:
    """The newest sessions, one object each. ``since``: ISO time, by the time of their events. Raises a WarehouseError."""
    sql = sums_statement(conditions(project=project, since=since), limit)
    found = engine.query(sql, max_rows=None, max_bytes=None, timeout_s=TIMEOUT_S, cancelled=_never)
    names = [name.lower() for name in found.columns]
    return [dict(zip(names, row, strict=True)) for row in found.rows]


def sums_statement(where: Sequence[str], limit: int) -> str:
    """The SQL behind ``sums``, of the events for which every condition holds."""
    return _SUMS.format(where=" AND ".join(["session_id IS NOT NULL", *where]), limit=limit)


def events(
    engine: QueryEngine,
    where: Sequence[str],
    *,
    views: Mapping[str, str] = VIEWS,
    limit: int = MAX_EVENTS,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[Event]:
    """The events for which every condition holds, the oldest first. Raises a WarehouseError."""
    sql = events_statement(where, views, limit)
    found = engine.query(sql, max_rows=None, max_bytes=None, timeout_s=TIMEOUT_S, cancelled=cancelled)
    names = [name.lower() for name in found.columns]
    return [decoded(dict(zip(names, row, strict=True))) for row in found.rows]


def page(engine: QueryEngine, where: Sequence[str], *, limit: int, max_bytes: int) -> tuple[list[Event], bool]:
    """The first of these events, as many as these bounds allow, and whether there are more. Raises a WarehouseError.

    ``feature_json`` is JSON as text: an export of millions need not take it apart.
    """
    sql = events_statement(where, VIEWS, limit)
    found = engine.query(sql, max_rows=None, max_bytes=max_bytes, timeout_s=PAGE_TIMEOUT_S, cancelled=_never)
    names = [name.lower() for name in found.columns]
    events = [cast("Event", dict(zip(names, row, strict=True))) for row in found.rows]
    for event in events:
        event["ts"], event["feature_json"] = utc(event["ts"]), _one_line(event["feature_json"])
    return events, found.truncated or len(events) == limit


def _one_line(features: Any) -> str:
    """JSON as text without line ends; Snowflake writes some between its members, and within a string there are none."""
    text = features if isinstance(features, str) else orjson.dumps(features).decode()
    return text.replace("\r", " ").replace("\n", " ")


def events_statement(where: Sequence[str], views: Mapping[str, str] = VIEWS, limit: int = MAX_EVENTS) -> str:
    """The SQL behind ``events``; each row of its answer is to be ``decoded``."""
    condition = " AND ".join(where) or "TRUE"
    columns = ", ".join(name for name in MEMBERS if name != "event_name")
    parts = [f"SELECT {columns}, '{event}' AS event_name FROM {view} WHERE {condition}" for view, event in views.items()]  # noqa: S608
    return f"SELECT * FROM ({' UNION ALL '.join(parts)}) AS events ORDER BY ts, activity_id LIMIT {limit}"  # noqa: S608


def session_events(
    engine: Callable[[], QueryEngine], directory: str, session_id: str, cancelled: Callable[[], bool] = lambda: False
) -> tuple[list[Event], str | None]:
    """A session's events, from the warehouse and the queue, each activity once; and why the warehouse gave none."""
    problem = None
    by_id: dict[str, Event] = {}
    try:
        stored = events(engine(), conditions(session=session_id), cancelled=cancelled)
    except WarehouseError as error:
        stored, problem = [], error.message
    for event in [*stored, *_waiting(directory, session_id)]:
        known = by_id.get(event["activity_id"])
        if known is None or _rank(event) < _rank(known):
            by_id[event["activity_id"]] = event
    return sorted(by_id.values(), key=lambda event: (event["ts"], event["activity_id"])), problem


def by_hour(engine: QueryEngine, where: Sequence[str]) -> list[tuple[str, int]]:
    """How many events each hour has for which every condition holds, the oldest hour first. Raises a WarehouseError."""
    condition = " AND ".join(where) or "TRUE"
    hours = "SELECT DATE_TRUNC('HOUR', ts) AS began, COUNT(*) AS found"
    parts = [f"{hours} FROM {view} WHERE {condition} GROUP BY 1" for view in VIEWS]
    sql = f"SELECT began, SUM(found) FROM ({' UNION ALL '.join(parts)}) AS counts GROUP BY 1 ORDER BY 1"  # noqa: S608
    found = engine.query(sql, max_rows=None, max_bytes=None, timeout_s=PAGE_TIMEOUT_S, cancelled=_never)
    return [(utc(began), int(events)) for began, events in found.rows]


def sessions_beginning(engine: QueryEngine, begun: str) -> list[str]:
    """The ids of a few sessions that begin so. Raises a WarehouseError."""
    parts = [f"SELECT session_id FROM {view} WHERE STARTSWITH(session_id, {quoted(begun)})" for view in VIEWS]  # noqa: S608
    sql = f"SELECT DISTINCT session_id FROM ({' UNION ALL '.join(parts)}) AS events ORDER BY session_id LIMIT 10"  # noqa: S608
    return [row[0] for row in engine.query(sql, max_rows=None, max_bytes=None, timeout_s=TIMEOUT_S, cancelled=_never).rows]


def utc(value: Any) -> str:
    """A time of an answer as this program writes times."""
    text = str(value).replace(" ", "T")
    return text if text.endswith("Z") else f"{text}Z"


def conditions(*, session: str | None = None, project: str | None = None, since: str | None = None) -> list[str]:
    """SQL conditions on columns that each typed view has."""
    made = [f"session_id = {quoted(session)}"] if session is not None else []
    made += [f"project = {quoted(project)}"] if project is not None else []
    return made + ([f"ts >= '{since[:-1]}'::TIMESTAMP_NTZ"] if since is not None else [])


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def sql_text(text: str) -> str:
    """Text in DuckDB's own SQL, which knows no backslash escapes."""
    return "'" + text.replace("'", "''") + "'"


def _waiting(directory: str, session_id: str) -> Iterator[Event]:
    """What this machine recorded of the session lately, shipped or not."""
    tail = SegmentTail(directory, start=None, limit_records=_TAIL_RECORDS, limit_bytes=_TAIL_BYTES)
    for _, line in tail.poll().records:
        with contextlib.suppress(ValueError):
            event = decode_line(line, orjson.loads)
            if event.get("session_id") == session_id:
                yield cast("Event", {name: event.get(name) for name in MEMBERS})


def decoded(members: Mapping[str, Any]) -> Event:
    """A row of ``events_statement`` as an event: its time as this program writes times, its features as an object."""
    features = members["feature_json"]
    read = orjson.loads(features) if isinstance(features, str) else features
    return cast("Event", {**members, "ts": utc(members["ts"]), "feature_json": read})


def _rank(event: Event) -> int:
    return source_rank(event.get("source"), event.get("feature_json"))


def _never() -> bool:
    return False
