"""Tools: how often each was called, how often it failed, and how long it took; by day for all of them or for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import charts, statements
from ..days import filled
from ..statements import FAILED, day_of
from ..tables import Column, Table
from ..view import View

if TYPE_CHECKING:
    from ..view import Look

MAX_TOOLS = 500
_BY_TOOL = """SELECT
    tool_name AS tool, COUNT(*) AS calls, SUM(CASE WHEN {failed} THEN 1 ELSE 0 END) AS failures,
    SUM(CASE WHEN denied IS NULL THEN 0 ELSE 1 END) AS denied, COUNT(DISTINCT session_id) AS sessions,
    CAST(PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY latency_ms) AS DOUBLE) AS p50_ms,
    CAST(PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY latency_ms) AS DOUBLE) AS p95_ms,
    MAX(ts) AS last_ts
FROM VW_TOOL_EVENTS
{where}
GROUP BY tool_name
ORDER BY calls DESC
LIMIT {limit}"""
_BY_DAY = """SELECT
    {day} AS day, COUNT(*) AS calls, SUM(CASE WHEN {failed} THEN 1 ELSE 0 END) AS failures,
    CAST(PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY latency_ms) AS DOUBLE) AS p95_ms
FROM VW_TOOL_EVENTS
{where}
GROUP BY 1
ORDER BY 1"""


def load(look: Look) -> dict[str, Any]:
    conditions, tool = look.conditions(), look.filters.get("tool")
    of_one = [*conditions, f"tool_name = {statements.text(tool)}"] if tool else conditions
    by_tool, by_day = look.ask_all(
        _BY_TOOL.format(where=statements.where(conditions), failed=FAILED, limit=MAX_TOOLS),
        _BY_DAY.format(day=day_of("ts"), where=statements.where(of_one), failed=FAILED),
    )
    rows = [{**row, "failure_share": row["failures"] / row["calls"]} for row in by_tool.rows]
    days = filled(by_day.rows, look.since_us, look.now_us)
    return {
        "tool": tool,
        "bars": charts.bars([row["day"] for row in days], _series(days), "Calls by day", colours=(0, charts.FAILED)),
        "tables": [_tools(look, rows), _days(days)],
    }


def _series(days: list[dict[str, Any]]) -> dict[str, list[float]]:
    return {
        "succeeded": [float(row["calls"] - row["failures"]) for row in days],
        "failed": [float(row["failures"]) for row in days],
    }


def _tools(look: Look, rows: list[dict[str, Any]]) -> Table:
    columns = [
        Column("tool", "Tool", "code", link=lambda row: look.filters.link(tool=row["tool"]) if row["tool"] else None),
        Column("calls", "Calls", "number"),
        Column("failures", "Failures", "number", link=lambda row: _errors(look, row)),
        Column("failure_share", "Failed", "percent"),
        Column("denied", "Denied", "number", is_minor=True, hint="A call that somebody or a rule said no to is no failure"),
        Column("p50_ms", "Median", "ms", is_minor=True),
        Column("p95_ms", "p95", "ms", hint="95 % of the calls took no longer"),
        Column("sessions", "Sessions", "number", is_minor=True),
        Column("last_ts", "Last", "time", is_minor=True),
    ]
    return Table("tools", "Tools", columns, rows, order="-calls", empty="No call of a tool in this period.")


def _errors(look: Look, row: dict[str, Any]) -> str | None:
    return look.filters.link("/errors", tool=row["tool"]) if row["failures"] else None


def _days(rows: list[dict[str, Any]]) -> Table:
    columns = [
        Column("day", "Day (UTC)", "day"),
        Column("calls", "Calls", "number"),
        Column("failures", "Failures", "number"),
        Column("p95_ms", "p95", "ms"),
    ]
    return Table("by_day", "By day", columns, rows, order="-day", per_page=400, empty="Nothing in this period.")


VIEW = View("tools", "Tools", "/tools", load, filters=("days", "project"))
