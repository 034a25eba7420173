"""Statements on an open connection of the engine, for those who are handed one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import rebuilding
from .fetching import fetched
from .refresh import MAKE_STREAM, STREAM, refresh

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import duckdb


class DuckDBStatements:
    """``Statements`` on an open connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        return list(fetched(self._connection.execute(sql, parameters or None)))

    def rows(self, sql: str, parameters: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        """The rows of a statement, few at a time: not all of them are in memory."""
        return fetched(self._connection.execute(sql, parameters))

    def refresh(self, rows: str, parameters: Mapping[str, Any]) -> None:
        """Fold rows that are in the stream already, those of the query ``rows``, into what is derived from it."""
        self._connection.execute(MAKE_STREAM)
        self._connection.execute(f"INSERT INTO {STREAM} {rows}", parameters)
        refresh(self._connection)

    def rebuild_contexts(self) -> None:
        """Rebuild the contexts from the whole stream."""
        rebuilding.rebuild_contexts(self._connection)
