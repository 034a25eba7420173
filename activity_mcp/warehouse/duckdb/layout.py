"""Bringing an embedded warehouse file to this version's layout, and refusing one that is newer.

The statements are the generated translation of ``sql/`` and are idempotent, so that deploying is running all of them. An
older layout is migrated only after its file was copied beside itself; a newer one raises WarehouseNewer and is not touched.
"""

from __future__ import annotations

import functools
import os
import re
from typing import TYPE_CHECKING, Any

from ...activity import sha256_hex
from ...errors import WarehouseNewer
from ..base import LAYOUT_VERSION
from .generated_sql import GENERATED, REFRESH_FILE, statements_of
from .place import check_files
from .rebuilding import rebuild_contexts
from .refresh import CONTEXT_TABLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

_TABLE = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)")
_RENAMED = (("INSIGHT_ATOMS", "quarantined", "is_quarantined"),)
"""Columns that an older layout called otherwise: table, then, now."""
_CONTEXTS_SINCE = 3
"""The layout before which the tables of the contexts held something else."""
_STORE_HOURS = (
    "ALTER TABLE CLAUDE_STREAM_V2 ADD COLUMN hour_start TIMESTAMP",
    "ALTER TABLE CLAUDE_STREAM_V2 ALTER COLUMN hour_start SET DATA TYPE TIMESTAMP USING DATE_TRUNC('hour', ts)",
)
"""A rewrite of one column, block by block: an UPDATE would hold a million rows' versions in memory."""

_RUN_PREFIX = "run_"  # the bodies of tasks and procedures: run when they are due, not deployed


_HAS_COLUMN = """
    SELECT 1 FROM duckdb_columns()
    WHERE database_name = current_database() AND table_name = ? AND column_name = ?
"""
_COLUMNS = """
    SELECT column_name, data_type FROM duckdb_columns()
    WHERE database_name = current_database() AND table_name = ?
"""


@functools.cache
def deployment_files() -> tuple[str, ...]:
    """The generated files that make the layout, in order; the refresh sequence and its like are run, not deployed."""
    names = sorted(name for name in os.listdir(GENERATED) if name.endswith(".sql") and name != REFRESH_FILE)
    return tuple(name for name in names if not name.startswith(_RUN_PREFIX))


@functools.cache
def checksums() -> dict[str, str]:
    """SHA-256 of each deployment file's statements, by name."""
    return {name: sha256_hex("\0".join(statements_of(name))) for name in deployment_files()}


def layout_of(connection: duckdb.DuckDBPyConnection) -> int:
    """The layout version of an open file; 0 when nothing was deployed yet."""
    rows = _rows_of(connection, "SELECT MAX(version) FROM ACTIVITY_SCHEMA_VERSION")
    return int(rows[0][0] or 0) if rows else 0


def foreign_tables(path: str) -> list[str]:
    """Tables in the file at ``path`` that no version of this package makes: somebody else keeps them there.

    Empty where there is no such file, or none that can be read (it holds nothing that could differ then). Raises
    WarehouseRefused for what is no file.
    """
    import duckdb

    check_files(path)
    if not os.path.isfile(path):
        return []
    try:
        with duckdb.connect(path, read_only=True) as connection:
            found = connection.execute("SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal").fetchall()
    except duckdb.Error:
        return []
    statements = "\n".join(text for name in deployment_files() for text in statements_of(name))
    own = {name.upper() for name in _TABLE.findall(statements)}
    return [f"{schema}.{table}" for schema, table in found if schema != "main" or table.upper() not in own]


def is_current(connection: duckdb.DuckDBPyConnection) -> bool:
    """True when exactly this version's statements were deployed into the open file."""
    return dict(_rows_of(connection, "SELECT file_name, sha256 FROM DEPLOYED_FILES")) == checksums()


def deploy(connection: duckdb.DuckDBPyConnection, now: str, memory: str) -> bool:
    """Run every statement of the layout in one transaction, and note the checksums. Idempotent.

    Where the layout was an older one, columns get their present names, rows the hour they are in, and the tables of the
    contexts, where they were others, are rebuilt from the stream in that ``memory``: then the answer is True. All of it or
    nothing: what was interrupted is done again at the next opening.
    """
    found = layout_of(connection)
    has_other_contexts = bool(found) and (found < _CONTEXTS_SINCE or _have_other_columns(connection, CONTEXT_TABLES))
    connection.execute("BEGIN TRANSACTION")
    try:
        for table in CONTEXT_TABLES if has_other_contexts else ():
            connection.execute(f"DROP TABLE IF EXISTS {table}")
        for table, then, now_called in _RENAMED:
            if _has_column(connection, table, then):
                connection.execute(f"ALTER TABLE {table} RENAME COLUMN {then} TO {now_called}")
        if found and not _has_column(connection, "CLAUDE_STREAM_V2", "hour_start"):
            for statement in _STORE_HOURS:
                connection.execute(statement)
        for name in deployment_files():
            for statement in statements_of(name):
                connection.execute(statement)
        connection.execute("DELETE FROM DEPLOYED_FILES")
        connection.executemany("INSERT INTO DEPLOYED_FILES VALUES (?, ?, ?)", [(*item, now) for item in checksums().items()])
        if has_other_contexts:
            rebuild_contexts(connection, memory)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return has_other_contexts


def _have_other_columns(connection: duckdb.DuckDBPyConnection, tables: Sequence[str]) -> bool:
    """Whether one of them is not what this version's statements would make: it is not there, or has a column too few or many.

    A build between two releases may have the number of a layout and not yet all of it.
    """
    import duckdb

    with duckdb.connect() as made:
        for text in (text for name in deployment_files() for text in statements_of(name)):
            creates = _TABLE.match(text)
            if creates and creates[1].upper() in tables:
                made.execute(text)
        return any(_columns_of(made, table) != _columns_of(connection, table) for table in tables)


def _columns_of(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple[str, str]]:
    return sorted((name, kind) for name, kind in connection.execute(_COLUMNS, [table]).fetchall())


def _has_column(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> bool:
    return bool(connection.execute(_HAS_COLUMN, [table, column]).fetchall())


def _rows_of(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Any]:
    """The rows, or none where the table is not there yet: asking the catalog first costs 20 ms at each opening."""
    import duckdb

    try:
        return connection.execute(sql).fetchall()
    except duckdb.CatalogException:
        return []


def refuse_newer(path: str, found: int) -> None:
    if found > LAYOUT_VERSION:
        raise WarehouseNewer(
            f"{path} has layout {found}, this version knows {LAYOUT_VERSION}; nothing was written, the queue holds it all",
            hint="upgrade activity-mcp",
        )
