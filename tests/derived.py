"""What an embedded warehouse has derived from its stream, as values that two files of the same rows have in common."""

from __future__ import annotations

from typing import Any

import duckdb

from activity_mcp.warehouse import Row
from activity_mcp.warehouse.base import COLUMNS

_TABLES = {
    "CLAUDE_STREAM_V2": "SELECT * EXCLUDE (loaded_at) FROM CLAUDE_STREAM_V2",
    "SUPERSEDED": "SELECT channel_id, stream_offset, activity_id, kept_channel_id, kept_stream_offset FROM SUPERSEDED",
    "CONTEXT_CACHE": "SELECT customer, project, context_blob, watermark FROM CONTEXT_CACHE",
    "CONTEXT_COUNTS": "SELECT * EXCLUDE (batch_key) FROM CONTEXT_COUNTS WHERE calls <> 0",
    "CONTEXT_HOURS": "SELECT * EXCLUDE (refreshed_at) FROM CONTEXT_HOURS",
    "CONTEXT_ITEMS": "SELECT * EXCLUDE (refreshed_at) FROM CONTEXT_ITEMS",
    "INSIGHT_ATOMS": "SELECT insight_id, is_quarantined, quarantine_reason FROM INSIGHT_ATOMS",
    "SCHEMA_DRIFT": "SELECT * EXCLUDE (updated_at) FROM SCHEMA_DRIFT WHERE occurrences <> 0",
    "SUM(calls)": "SELECT SUM(calls) FROM CONTEXT_COUNTS WHERE project = '*'",
    "not folded": "SELECT COUNT(*) FROM CLAUDE_STREAM_V2_UNFOLDED",
}


def stored_rows(path: str) -> list[Row]:
    """The rows of the stream, in the order of their offsets."""
    columns = ", ".join("STRFTIME(ts, '%Y-%m-%dT%H:%M:%S.%fZ')" if name == "ts" else name for name in COLUMNS)
    with duckdb.connect(path, read_only=True) as connection:
        rows = connection.execute(f"SELECT {columns} FROM CLAUDE_STREAM_V2 ORDER BY stream_offset").fetchall()
    return [Row(*values) for values in rows]


def derived(path: str) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of each, in an order of their own; what says when or in which run it was made is left out."""
    with duckdb.connect(path, read_only=True) as connection:
        return {name: sorted(connection.execute(query).fetchall(), key=str) for name, query in _TABLES.items()}
