"""Insights: what was concluded from the record, whether it still holds, and what it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ...clock import iso
from .. import statements
from ..tables import Column, Table
from ..view import SLOW_S, View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..view import Look

MAX_INSIGHTS = 1_000
MEMBERS = (
    "insight_id, customer, project, session_id, subject, metric, CAST(value AS VARCHAR) AS value, grain, "
    "CAST(confidence AS DOUBLE) AS confidence, artifact_id, query_id, recorded_at, valid_until, is_quarantined, "
    "quarantine_reason"
)


def load(look: Look) -> dict[str, Any]:
    where = statements.where([condition.replace("ts >= ", "recorded_at >= ") for condition in look.conditions()])
    answer = look.ask(
        f"SELECT {MEMBERS} FROM INSIGHT_ATOMS {where} ORDER BY recorded_at DESC LIMIT {MAX_INSIGHTS}",  # noqa: S608
        SLOW_S,
    )
    rows = [{**row, "state": state_of(row, iso(look.now_us))} for row in answer.rows]
    return {"tables": [_table(rows)]}


def state_of(row: Mapping[str, Any], now: str) -> str:
    """holds, expired, quarantined, or unfounded (it names nothing that it rests on, so no context shows it)."""
    if row["is_quarantined"]:
        return "quarantined"
    until = str(row["valid_until"] or "").replace(" ", "T")
    if until and until < now[:-1]:
        return "expired"
    return "holds" if row["artifact_id"] or row["query_id"] else "unfounded"


def link_of(row: Mapping[str, Any]) -> str | None:
    return f"/insight/{quote(str(row['insight_id']), safe='')}"


def _table(rows: list[dict[str, Any]]) -> Table:
    columns = [
        Column("subject", "About", link=link_of),
        Column("metric", "Measure"),
        Column("value", "Value", "code"),
        Column("grain", "Grain", is_minor=True),
        Column("confidence", "Confidence", "percent", is_minor=True),
        Column("state", "State", "outcome"),
        Column("recorded_at", "Recorded", "time", is_minor=True),
        Column("valid_until", "Holds until", "time", is_minor=True),
        Column("project", "Project", "place", is_minor=True),
    ]
    empty = "No insight in this period. Claude records one with `record_insight`, from the result of a `query`."
    return Table("insights", "Insights", columns, rows, order="-recorded_at", empty=empty)


VIEW = View("insights", "Insights", "/insights", load, filters=("days", "project"))
