"""Appending: a batch's rows and its channel's offset in one transaction, by compare-and-set.

Of ``RowsAlike`` the engine is handed what each row has of its own, and the columns that many have alike once: it repeats these
itself, which costs it a tenth of taking them from Python for each row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import OffsetConflict
from ..base import COLUMNS, OwnColumns, RowsAlike
from .folding import UNFOLDED

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from ..base import Batch, Row

_COLUMN_LIST = ", ".join(COLUMNS)
_OWN_COLUMNS = OwnColumns._fields[:-1]
_SHARED_COLUMNS = tuple(name for name in COLUMNS if name not in _OWN_COLUMNS)
_SHARED_PLACES = tuple(COLUMNS.index(name) for name in _SHARED_COLUMNS)
ROWS_AT_ONCE = 100
"""What the engine takes from Python in one call, during which no other thread runs."""
_BATCH, _OWN, _SHARED = "BATCH", "BATCH_OWN", "BATCH_SHARED"


def _made(table: str, columns: Sequence[str], *more: str) -> str:
    """The statement that makes a temporary table for these columns of the stream, so that they are converted as there."""
    return f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {', '.join((*columns, *more))} FROM CLAUDE_STREAM_V2 LIMIT 0"  # noqa: S608


def _stored(rows: str) -> tuple[str, ...]:
    return tuple(
        f"""
        INSERT INTO {table} ({_COLUMN_LIST}, loaded_at, hour_start)
        SELECT {_COLUMN_LIST}, CAST($now AS TIMESTAMP), DATE_TRUNC('hour', ts) FROM {rows}
    """  # noqa: S608 - our own names
        for table in ("CLAUDE_STREAM_V2", UNFOLDED)
    )


_MAKE_BATCH = (_made(_BATCH, COLUMNS),)
_STORE_BATCH = _stored(_BATCH)
_MAKE_ALIKE = (_made(_OWN, _OWN_COLUMNS, "0 AS alike"), _made(_SHARED, _SHARED_COLUMNS, "0 AS alike"))
_STORE_ALIKE = _stored(f"{_OWN} INNER JOIN {_SHARED} USING (alike)")


def append_batch(connection: duckdb.DuckDBPyConnection, batch: Batch, now: str) -> None:
    """Append it, loaded ``now``. Raises OffsetConflict, and what the engine raises."""
    for statement in _MAKE_ALIKE if isinstance(batch.rows, RowsAlike) else _MAKE_BATCH:
        connection.execute(statement)
    connection.execute("BEGIN TRANSACTION")
    found = committed_offset(connection, batch.channel_id)
    if found != batch.expected:
        raise OffsetConflict(
            f"channel {batch.channel_id} is at {found}, not at {batch.expected}; nothing was written",
            found=found,
        )
    _write(connection, batch, now)
    connection.execute("COMMIT")


def _write(connection: duckdb.DuckDBPyConnection, batch: Batch, now: str) -> None:
    for statement in _fill_batch(connection, batch.rows):
        connection.execute(statement, {"now": now})
    if batch.expected is None:
        connection.execute("INSERT INTO CHANNEL_OFFSETS VALUES (?, ?, ?)", [batch.channel_id, batch.offset, now])
    else:
        connection.execute(
            "UPDATE CHANNEL_OFFSETS SET committed_offset = ?, updated_at = ? WHERE channel_id = ?",
            [batch.offset, now, batch.channel_id],
        )


def _fill_batch(connection: duckdb.DuckDBPyConnection, rows: Sequence[Row]) -> tuple[str, ...]:
    """Hand the rows over. Returns the statements that store them, which need the time of loading (``now``)."""
    if not isinstance(rows, RowsAlike):
        _fill(connection, _BATCH, rows)
        return _STORE_BATCH if rows else ()
    _fill(connection, _OWN, rows.own)
    _fill(connection, _SHARED, [(*(row[at] for at in _SHARED_PLACES), like) for like, row in enumerate(rows.shared)])
    return _STORE_ALIKE


def _fill(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    appender = connection.appender(table)
    try:
        for start in range(0, len(rows), ROWS_AT_ONCE):
            appender.append_rows(rows[start : start + ROWS_AT_ONCE])
        appender.flush()
    except BaseException:
        appender.clear()  # else it tries again when it is collected
        raise


def committed_offset(connection: duckdb.DuckDBPyConnection, channel_id: str) -> str | None:
    """The channel's offset; None if it was never written."""
    return first_value(connection, "SELECT committed_offset FROM CHANNEL_OFFSETS WHERE channel_id = ?", channel_id)


def first_value(connection: duckdb.DuckDBPyConnection, sql: str, parameter: str) -> str | None:
    """The first value of the first row. Fetched whole: an unfinished result would block the appender after it."""
    rows = connection.execute(sql, [parameter]).fetchall()
    return rows[0][0] if rows else None
