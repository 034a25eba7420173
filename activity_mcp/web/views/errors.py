"""Errors by kind: what failed, how often, since when, and where it was seen last."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .. import charts, statements
from ..days import days_of
from ..statements import FAILED, as_us, day_of
from ..tables import Column, Table
from ..view import SLOW_S, View
from .sessions import link_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..view import Look

MAX_GROUPS = 5_000
_STATEMENT = """SELECT
    origin, what, error, day, COUNT(*) AS times, MIN(ts) AS first_ts, MAX(ts) AS last_ts, MAX_BY(session_id, ts) AS session_id
FROM (
    SELECT 'tool' AS origin, tool_name AS what, SUBSTR(error, 1, 300) AS error, {day} AS day, ts, session_id
    FROM VW_TOOL_EVENTS
    {tools}
    UNION ALL
    SELECT 'sql', error_code, SUBSTR(error, 1, 300), {day}, ts, session_id
    FROM VW_SQL_EVENTS
    {sql}
    UNION ALL
    SELECT 'turn', event_type, SUBSTR(COALESCE(error, excerpt, reason), 1, 300), {day}, ts, session_id
    FROM VW_SESSION_EVENTS
    {turns}
    UNION ALL
    SELECT 'recorder', event_type, SUBSTR(message, 1, 300), {day}, ts, session_id
    FROM VW_SYSTEM_EVENTS
    {recorder}
) AS failures
GROUP BY origin, what, error, day
ORDER BY last_ts DESC
LIMIT {limit}"""
ORIGINS = {"tool": "Tool calls", "sql": "SQL statements", "turn": "Turns and requests", "recorder": "The recorder itself"}
_TURNS = ("event_type IN ('api_error', 'turn_stopped')", "COALESCE(reason, '') <> 'interrupted'")
_VARYING = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\d+(\.\d+)?", re.IGNORECASE)
_TELLING = re.compile(r"error|fail|not|exception|denied", re.IGNORECASE)
_PLACE = re.compile(r"(?:/[\w.@+-]+){2,}")


def load(look: Look) -> dict[str, Any]:
    answer = look.ask(_statement(look), SLOW_S)
    origin = look.filters.get("origin")
    rows = [row for row in answer.rows if origin in (None, row["origin"])]
    days: dict[str, int] = {}
    for row in rows:
        days[row["day"]] = days.get(row["day"], 0) + row["times"]
    if len(answer.rows) >= MAX_GROUPS:
        look.notes.append(("info", "There are more kinds than are read at once; a shorter period has all of its own."))
    names = days_of(look.since_us, look.now_us, list(days))
    by_name = [float(days.get(day, 0)) for day in names]
    by_day = [{"day": day, "errors": days.get(day, 0)} for day in names]
    return {
        "origins": ORIGINS,
        "bars": charts.bars(names, {"failures": by_name}, "Errors by day", colours=(charts.FAILED,)),
        "tables": [_kinds(look, _by_kind(rows)), _days(by_day)],
    }


def _statement(look: Look) -> str:
    conditions, tool = look.conditions(), look.filters.get("tool")
    of_tool = [f"tool_name = {statements.text(tool)}"] if tool else []
    none = ["1 = 0"] if tool else []
    return _STATEMENT.format(
        day=day_of("ts"),
        tools=statements.where([*conditions, *of_tool, FAILED]),
        sql=statements.where([*conditions, *none, "success = FALSE"]),
        turns=statements.where([*conditions, *none, *_TURNS]),
        recorder=statements.where([*conditions, *none, "severity IN ('error', 'critical')"]),
        limit=MAX_GROUPS,
    )


def kind_of(error: str | None) -> str:
    """An error without what differs from one time to the next: numbers, addresses, directories. Its first line that says
    something."""
    lines = [line.strip() for line in (error or "").splitlines() if line.strip(" -=*#")]
    text = next(filter(_TELLING.search, lines), lines[0] if lines else "")
    return _VARYING.sub("#", _PLACE.sub(lambda found: f"…/{found[0].rpartition('/')[2]}", text))[:160] or "(no text)"


def _by_kind(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    kinds: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in rows:
        key = (row["origin"], row["what"] or "", kind_of(row["error"]))
        first, last = as_us(row["first_ts"]), as_us(row["last_ts"])
        known = kinds.get(key)
        if known is None:
            kinds[key] = {
                "origin": ORIGINS[row["origin"]],
                "what": row["what"],
                "error": key[2],
                "times": row["times"],
                "first_ts": first,
                "last_ts": last,
                "session_id": row["session_id"],
            }
            continue
        known["times"] += row["times"]
        known["first_ts"] = min(filter(None, (known["first_ts"], first)), default=None)
        if (last or 0) > (known["last_ts"] or 0):
            known.update(last_ts=last, session_id=row["session_id"])
    return list(kinds.values())


def _kinds(look: Look, rows: Sequence[dict[str, Any]]) -> Table:
    columns = [
        Column("times", "Times", "number"),
        Column("what", "What", "code", link=lambda row: _of_tool(look, row)),
        Column("error", "Error", "code"),
        Column("origin", "Of", is_minor=True),
        Column("first_ts", "First", "time", is_minor=True),
        Column("last_ts", "Last", "time"),
        Column("session_id", "In session", "id", link=link_of, is_minor=True),
    ]
    return Table("errors", "Errors by kind", columns, rows, order="-times", empty="Nothing failed in this period.")


def _of_tool(look: Look, row: dict[str, Any]) -> str | None:
    return look.filters.link(tool=row["what"]) if row["what"] and row["origin"] == ORIGINS["tool"] else None


def _days(rows: list[dict[str, Any]]) -> Table:
    columns = [Column("day", "Day (UTC)", "day"), Column("errors", "Errors", "number")]
    return Table("by_day", "By day", columns, rows, order="-day", per_page=400, empty="Nothing failed in this period.")


VIEW = View("errors", "Errors", "/errors", load, filters=("days", "project"))
