"""The stored activities, read back: by spans of time, and what the next fold takes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeAlias

from ..base import NewestFolded, StoredActivity
from .folding import UNFOLDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..base import Folded, Unfolded
    from .beside import Piece
    from .statements import DuckDBStatements
    from .warehouse import DuckDBWarehouse

    _Source: TypeAlias = DuckDBWarehouse | Piece

_HOUR_US = 3_600_000_000
_YEAR_US = 365 * 24 * _HOUR_US
PIECE_ROWS = 2_500
"""What is read at once of the rows to be folded: an import may leave a million of them."""
_COLUMNS = "activity_id, epoch_us(ts), event_name, session_id, project, source, feature_json, channel_id, stream_offset"
_SPAN = f"""
    SELECT {_COLUMNS} FROM CLAUDE_STREAM_V2 AS stream
    WHERE ts BETWEEN make_timestamp(?) AND make_timestamp(?) AND event_name <> 'llm_event'
"""  # noqa: S608 - our own names
_PIECE = f"""
    SELECT {_COLUMNS.replace("feature_json", "CASE WHEN event_name <> 'llm_event' THEN feature_json END")}, rowid
    FROM {UNFOLDED} AS waiting WHERE rowid > ? AND rowid <= ? LIMIT {PIECE_ROWS}
"""  # noqa: S608
"""In the order of the rows, as is everything that one thread reads from a table."""
_ROW = "SELECT channel_id, stream_offset FROM CLAUDE_STREAM_V2 WHERE rowid = ?"


_ALL = (1 << 63) - 1


class EmbeddedHistory:
    """``ActivityHistory`` by spans of time and of row ids: DuckDB passes over what lies outside one, and sorts nothing."""

    is_all = True

    def __init__(self, store: DuckDBWarehouse) -> None:
        self._store = store
        self._width_us = _HOUR_US

    def span_before(self, ts_us: int | None, about: int) -> tuple[int, int] | None:
        if not os.path.exists(self._store.path):
            return None
        with self._store.transaction() as statements:
            before = "" if ts_us is None else f"WHERE ts < make_timestamp({int(ts_us)})"
            newest = statements.execute(f"SELECT epoch_us(MAX(ts)) FROM CLAUDE_STREAM_V2 {before}")[0][0]  # noqa: S608
            if newest is None:
                return None
            while (count := self._count(statements, newest)) > 2 * about and self._width_us > 1:
                self._width_us = max(1, self._width_us * about // count)
        span = (newest + 1 - self._width_us, newest + 1)
        if count < about // 2:
            self._width_us = min(self._width_us * 4, _YEAR_US)
        return span

    def _count(self, statements: DuckDBStatements, newest_us: int) -> int:
        span = [newest_us + 1 - self._width_us, newest_us]
        count = "SELECT COUNT(*) FROM CLAUDE_STREAM_V2 WHERE ts BETWEEN make_timestamp(?) AND make_timestamp(?)"
        return int(statements.execute(count, span)[0][0])

    def between(self, low_us: int, high_us: int) -> Iterator[StoredActivity]:
        with self._store.transaction() as statements:
            yield from map(StoredActivity._make, statements.rows(_SPAN, [low_us, high_us - 1]))

    def unfolded(self) -> Iterator[list[StoredActivity]]:
        return _waiting(self._store, _ALL) if os.path.exists(self._store.path) else iter(())

    def newest_folded(self) -> NewestFolded | None:
        return _newest_folded(self._store) if os.path.exists(self._store.path) else None

    def fold_beside(self, take: Callable[[Unfolded], None]) -> Folded:
        return self._store.fold(lambda piece: take(UnfoldedPiece(piece)))

    def quarantined(self) -> frozenset[str]:
        if not os.path.exists(self._store.path):
            return frozenset()
        with self._store.transaction() as statements:
            rows = statements.execute("SELECT activity_id FROM INSIGHT_ATOMS WHERE is_quarantined")
        return frozenset(row[0] for row in rows)


class UnfoldedPiece:
    """``Unfolded`` of a piece that is being folded."""

    def __init__(self, piece: Piece) -> None:
        self.is_all = piece.is_all
        self._piece = piece

    def unfolded(self) -> Iterator[list[StoredActivity]]:
        return _waiting(self._piece, self._piece.last)

    def newest_folded(self) -> NewestFolded | None:
        return _newest_folded(self._piece)


def _waiting(source: _Source, last: int) -> Iterator[list[StoredActivity]]:
    piece = _piece_behind(source, -1, last)
    while piece:
        yield [StoredActivity._make(row[:-1]) for row in piece]
        piece = _piece_behind(source, piece[-1][-1], last) if len(piece) == PIECE_ROWS else []


def _piece_behind(source: _Source, row_id: int, last: int) -> list[tuple[Any, ...]]:
    with source.transaction() as statements:
        return statements.execute(_PIECE, [row_id, last])


def _newest_folded(source: _Source) -> NewestFolded | None:
    with source.transaction() as statements:
        last = statements.execute("SELECT MAX(rowid) FROM CLAUDE_STREAM_V2")[0][0]
        wait = statements.execute(f"SELECT COUNT(*) FROM {UNFOLDED}")[0][0]  # noqa: S608 - our own name
        found = statements.execute(_ROW, [last - wait]) if last is not None else []
    return NewestFolded(found[0][0], found[0][1], wait) if found else None
