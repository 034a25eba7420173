"""Files: which were read and changed, how often, and in which session last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import statements
from ..tables import Column, Table
from ..view import SLOW_S, View
from .sessions import link_of

if TYPE_CHECKING:
    from ..view import Look

MAX_FILES = 5_000
_STATEMENT = """SELECT
    file_path, MAX(project) AS project, SUM(CASE WHEN operation = 'read' THEN 1 ELSE 0 END) AS reads,
    SUM(CASE WHEN operation = 'read' THEN 0 ELSE 1 END) AS changes, SUM(lines_affected) AS lines_affected,
    COUNT(DISTINCT session_id) AS sessions, MAX(ts) AS last_ts, MAX_BY(session_id, ts) AS session_id
FROM VW_FILE_EVENTS
{where}
GROUP BY file_path
ORDER BY last_ts DESC
LIMIT {limit}"""


def load(look: Look) -> dict[str, Any]:
    answer = look.ask(_STATEMENT.format(where=statements.where(look.conditions()), limit=MAX_FILES), SLOW_S)
    words = (look.filters.get("text") or "").casefold().split()
    rows = [row for row in answer.rows if all(word in str(row["file_path"]).casefold() for word in words)]
    if look.filters.get("only") == "changed":
        rows = [row for row in rows if row["changes"]]
    if len(answer.rows) >= MAX_FILES:
        look.notes.append(
            ("info", f"These are the {MAX_FILES:,} files that were touched last; a shorter period has all of its own.")
        )
    return {"tables": [_table(rows)]}


def _table(rows: list[dict[str, Any]]) -> Table:
    columns = [
        Column("file_path", "File", "path"),
        Column("project", "Project", "place", is_minor=True),
        Column("reads", "Reads", "number", is_minor=True),
        Column("changes", "Changes", "number"),
        Column("lines_affected", "Lines", "number", is_minor=True, hint="Lines added, removed or read"),
        Column("sessions", "Sessions", "number", is_minor=True),
        Column("last_ts", "Last", "time"),
        Column("session_id", "In session", "id", link=link_of),
    ]
    return Table("files", "Files", columns, rows, order="-last_ts", empty="No file was read or changed in this period.")


VIEW = View("files", "Files", "/files", load, filters=("days", "project"))
