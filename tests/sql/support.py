"""What the tests of the SQL share: where things are, an in-memory warehouse from the generated files, rows for the stream."""

from __future__ import annotations

import atexit
import json
import tempfile
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

ROOT = Path(__file__).resolve().parents[2]
SQL = ROOT / "sql"
GENERATED = ROOT / "activity_mcp" / "warehouse" / "duckdb" / "generated"
SCHEMAS = json.loads((ROOT / "schemas" / "event_schemas.json").read_text(encoding="utf-8"))
EVENT_NAMES = tuple(SCHEMAS["$defs"])
EPOCH = datetime(2026, 11, 1)

# For statements translated with checked=True: fails where a timestamp would be stored in a VARIANT.
AS_VARIANT = """
    CREATE OR REPLACE MACRO as_variant(x) AS CASE
        WHEN typeof(x) IN ('TIMESTAMP', 'TIMESTAMP WITH TIME ZONE', 'TIME', 'DATE') THEN error('a timestamp in a VARIANT')
        ELSE to_json(x)
    END
"""

STREAM_COLUMNS = (
    "activity_id", "ts", "customer", "activity", "anonymous_customer_id", "feature_json", "revenue_impact", "link",
    "event_name", "session_id", "project", "org_id", "source", "schema_version", "channel_id", "stream_offset", "loaded_at",
)  # fmt: skip


def statements(name: str) -> list[str]:
    """The statements of one generated file."""
    return (GENERATED / name).read_text(encoding="utf-8").split("\n-- statement\n")[1:]


def warehouse(connection: duckdb.DuckDBPyConnection | None = None) -> duckdb.DuckDBPyConnection:
    """The generated schema, deployed in the order of the file names; without a connection a copy of it, in memory."""
    if connection is None:
        return _copied()
    for path in sorted(GENERATED.glob("*.sql")):
        if path.name != "03_refresh.sql" and not path.name.startswith("run_"):
            for statement in statements(path.name):
                connection.execute(statement)
    return connection


def _copied() -> duckdb.DuckDBPyConnection:
    """Deploying takes half a second, a copy of what was deployed once a tenth of that."""
    made = duckdb.connect(":memory:", config={"threads": 1})
    made.execute(f"ATTACH '{_deployed()}' AS deployed (READ_ONLY)")
    made.execute("COPY FROM DATABASE deployed TO memory")
    made.execute("DETACH deployed")
    return made


@cache
def _deployed() -> str:
    directory = tempfile.TemporaryDirectory()
    atexit.register(directory.cleanup)
    path = f"{directory.name}/deployed.duckdb"
    with duckdb.connect(path, config={"threads": 1}) as connection:
        warehouse(connection)
    return path


def stream_row(number: int, event_name: str, features: Any, **columns: Any) -> dict[str, Any]:
    """A row of the stream with every column set; ``features`` is the value in feature_json, or None for SQL NULL."""
    row = {
        "activity_id": f"id-{number:06d}",
        "ts": EPOCH + timedelta(seconds=number),
        "customer": "ada@example.com",
        "activity": "used_tool",
        "anonymous_customer_id": "host_1",
        "feature_json": features,
        "revenue_impact": None,
        "link": None,
        "event_name": event_name,
        "session_id": "s1",
        "project": "/work",
        "org_id": None,
        "source": "hook",
        "schema_version": "1",
        "channel_id": "ch",
        "stream_offset": f"{1:012d}:{number:012d}:{0:08x}",
        "loaded_at": EPOCH,
    }
    return row | columns


def insert_stream(connection: duckdb.DuckDBPyConnection, rows: list[dict[str, Any]]) -> None:
    """Append rows to CLAUDE_STREAM_V2; features are encoded as JSON, except a None, which is SQL NULL."""
    appender = connection.appender("CLAUDE_STREAM_V2", columns=[*STREAM_COLUMNS, "hour_start"])
    encoded = [[*(_encoded(name, row[name]) for name in STREAM_COLUMNS), _hour(row["ts"])] for row in rows]
    appender.append_rows(encoded)
    appender.flush()


def _hour(ts: datetime) -> datetime:
    return ts.replace(minute=0, second=0, microsecond=0)


def _encoded(name: str, value: Any) -> Any:
    if name == "feature_json" and value is not None:
        return "null" if value is JSON_NULL else json.dumps(value, ensure_ascii=False)
    return value


class _JsonNull:
    """A JSON null as the whole of feature_json, where None would be SQL NULL."""

    def __repr__(self) -> str:
        return "JSON_NULL"


JSON_NULL = _JsonNull()


class Executed:
    """``Statements`` on a connection of the test's own."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def execute(self, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql, parameters or None).fetchall()


def table(connection: duckdb.DuckDBPyConnection, name: str) -> list[dict[str, Any]]:
    """All rows of a table or view, as dictionaries."""
    cursor = connection.execute(f"SELECT * FROM {name}")
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def fill(connection: duckdb.DuckDBPyConnection, name: str, rows: list[dict[str, Any]]) -> None:
    """Rows into a table; a column that a row does not name is NULL."""
    columns = sorted({column for row in rows for column in row})
    appender = connection.appender(name, columns=columns)
    appender.append_rows([[row.get(column) for column in columns] for row in rows])
    appender.flush()
