"""``Statements`` on a DB-API connection: how deploy and migrate speak to Snowflake, one statement at a time."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Protocol

from ...errors import StatementFailed, WarehouseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from .connection import NamedConnection


class Cursor(Protocol):
    def execute(self, command: str, params: Any = None, /) -> Any: ...
    def fetchall(self) -> Any: ...
    def close(self) -> Any: ...


class Connection(Protocol):
    def cursor(self) -> Any: ...


class CursorStatements:
    """``error`` is the class of the driver's errors, and ``failed`` turns one into ours: one that is not retryable is the
    statement's own fault."""

    def __init__(self, connection: Connection, error: type[Exception], failed: Callable[[Exception], WarehouseError]) -> None:
        self._connection = connection
        self._error = error
        self._failed = failed

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        cursor: Cursor = self._connection.cursor()
        try:
            cursor.execute(sql, parameters or None)
            return [tuple(row) for row in cursor.fetchall()]
        except self._error as error:
            mapped = self._failed(error)
            if mapped.retryable:
                raise mapped from error
            raise StatementFailed(_words(error), hint=mapped.hint) from error
        finally:
            cursor.close()


@contextlib.contextmanager
def snowflake_statements(connection: NamedConnection) -> Iterator[CursorStatements]:
    """A session of its own for the time of the block."""
    from snowflake.connector.errors import Error

    session = connection.connect()
    try:
        yield CursorStatements(session, Error, connection.failed)
    finally:
        session.close()


def _words(error: Exception) -> str:
    return " ".join(str(getattr(error, "msg", None) or error).split())[:300]
