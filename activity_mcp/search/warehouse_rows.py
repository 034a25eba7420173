"""Candidates by SQL, where there is no index: on Snowflake, or while an index is missing.

One statement over the typed views, in the dialect that both engines read: what the connection's role may see, and nothing else,
is found (views and row access policies hold). The newest rows whose features hold every word, then the newest that hold one of
the longest; matching as a whole, ranking and marking are done over these as over any others.

What this way cannot: typing mistakes are not forgiven, accents count, and of more than ``MAX_ROWS`` rows only the newest are
looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ..language.words import unfold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..language.query_language import Query
    from ..warehouse.base import QueryEngine

MAX_ROWS = 400
TIMEOUT_S = 8.0
_LONGEST = 4
_VIEWS = {
    "VW_SESSION_EVENTS": ("session_event", ("asked", "concluded", "title")),
    "VW_TOOL_EVENTS": ("tool_event", ("command", "call")),
    "VW_FILE_EVENTS": ("file_event", ("file",)),
    "VW_SQL_EVENTS": ("sql_event", ("sql",)),
    "VW_MCP_EVENTS": ("mcp_event", ("insight",)),
    "VW_SYSTEM_EVENTS": ("system_event", ("event",)),
}
_AND = {"VW_MCP_EVENTS": " AND activity_id NOT IN (SELECT activity_id FROM INSIGHT_ATOMS WHERE is_quarantined)"}
"""What is not to be found: insights in quarantine."""
_COLUMNS = "activity_id, ts, session_id, project, source, feature_json"


def rows_for(
    engine: QueryEngine,
    query: Query,
    *,
    kind: str | None,
    project: str | None,
    span: tuple[str | None, str | None],
    cancelled: Callable[[], bool],
) -> Iterator[dict[str, Any]]:
    """The members of candidate events. ``span``: ISO times. Raises a WarehouseError."""
    every, one = _conditions(query)
    for condition in filter(None, (every, one if one != every else "")):
        sql = _statement(condition, kind, project, span)
        found = engine.query(sql, max_rows=MAX_ROWS, max_bytes=None, timeout_s=TIMEOUT_S, cancelled=cancelled)
        yield from map(_members, found.rows)
        if len(found.rows) >= MAX_ROWS // 4:
            return


def _conditions(query: Query) -> tuple[str, str]:
    """Every word, and one of the longest words."""
    words = [word for term in query.terms for word in term.words]
    filters = [_holds(word) for term in query.files for word in term.words] + [_holds(tool) for tool in query.tools]
    longest = sorted(set(words), key=lambda word: (-len(word), word))[:_LONGEST]
    every = " AND ".join([*map(_holds, dict.fromkeys(words)), *filters]) or "TRUE"
    some = " OR ".join(map(_holds, longest))
    return every, " AND ".join([f"({some})", *filters]) if some else ""


def _statement(condition: str, kind: str | None, project: str | None, span: tuple[str | None, str | None]) -> str:
    more = [f"project = {_quoted(project)}"] if project else []
    more += [f"ts {sign} '{when[:-1]}'::TIMESTAMP_NTZ" for sign, when in zip((">=", "<"), span, strict=True) if when]
    where = " AND ".join([f"({condition})", *more])
    parts = [
        f"SELECT {_COLUMNS}, '{event}' AS event_name FROM {view} WHERE {where}{_AND.get(view, '')}"  # noqa: S608 - each text is quoted
        for view, (event, kinds) in _VIEWS.items()
        if kind is None or kind in kinds
    ]
    return f"SELECT * FROM ({' UNION ALL '.join(parts)}) AS found ORDER BY ts DESC LIMIT {MAX_ROWS}"  # noqa: S608


def _holds(word: str) -> str:
    pattern = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"feature_json::VARCHAR ILIKE {_quoted(f'%{unfold(pattern)}%')}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _members(row: Sequence[Any]) -> dict[str, Any]:
    activity_id, ts, session_id, project, source, features, event_name = row
    return {
        "activity_id": activity_id,
        "ts": _iso(str(ts)),
        "session_id": session_id,
        "project": project,
        "source": source,
        "event_name": event_name,
        "feature_json": orjson.loads(features) if isinstance(features, str) else features,
    }


def _iso(text: str) -> str:
    text = text.replace(" ", "T")
    return text if text.endswith("Z") else f"{text}Z"
