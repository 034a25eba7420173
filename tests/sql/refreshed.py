"""A warehouse in memory that takes batches as the embedded one does, at a time that stands still; and its tables as values."""

from __future__ import annotations

import json
import random
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

import duckdb

from activity_mcp.warehouse.duckdb.generated_sql import facts_of
from activity_mcp.warehouse.duckdb.refresh import Step
from duckdb_sql import generate, read_generated
from sql.refresh_events import COLUMNS, NOW
from sql.support import AS_VARIANT, ROOT, statements

Row = dict[str, Any]
JSON_COLUMNS = {"context_blob", "watermark", "value", "source_events", "sample_rows", "content_schema", "bucket", "item"}
BOOKKEEPING = {"updated_at", "refreshed_at", "row_version", "batch_key", "quarantined_at", "superseded_at", "drift_id"}


class Refreshed:
    """``take`` inserts rows and runs the refresh sequence over them. ``skipping`` is what the flusher does: leave out the
    steps that need a fact which is not so; else they run for nothing. ``checked``: fail where a timestamp goes into a VARIANT."""

    def __init__(self, *, now: datetime = NOW, skipping: bool = True, checked: bool = False) -> None:
        self.connection = duckdb.connect(":memory:", config={"threads": 1})
        for statement in tables():
            self.connection.execute(statement)
        self._skipping = skipping
        self._sequence = sequence()
        if checked:
            self.connection.execute(AS_VARIANT)
            self._sequence = parsed(read_generated(generate(ROOT, checked=True, only=["03_refresh.sql"])["03_refresh.sql"]))
        self.set_clock(now)

    def set_clock(self, now: datetime) -> None:
        self.connection.execute(f"CREATE OR REPLACE MACRO utc_now() AS TIMESTAMP '{now}'")

    def take(self, *rows: Row) -> None:
        connection = self.connection
        connection.execute("CREATE OR REPLACE TEMP TABLE CLAUDE_STREAM_V2_STREAM AS SELECT * FROM CLAUDE_STREAM_V2 LIMIT 0")
        connection.execute("BEGIN TRANSACTION")
        appender = connection.appender("CLAUDE_STREAM_V2_STREAM", columns=list(COLUMNS))
        appender.append_rows([[_encoded(name, row[name]) for name in COLUMNS] for row in rows])
        appender.flush()
        connection.execute("INSERT INTO CLAUDE_STREAM_V2 SELECT * FROM CLAUDE_STREAM_V2_STREAM")
        facts: dict[str, Any] = {}
        for step in self._sequence:
            if not (self._skipping and step.is_spared(facts)):
                step.run(connection, facts)
        connection.execute("COMMIT")

    def take_in_cuts(self, rows: list[Row], cuts: list[int]) -> None:
        """All rows in batches of these sizes, the last size repeated."""
        start = 0
        for size in [*cuts, *[cuts[-1]] * len(rows)]:
            if start < len(rows):
                self.take(*rows[start : start + size])
            start += size

    def rows(self, table: str) -> list[Row]:
        cursor = self.connection.execute(f"SELECT * FROM {table}")
        names = [column[0] for column in cursor.description]
        return [
            {name: _decoded(name, value) for name, value in zip(names, values, strict=True)} for values in cursor.fetchall()
        ]

    def contexts(self) -> dict[tuple[str, str], dict[str, Any]]:
        return {
            (row["customer"], row["project"]): settled(
                {"blob": row["context_blob"], "watermark": row["watermark"], "org_id": row["org_id"]}
            )
            for row in self.rows("CONTEXT_CACHE")
        }

    def blob(self, customer: str = "ada@example.com", project: str = "*") -> dict[str, Any]:
        return dict(self.contexts()[customer, project]["blob"])

    def superseded(self) -> set[tuple[str, str]]:
        return {(row["channel_id"], row["stream_offset"]) for row in self.rows("SUPERSEDED")}

    def keyed(self, table: str, *key: str) -> dict[Any, Any]:
        """The rows of a table by their key, without what only tells of the run that wrote them."""
        found = {}
        for row in self.rows(table):
            name = tuple(row[part] for part in key) if len(key) > 1 else row[key[0]]
            assert name not in found
            found[name] = settled({column: value for column, value in row.items() if column not in BOOKKEEPING})
        return found


@cache
def tables() -> tuple[duckdb.Statement, ...]:
    """What the sequence reads and writes; no view."""
    names = ("00_macros.sql", "01_migration_setup.sql", "02_artifacts.sql")
    texts = [text for name in names for text in statements(name) if not text.startswith("CREATE OR REPLACE VIEW")]
    texts += [text for text in statements("90_monitoring.sql") if "CREATE TABLE IF NOT EXISTS" in text]
    return tuple(duckdb.extract_statements(text)[0] for text in texts)


@cache
def sequence() -> tuple[Step, ...]:
    return parsed(statements("03_refresh.sql"))


def parsed(texts: list[str]) -> tuple[Step, ...]:
    return tuple(Step(facts_of(text, "asks"), facts_of(text, "needs"), duckdb.extract_statements(text)[0]) for text in texts)


def settled(value: Any) -> Any:
    """A value to compare: numbers alike, and without empty members, which may be left out of any object."""
    if isinstance(value, dict):
        members = {name: settled(member) for name, member in value.items()}
        return {name: member for name, member in members.items() if member is not None and member != [] and member != {}}
    if isinstance(value, list):
        return [settled(item) for item in value]
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return round(float(value), 6)
    return value


def shuffled(rows: list[Row], seed: int) -> list[Row]:
    return random.Random(seed).sample(rows, len(rows))


def _encoded(name: str, value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if name == "feature_json" and value is not None else value


def _decoded(name: str, value: Any) -> Any:
    return json.loads(value) if name in JSON_COLUMNS and value is not None else value


def scans_of(operators: list[dict[str, Any]], table: str) -> list[tuple[int, int]]:
    """For each scan of the table how many of its row groups it looked at."""
    found = []
    for operator in operators:
        if str(operator["extra_info"].get("Table", "")).endswith(f".{table}"):
            found.append((operator["row_groups_scanned"], operator["total_row_groups_to_scan"]))
        found += scans_of(operator.get("children", []), table)
    return found
