"""Fetching results in small parts: while the engine makes Python's values of rows, no other thread of the process runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

ROWS_AT_ONCE = 50


def fetched(result: duckdb.DuckDBPyConnection, at_once: int = ROWS_AT_ONCE) -> Iterator[tuple[Any, ...]]:
    """The rows of a result, so many at a time."""
    while part := result.fetchmany(at_once):
        yield from part
