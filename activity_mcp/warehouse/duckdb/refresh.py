"""The refresh sequence on the embedded engine.

It reads what it folds from a temporary table that bears the name of Snowflake's stream.
"""

from __future__ import annotations

import functools
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

    with duckdb.connect(":memory:", config={"threads": 1}) as parser:  # the module's own engine would stay in memory
        return tuple(
            Step(facts_of(text, "asks"), facts_of(text, "needs"), parser.extract_statements(text)[0])
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
