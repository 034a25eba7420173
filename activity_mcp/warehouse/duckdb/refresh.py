"""The refresh sequence on the embedded engine: at each fold, and over the whole stream where contexts are rebuilt.

It reads what it folds from a temporary table that bears the name of Snowflake's stream.
"""

from __future__ import annotations

import functools
import re
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from .generated_sql import REFRESH_FILE, facts_of, statements_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

STREAM = "CLAUDE_STREAM_V2_STREAM"
MAKE_STREAM = f"CREATE OR REPLACE TEMP TABLE {STREAM} AS SELECT * FROM CLAUDE_STREAM_V2 LIMIT 0"  # noqa: S608 - both names are ours
CONTEXT_TABLES = ("CONTEXT_COUNTS", "CONTEXT_HOURS", "CONTEXT_ITEMS", "CONTEXT_CACHE")
"""What is derived from the stream and nothing else, and so can be rebuilt from it."""

_NOTE_RUN = f"""
    INSERT INTO REFRESH_RUNS
    SELECT MAX(channel_id || ' ' || stream_offset), COUNT(*), MIN(ts), MAX(ts), utc_now(), ? FROM {STREAM} HAVING COUNT(*) > 0
"""  # noqa: S608 - the name is ours
_CONTEXT_STATEMENT = re.compile(rf"^(MERGE INTO|DELETE FROM) ({'|'.join(CONTEXT_TABLES)})\b", re.MULTILINE)
_CHUNK_ROWS = 10_000
_CHUNK_BYTES = 4 << 20
"""Of JSON text, of which the refresh makes up to a hundred times as much memory."""
_REBUILD_MEMORY = "2GB"
_TAKE_CHUNK = f"""
    INSERT INTO {STREAM}
    SELECT * FROM CLAUDE_STREAM_V2 AS event
    WHERE event.rowid > ? AND event.rowid <= ? AND NOT EXISTS (
        SELECT 1 FROM SUPERSEDED AS outranked
        WHERE outranked.channel_id = event.channel_id
            AND outranked.stream_offset = event.stream_offset AND outranked.ts = event.ts
    ) AND NOT EXISTS (
        SELECT 1 FROM CLAUDE_STREAM_V2_UNFOLDED AS waiting
        WHERE waiting.channel_id = event.channel_id AND waiting.stream_offset = event.stream_offset AND waiting.ts = event.ts
    )
"""  # noqa: S608 - the name is ours


class Step(NamedTuple):
    """A statement of the sequence: it ``asks`` for facts, or changes nothing unless one of those it ``needs`` is true."""

    asks: tuple[str, ...]
    needs: tuple[str, ...]
    statement: duckdb.Statement

    def run(self, connection: duckdb.DuckDBPyConnection, facts: dict[str, Any]) -> None:
        parameters = {name: facts[name] for name in self.statement.named_parameters}
        found = connection.execute(self.statement, parameters or None)
        if self.asks:
            facts.update(zip(self.asks, found.fetchall()[0], strict=True))

    def is_spared(self, facts: Mapping[str, Any]) -> bool:
        return bool(self.needs) and not any(facts[name] for name in self.needs)


@functools.cache
def refresh_sequence() -> tuple[Step, ...]:
    """The statements that follow each batch, parsed: parsing is a sixth of what running them on a small batch costs."""
    import duckdb

    return tuple(
        Step(facts_of(text, "asks"), facts_of(text, "needs"), duckdb.extract_statements(text)[0])
        for text in statements_of(REFRESH_FILE)
    )


def refresh(connection: duckdb.DuckDBPyConnection) -> None:
    """The refresh sequence, without the statements that have nothing to do: planning each costs more than a small batch."""
    facts: dict[str, Any] = {}
    started = time.perf_counter()
    for step in refresh_sequence():
        if not step.is_spared(facts):
            step.run(connection, facts)
    connection.execute(_NOTE_RUN, [round((time.perf_counter() - started) * 1000)])


def rebuild_contexts(connection: duckdb.DuckDBPyConnection) -> None:
    """Rebuild CONTEXT_TABLES from the stream and SUPERSEDED, without what is not folded yet. To be run inside a transaction.

    What a transaction has changed stays in memory until it ends: so this rare one may hold more than a flush, and the engine is
    to be closed afterwards, because its limit cannot be lowered again before the memory is free. ``row_version`` starts again:
    a reader that compares it with an earlier one must forget that one.
    """
    connection.execute(f"SET memory_limit = '{_REBUILD_MEMORY}'")
    for table in CONTEXT_TABLES:
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own name
    connection.execute("UPDATE SUPERSEDED SET batch_key = NULL")  # no run of these outranks anything
    start, end = -1, _end_of_chunk(connection, -1)
    while end is not None:
        connection.execute(MAKE_STREAM)
        connection.execute(_TAKE_CHUNK, [start, end])
        facts: dict[str, Any] = {}
        for step in refresh_sequence():
            if step.asks or _CONTEXT_STATEMENT.search(step.statement.query):
                step.run(connection, facts)
        start, end = end, _end_of_chunk(connection, end)
    connection.execute(MAKE_STREAM)


def _end_of_chunk(connection: duckdb.DuckDBPyConnection, start: int) -> int | None:
    """The last row id of the next chunk; None behind the last. Ids have gaps; those of rows not yet committed are immense."""
    chunk = """
        SELECT rowid AS id, STRLEN(feature_json) AS size FROM CLAUDE_STREAM_V2 WHERE rowid > ? ORDER BY rowid LIMIT ?
    """
    ends = connection.execute(
        f"SELECT id, SUM(size) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) FROM ({chunk}) ORDER BY id",  # noqa: S608
        [start, _CHUNK_ROWS],
    ).fetchall()
    if not ends:
        return None
    within: list[int] = [row_id for row_id, size in ends if size <= _CHUNK_BYTES]
    return within[-1] if within else int(ends[0][0])
