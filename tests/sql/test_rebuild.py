"""REBUILD_CONTEXTS of sql/03: everything folded again, from a stream that shows what the table holds already."""

from __future__ import annotations

import re
from typing import Any

import duckdb
import pytest

from activity_mcp.warehouse.duckdb.dialect.rules import translate, translate_query
from activity_mcp.warehouse.duckdb.refresh import Step
from duckdb_sql.scripts import body_of
from lengths import some
from sql import refresh_oracle as oracle
from sql.refresh_events import COLUMNS, NOW, generate
from sql.refreshed import Refreshed, _encoded
from sql.support import SQL
from sql.test_refresh import ARTIFACT, ATOM, DRIFT, DRIFT_KEY, pick, settled_each


def statements() -> list[Step]:
    script = (SQL / "03_streams_tasks.sql").read_text(encoding="utf-8")
    script = re.sub(r"    CREATE OR REPLACE STREAM CLAUDE_STREAM_V2_STREAM.*?;\n", "", script, flags=re.DOTALL)
    made = []
    for found in body_of(script, "REBUILD_CONTEXTS"):
        text = translate_query(found.text, found.asks) if found.asks else translate(found.text)
        made.append(Step(found.asks, found.needs, duckdb.extract_statements(str(text))[0]))
    return made


def rebuild(made: Refreshed) -> None:
    """As the procedure does; what the new stream shows is the whole table."""
    connection = made.connection
    connection.execute("CREATE OR REPLACE TEMP TABLE CLAUDE_STREAM_V2_STREAM AS SELECT * FROM CLAUDE_STREAM_V2")
    connection.execute("BEGIN TRANSACTION")
    facts: dict[str, Any] = {}
    for step in statements():
        if not step.is_spared(facts):
            step.run(connection, facts)
    connection.execute("COMMIT")


@pytest.mark.long
@pytest.mark.parametrize("seed", some(range(700, 704), 1))
def test_what_is_rebuilt_is_what_the_rows_alone_give(seed: int) -> None:
    rows = generate(seed, 120, poison=0.2, repeats=0.4, days=0.5)
    made = Refreshed()
    made.take_in_cuts(rows, [31])
    rebuild(made)
    assert made.superseded() == oracle.superseded(rows)
    assert made.contexts() == settled_each(oracle.contexts(rows, NOW))
    assert pick(made.keyed("INSIGHT_ATOMS", "insight_id"), ATOM) == settled_each(oracle.atoms(rows))
    assert pick(made.keyed("ARTIFACTS", "artifact_id"), ARTIFACT) == settled_each(oracle.artifacts(rows))
    assert pick(made.keyed("SCHEMA_DRIFT", *DRIFT_KEY), DRIFT) == settled_each(oracle.drift(rows))


def test_what_a_stale_stream_never_showed_is_folded_with_it() -> None:
    rows = generate(710, 90, poison=0.2, repeats=0.4, days=0.3)
    made = Refreshed()
    made.take_in_cuts(rows[:60], [20])
    appender = made.connection.appender("CLAUDE_STREAM_V2", columns=list(COLUMNS))  # no run has seen these
    appender.append_rows([[_encoded(name, one[name]) for name in COLUMNS] for one in rows[60:]])
    appender.flush()
    rebuild(made)
    assert made.contexts() == settled_each(oracle.contexts(rows, NOW))
    assert pick(made.keyed("SCHEMA_DRIFT", *DRIFT_KEY), DRIFT) == settled_each(oracle.drift(rows))


def test_a_context_that_was_lost_is_there_again() -> None:
    rows = generate(720, 60)
    made = Refreshed()
    made.take(*rows)
    for table in ("CONTEXT_CACHE", "CONTEXT_COUNTS", "CONTEXT_HOURS", "CONTEXT_ITEMS"):
        made.connection.execute(f"DELETE FROM {table}")
    rebuild(made)
    assert made.contexts() == settled_each(oracle.contexts(rows, NOW))
