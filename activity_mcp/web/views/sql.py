"""SQL: a read-only question to the record, with the views' columns beside it. The statement is in the URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..tables import Column, Table
from ..view import View

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..view import Look

WAIT_S = 22.0
MAX_SQL_CHARS = 20_000
_COLUMNS = """\
SELECT LOWER(table_name) AS table_name, LOWER(column_name) AS column_name, LOWER(data_type) AS data_type
FROM information_schema.columns
WHERE UPPER(table_schema) = UPPER(CURRENT_SCHEMA())
ORDER BY table_name, ordinal_position"""
_FIRST = (
    "vw_activity_stream", "vw_tool_events", "vw_sql_events", "vw_llm_events", "vw_file_events", "vw_session_events",
    "vw_mcp_events", "vw_system_events", "vw_product_metrics", "artifacts", "insight_atoms", "schema_drift",
)  # fmt: skip
"""What ``query`` offers, in the order of its use."""
EXAMPLES = {
    "Cost by day and model": """\
SELECT DATE_TRUNC('DAY', ts) AS day, model, COUNT(*) AS requests, ROUND(SUM(cost_usd), 2) AS cost_usd
FROM VW_LLM_EVENTS
WHERE ts >= DATEADD('DAY', -14, CURRENT_TIMESTAMP())
GROUP BY 1, 2
ORDER BY 1 DESC, 4 DESC""",
    "Tools by failures": """\
SELECT tool_name, COUNT(*) AS calls, COUNT_IF(NOT success) AS failures, ROUND(APPROX_PERCENTILE(latency_ms, 0.95)) AS p95_ms
FROM VW_TOOL_EVENTS
GROUP BY 1
ORDER BY 3 DESC, 2 DESC""",
    "Files changed most": """\
SELECT file_path, COUNT(*) AS changes, COUNT(DISTINCT session_id) AS sessions, MAX(ts) AS last
FROM VW_FILE_EVENTS
WHERE operation <> 'read'
GROUP BY 1
ORDER BY 2 DESC
LIMIT 30""",
    "The newest hundred activities": """\
SELECT ts, event_name, activity, project, session_id
FROM VW_ACTIVITY_STREAM
ORDER BY ts DESC
LIMIT 100""",
}


def load(look: Look) -> dict[str, Any]:
    sql = (look.filters.get("q") or "").strip()[:MAX_SQL_CHARS]
    found: dict[str, Any] = {"sql": sql, "examples": EXAMPLES, "objects": _objects(look), "result": None, "tables": []}
    if not sql:
        return found
    answer = look.ask(sql, WAIT_S)
    if answer.state not in {"pending", "failed"}:
        found["result"] = {"rows": len(answer.rows), "truncated": answer.truncated}
        found["tables"] = [_table(answer.columns, answer.rows)]
    return found


def _objects(look: Look) -> list[tuple[str, list[tuple[str, str]]]]:
    """Every view and table with its columns and their types: those that ``query`` offers first, the rest by name."""
    by_name: dict[str, list[tuple[str, str]]] = {}
    for row in look.ask(_COLUMNS).rows:
        by_name.setdefault(str(row["table_name"]), []).append((str(row["column_name"]), str(row["data_type"])))
    rest = sorted(name for name in by_name if name not in _FIRST)
    return [(name, by_name[name]) for name in (*_FIRST, *rest) if name in by_name]


def _table(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Table:
    """The result as it came: numbers to the right, no column hidden on a narrow screen."""
    columns = [Column(name, name, _kind(name, rows)) for name in names]
    return Table("result", "Result", columns, [dict(row) for row in rows], empty="The statement gave no row.", per_page=100)


def _kind(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    known = [row[name] for row in rows[:200] if row[name] is not None]
    return "figure" if known and all(type(value) in (int, float) for value in known) else "text"


VIEW = View("sql", "SQL", "/sql", load)
