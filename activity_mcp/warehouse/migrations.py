"""Bringing an embedded warehouse file to this version's layout, and refusing one that is newer.

The statements are the generated translation of ``sql/`` and are idempotent, so that deploying is running all of them. An
older layout is migrated only after its file was copied beside itself; a newer one raises WarehouseNewer and is not touched.
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any

from ..activity import sha256_hex
from ..errors import WarehouseNewer

if TYPE_CHECKING:
    import duckdb

LAYOUT_VERSION = 1
REFRESH_FILE = "03_refresh.sql"
_RUN_PREFIX = "run_"  # the bodies of tasks and procedures: run when they are due, not deployed

_GENERATED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "generated")
_SEPARATOR = "-- statement\n"
_CONDITION = "-- if: "


@functools.cache
def statements_of(name: str) -> tuple[str, ...]:
    """The statements of one generated file, in order."""
    with open(os.path.join(_GENERATED, name), encoding="utf-8") as file:
        _, *statements = file.read().split(_SEPARATOR)
    return tuple(statement.strip().rstrip(";") for statement in statements)


@functools.cache
def refresh_sequence() -> tuple[tuple[str | None, duckdb.Statement], ...]:
    """The statements that follow each batch, parsed: parsing is a sixth of what running them on a small batch costs.

    Before each stands the query without whose rows it would change nothing, if there is one.
    """
    import duckdb

    return tuple((_condition(text), duckdb.extract_statements(text)[0]) for text in statements_of(REFRESH_FILE))


def _condition(text: str) -> str | None:
    first = text.split("\n", 1)[0]
    return first.removeprefix(_CONDITION) if first.startswith(_CONDITION) else None


@functools.cache
def deployment_files() -> tuple[str, ...]:
    """The generated files that make the layout, in order; the refresh sequence and its like are run, not deployed."""
    names = sorted(name for name in os.listdir(_GENERATED) if name.endswith(".sql") and name != REFRESH_FILE)
    return tuple(name for name in names if not name.startswith(_RUN_PREFIX))


@functools.cache
def checksums() -> dict[str, str]:
    """SHA-256 of each deployment file's statements, by name."""
    return {name: sha256_hex("\0".join(statements_of(name))) for name in deployment_files()}


def layout_of(connection: duckdb.DuckDBPyConnection) -> int:
    """The layout version of an open file; 0 when nothing was deployed yet."""
    rows = _rows_of(connection, "SELECT MAX(version) FROM ACTIVITY_SCHEMA_VERSION")
    return int(rows[0][0] or 0) if rows else 0


def is_current(connection: duckdb.DuckDBPyConnection) -> bool:
    """True when exactly this version's statements were deployed into the open file."""
    return dict(_rows_of(connection, "SELECT file_name, sha256 FROM DEPLOYED_FILES")) == checksums()


def deploy(connection: duckdb.DuckDBPyConnection, now: str) -> None:
    """Run every statement of the layout in one transaction, and note the checksums. Idempotent."""
    connection.execute("BEGIN TRANSACTION")
    try:
        for name in deployment_files():
            for statement in statements_of(name):
                connection.execute(statement)
        connection.execute("DELETE FROM DEPLOYED_FILES")
        connection.executemany("INSERT INTO DEPLOYED_FILES VALUES (?, ?, ?)", [(*item, now) for item in checksums().items()])
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


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
