"""Folding: what was appended since the last time goes through the refresh sequence, as Snowflake's task takes its stream.

    append = one transaction { compare-and-set of the channel's offset, rows, the same rows into UNFOLDED }
    fold   = one transaction { refresh sequence over what lies in UNFOLDED, its removal }

So at any kill both or none of each, and a row is folded exactly once. Most of a small flush is planning the sequence, whatever
the size of its batch: a fold every few seconds pays for it once.

A fold takes all that lies there, in pieces where that is more than the engine has the memory for. The sequence must not see
rows behind its piece, for it reads whole hours of the stream again: it gets a view of the stream as it was when the piece was
appended. A piece that fails is halved, down to one row; a row that fails alone stays in the stream and is left out of the
contexts, so that no event stops those behind it. What else is to be made of a piece is made beside it (``beside``).
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

from ...errors import BatchRejected, BatchTooLarge, WarehouseError
from ..base import Folded
from ..batch_size import WEIGHT_OF_A_VALUE, BatchSize
from .beside import Beside
from .fetching import fetched
from .refresh import MAKE_STREAM, STREAM, refresh

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    import duckdb

    from ...clock import Clock
    from .beside import Piece

UNFOLDED = "CLAUDE_STREAM_V2_UNFOLDED"
MAX_ROWS = 30_000
"""The most rows of a piece: what a transaction has changed stays in memory until it ends."""

_WITHOUT_SIGNS = "replace(replace(replace(replace(feature_json, ',', ''), ':', ''), '[', ''), '{', '')"
_WEIGH = f"""
    SELECT rowid, STRLEN(feature_json) + {WEIGHT_OF_A_VALUE} * (STRLEN(feature_json) - STRLEN({_WITHOUT_SIGNS}))
    FROM {UNFOLDED} ORDER BY rowid LIMIT ?
"""  # noqa: S608 - our own names
_TAKE = f"INSERT INTO {STREAM} SELECT * FROM {UNFOLDED} WHERE rowid <= ? ORDER BY rowid"  # noqa: S608
_REMOVE = f"DELETE FROM {UNFOLDED} WHERE rowid <= ?"  # noqa: S608
_FIRST_BEHIND = f"""
    SELECT MIN(stream.rowid)
    FROM CLAUDE_STREAM_V2 AS stream
    INNER JOIN (SELECT ts, channel_id, stream_offset FROM {UNFOLDED} WHERE rowid > ? ORDER BY rowid LIMIT 1) AS behind
        ON stream.ts = behind.ts AND stream.channel_id = behind.channel_id AND stream.stream_offset = behind.stream_offset
"""  # noqa: S608
_HIDE_BEHIND = "CREATE OR REPLACE TEMP VIEW CLAUDE_STREAM_V2 AS SELECT * FROM warehouse.main.CLAUDE_STREAM_V2 WHERE rowid < {}"
_SHOW_ALL = "DROP VIEW IF EXISTS temp.CLAUDE_STREAM_V2"


class _Piece(NamedTuple):
    """The oldest rows that are not folded: the row id of the last, what each weighs, and whether they are all."""

    last: int
    weights: list[int]
    is_all: bool


class Folder:
    """Folds what lies in the file that ``engine`` opens.

    ``make_room`` gives it more memory for a while; False where it had that already. ``max_weight`` bounds a piece.
    """

    def __init__(
        self,
        engine: Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]],
        make_room: Callable[[], bool],
        max_weight: int,
        *,
        path: str,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._path = path
        self._make_room = make_room
        self._size = BatchSize(max_weight, clock=clock)
        self._max_rows = MAX_ROWS
        self._tried: list[_Piece] = []

    def fold(self, beside: Callable[[Piece], None] | None = None) -> Folded:
        """Fold all that lies there, and give each piece to ``beside`` meanwhile.

        Raises what the engine raises, and ``beside``; what is not folded yet stays there.
        """
        rows, left_out = 0, list[str]()
        while True:
            self._tried.clear()
            try:
                piece = self._fold_piece(beside)
            except (BatchRejected, BatchTooLarge) as error:
                if not self._tried:
                    raise
                if not self._may_pass_otherwise(self._tried[0], error):
                    left_out.append(self._leave_out(self._tried[0], error))
            except WarehouseError:
                if self._tried:  # it was not done in time, perhaps: the next is smaller
                    self._size.failed(self._tried[0].weights)
                raise
            else:
                if piece is None:
                    return Folded(rows, tuple(left_out))
                rows += len(piece.weights)
                self._size.passed()
                self._max_rows = min(self._max_rows * 2, MAX_ROWS)

    def _fold_piece(self, beside: Callable[[Piece], None] | None) -> _Piece | None:
        """Fold the next piece; None where there is none. What was tried is noted for a caller that handles its failure."""
        with self._engine() as connection, contextlib.ExitStack() as threads:
            piece = self._next(connection)
            if piece is None:
                return None
            self._tried.append(piece)
            other = threads.enter_context(self._begin(connection, piece, beside)) if beside is not None else None
            connection.execute(MAKE_STREAM)
            connection.execute("BEGIN TRANSACTION")
            connection.execute(_TAKE, [piece.last])
            if not piece.is_all:
                _hide_what_is_behind(connection, piece)
            refresh(connection)
            if other is not None:
                other.wait()
            connection.execute(_REMOVE, [piece.last])
            connection.execute("COMMIT")
            if not piece.is_all:
                connection.execute(_SHOW_ALL)
            connection.execute(MAKE_STREAM)  # so that it holds no memory until the next one
            return piece

    def _begin(self, connection: duckdb.DuckDBPyConnection, piece: _Piece, work: Callable[[Piece], None]) -> Beside:
        return Beside(connection, self._path, piece.last, is_all=piece.is_all, work=work)

    def _next(self, connection: duckdb.DuckDBPyConnection) -> _Piece | None:
        found = list(fetched(connection.execute(_WEIGH, [self._max_rows + 1])))
        if not found:
            return None
        weights = [int(weight or 0) for _, weight in found]
        end = min(self._size.end(weights, 0), self._max_rows)
        return _Piece(found[end - 1][0], weights[:end], end == len(found))

    def _may_pass_otherwise(self, piece: _Piece, error: WarehouseError) -> bool:
        """Whether the rows that failed are tried again: fewer of them, or with more memory."""
        if error.smaller_may_pass:
            self._size.failed(piece.weights)
        if len(piece.weights) > 1:
            self._max_rows = len(piece.weights) // 2
            return True
        return error.smaller_may_pass and self._make_room()

    def _leave_out(self, piece: _Piece, error: WarehouseError) -> str:
        """The row stays in the stream; what it was, and why the contexts are without it."""
        with self._engine() as connection:
            named = f"SELECT activity_id FROM {UNFOLDED} WHERE rowid = ?"  # noqa: S608 - our own name
            (activity_id,) = connection.execute(named, [piece.last]).fetchall()[0]
            connection.execute(_REMOVE, [piece.last])
        return f"{activity_id}: {error.message}"


def _hide_what_is_behind(connection: duckdb.DuckDBPyConnection, piece: _Piece) -> None:
    first = connection.execute(_FIRST_BEHIND, [piece.last]).fetchall()[0][0]
    if first is not None:  # else retention has removed it
        connection.execute(_HIDE_BEHIND.format(int(first)))
