"""Reading CONTEXT_CACHE on the embedded engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base import ContextRow, Scope
from .fetching import fetched

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import duckdb

_READ_CONTEXTS = "SELECT customer, project, context_blob, watermark, row_version FROM CONTEXT_CACHE WHERE "
_READ_VERSIONS = "SELECT customer, project, row_version FROM CONTEXT_CACHE ORDER BY refreshed_at DESC LIMIT 500"


def changed(connection: duckdb.DuckDBPyConnection, known: Mapping[Scope, int]) -> Iterator[ContextRow]:
    """The rows whose version is not the one the caller knows, the newest few hundred of them."""
    versions = connection.execute(_READ_VERSIONS).fetchall()
    scopes = {Scope(customer, project): version for customer, project, version in versions}
    return read(connection, [scope for scope, version in scopes.items() if known.get(scope) != version])


def read(connection: duckdb.DuckDBPyConnection, scopes: Sequence[Scope]) -> Iterator[ContextRow]:
    """The rows of these scopes, one at a time, for one may hold a hundred kilobytes; a scope without a row gives none."""
    if not scopes:
        return iter(())
    wanted = " OR ".join(["(customer = ? AND project = ?)"] * len(scopes))
    result = connection.execute(_READ_CONTEXTS + wanted, [text for scope in scopes for text in scope])
    return map(_context_row, fetched(result, at_once=1))


def _context_row(row: tuple[Any, ...]) -> ContextRow:
    customer, project, blob, watermark, version = row
    import orjson

    return ContextRow(Scope(customer, project), orjson.loads(blob or "{}"), orjson.loads(watermark or "{}"), int(version))
