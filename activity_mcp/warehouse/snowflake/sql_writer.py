"""The writer for a connection that Snowpipe Streaming does not take: a password, a browser, an access token of somebody else's.

    append = in one transaction: the channel's offset is compared and set · the rows are inserted, a batch of JSON a statement

The same exactly once as with the embedded engine: rows and offset are one commit, and an offset that is not the expected one
writes nothing. Setting the offset comes first, because an UPDATE locks what it changes until the commit: a second writer of
the channel waits, and then finds another offset than it expects. A channel's first write has no row to lock; so it locks the
one row that is there for it, with the channel ''.

Unlike Snowpipe it needs a running warehouse: for one person who tries things out, or a team that may have no key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ...clock import SYSTEM_CLOCK
from ...errors import BatchRejected, OffsetConflict
from ..base import COLUMNS, REJECTED, UNBOUNDED, LeftOut
from .kept_session import KeptSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ...clock import Clock
    from ..base import Batch, Row
    from .connection import NamedConnection

CHUNK_BYTES = 4 << 20
"""Of JSON in one statement: a text may have 16 MB, and parsing needs room beside it."""
_SPECIAL = {
    "ts": "TRY_TO_TIMESTAMP_NTZ(sent.value:ts::VARCHAR)",
    "revenue_impact": "TRY_CAST(sent.value:revenue_impact::VARCHAR AS NUMBER(38, 9))",
    "feature_json": "sent.value:feature_json",
}
"""Columns that are no text; every other is."""
INSERT = (
    f"INSERT INTO {{schema}}.CLAUDE_STREAM_V2 ({', '.join(COLUMNS)}) SELECT "  # noqa: S608 - names of our own
    + ", ".join(_SPECIAL.get(name, f"sent.value:{name}::VARCHAR") for name in COLUMNS)
    + " FROM (SELECT PARSE_JSON(?) AS rows_sent) AS batch, LATERAL FLATTEN(INPUT => batch.rows_sent) AS sent"
)
_LOCK_FIRST = "UPDATE {schema}.CHANNEL_OFFSETS SET updated_at = SYSDATE() WHERE channel_id = ''"
_READ = "SELECT committed_offset FROM {schema}.CHANNEL_OFFSETS WHERE channel_id = ?"
_MOVE = (
    "UPDATE {schema}.CHANNEL_OFFSETS SET committed_offset = ?, updated_at = SYSDATE() "
    "WHERE channel_id = ? AND committed_offset = ?"
)
_BEGIN_CHANNEL = "INSERT INTO {schema}.CHANNEL_OFFSETS (channel_id, committed_offset, updated_at) SELECT ?, ?, SYSDATE()"


class SqlSink:
    """Writes into CLAUDE_STREAM_V2 with SQL. Not thread-safe: it belongs to the leader's thread.

    Raises WarehouseUnavailable, WarehouseRefused, BatchRejected, OffsetConflict.
    """

    batch_weight = UNBOUNDED

    def __init__(
        self, connection: Callable[[], NamedConnection], *, clock: Clock = SYSTEM_CLOCK, timeout_s: float = 30.0
    ) -> None:
        self._session = KeptSession(connection, clock=clock, timeout_s=timeout_s)

    def committed(self, channel_id: str) -> str | None:
        with _Failing(self):
            return self._offset(channel_id)

    def left_out(self, channel_id: str) -> LeftOut:
        return LeftOut(0, "")  # a row that the table cannot take fails its batch

    def append(self, batch: Batch) -> None:
        with _Failing(self):
            self._run("BEGIN TRANSACTION")
            self._take_offset(batch)
            for text in _pieces(batch.rows):
                self._run(INSERT, (text,))
            self._run("COMMIT")

    def release(self) -> None:
        """Close a session that was not used for a while."""
        self._session.release()

    def close(self) -> None:
        """Drop the session; a transaction that is open ends with it, and writes nothing."""
        self._session.close()

    # --- the transaction

    def _take_offset(self, batch: Batch) -> None:
        """Compare and set the channel's offset, holding its lock until the commit. Raises OffsetConflict."""
        if batch.expected is not None:
            if self._run(_MOVE, (batch.offset, batch.channel_id, batch.expected))[0][0] == 1:
                return
        else:
            self._run(_LOCK_FIRST)
            if self._offset(batch.channel_id) is None:
                self._run(_BEGIN_CHANNEL, (batch.channel_id, batch.offset))
                return
        found = self._offset(batch.channel_id)
        raise OffsetConflict(
            f"channel {batch.channel_id} is at {found}, not at {batch.expected}; nothing was written", found=found
        )

    def _offset(self, channel_id: str) -> str | None:
        rows = self._run(_READ, (channel_id,))
        return rows[0][0] if rows else None

    # --- the session

    def _run(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._session.fetch(sql, values)[1]

    def failed(self, error: Exception) -> Exception:
        """The connector's error as ours; SQLSTATE class 22 is about the values sent."""
        if str(getattr(error, "sqlstate", "") or "").startswith("22"):
            return BatchRejected(f"{REJECTED}: {' '.join(str(getattr(error, 'msg', None) or error).split())[:300]}")
        return self._session.failed(error)


class _Failing:
    """After any exception the session is gone, and with it the transaction; the connector's errors are mapped."""

    def __init__(self, sink: SqlSink) -> None:
        self._sink = sink

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None:
            return
        self._sink.close()
        if kind is not None and (kind.__module__ or "").startswith("snowflake."):
            assert isinstance(error, Exception)
            raise self._sink.failed(error) from error


def _pieces(rows: Sequence[Row]) -> Iterator[str]:
    """The rows as JSON arrays of at most CHUNK_BYTES, or of one row that is larger. Raises BatchRejected."""
    piece: list[bytes] = []
    size = 0
    for row in rows:
        try:
            values = row._asdict() | {"feature_json": orjson.loads(row.feature_json)}
        except ValueError as error:
            raise BatchRejected(f"{REJECTED}: feature_json: {error}") from None
        text = orjson.dumps({name: value for name, value in values.items() if value is not None})
        if piece and size + len(text) > CHUNK_BYTES:
            yield _array(piece)
            piece, size = [], 0
        piece.append(text)
        size += len(text) + 1
    if piece:
        yield _array(piece)


def _array(piece: list[bytes]) -> str:
    return (b"[" + b",".join(piece) + b"]").decode()
