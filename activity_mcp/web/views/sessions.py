"""Sessions: what was asked, how long it took, what it cost; filtered, searched and sorted by the URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ...sessions.rows import sums_statement
from ..statements import as_us
from ..tables import Column, Table
from ..view import SLOW_S, View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..view import Look

MAX_SESSIONS = 2_000
_SEARCHED = ("session_id", "what", "project")


def load(look: Look) -> dict[str, Any]:
    answer = look.ask(sums_statement([one for one in look.conditions() if one], MAX_SESSIONS), SLOW_S)
    rows = [_session(row) for row in answer.rows]
    words = (look.filters.get("text") or "").casefold().split()
    kept = [row for row in rows if _has_all(row, words) and _is_wanted(row, look.filters.get("only"))]
    if answer.truncated or len(rows) >= MAX_SESSIONS:
        look.notes.append(
            ("info", f"These are the newest {len(rows):,} sessions of the period; a shorter period has all of its own.")
        )
    return {"tables": [_table(look, kept, searched=bool(words))], "total": len(rows)}


def _session(row: dict[str, Any]) -> dict[str, Any]:
    started, ended = as_us(row["started"]), as_us(row["ended"])
    return {
        "session_id": row["session_id"],
        "started": started,
        "duration_s": (ended - started) / 1e6 if started is not None and ended is not None else None,
        "what": row["title"] or row["asked"],
        "project": row["project"],
        "calls": int(row["calls"] or 0),
        "errors": int(row["errors"] or 0),
        "tokens": int(row["tokens"] or 0) or None,
        "cost_usd": row["cost_usd"],
    }


def _has_all(row: dict[str, Any], words: list[str]) -> bool:
    text = " ".join(str(row[name] or "") for name in _SEARCHED).casefold()
    return all(word in text for word in words)


def _is_wanted(row: dict[str, Any], only: str | None) -> bool:
    return only != "failures" or row["errors"] > 0


def link_of(row: Mapping[str, Any]) -> str | None:
    """Where a row with a session leads."""
    return f"/session/{quote(str(row['session_id']), safe='')}" if row.get("session_id") else None


def _table(look: Look, rows: list[dict[str, Any]], *, searched: bool) -> Table:
    columns = [
        Column("started", "Started", "time"),
        Column("what", "What", link=link_of),
        Column(
            "project",
            "Project",
            "place",
            link=lambda row: look.filters.link(project=row["project"]) if row["project"] else None,
        ),
        Column("duration_s", "Time", "duration", is_minor=True),
        Column("calls", "Calls", "number", is_minor=True),
        Column("errors", "Failures", "number", is_minor=True),
        Column("tokens", "Tokens", "tokens", is_minor=True),
        Column("cost_usd", "Cost", "money"),
        Column("session_id", "Session", "id", is_minor=True),
    ]
    empty = (
        "No session of this period has all of these words. Search finds what was said and done in them."
        if searched
        else "No session in this period. Start Claude Code, run `activity-mcp import`, or choose a longer period."
    )
    return Table("sessions", "Sessions", columns, rows, order="-started", empty=empty)


VIEW = View("sessions", "Sessions", "/sessions", load, filters=("days", "project"))
