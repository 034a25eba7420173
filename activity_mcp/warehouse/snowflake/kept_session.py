"""A session of a named connection that is kept between calls: opening one is most of what a small statement takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from snowflake.connector import SnowflakeConnection

    from ...clock import Clock
    from ...errors import WarehouseError
    from .connection import NamedConnection

IDLE_S = 300.0


class KeptSession:
    """Opened by the first statement, and by the first one after it was closed. Not thread-safe.

    ``connection`` is asked whenever a session is opened, so that a connection mended meanwhile is seen; ``timeout_s`` bounds
    each statement. In statements ``{schema}`` is the connection's database and schema.
    """

    def __init__(self, connection: Callable[[], NamedConnection], *, clock: Clock, timeout_s: float) -> None:
        self._connection = connection
        self._clock = clock
        self._timeout_s = timeout_s
        self._session: SnowflakeConnection | None = None
        self._named: NamedConnection | None = None
        self._used = 0.0

    @property
    def is_open(self) -> bool:
        return self._session is not None

    def open(self) -> None:
        """Open a session in place of the one there may be. Raises WarehouseRefused, WarehouseUnavailable."""
        self._used = self._clock.monotonic()
        self._named = self._connection()
        self._session = self._named.connect(session_parameters=session_parameters(self._timeout_s))

    def fetch(self, sql: str, values: Sequence[Any] = ()) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The columns, in lower case, and the rows of one statement. Raises the connector's errors (see ``failed``)."""
        if self._session is None:
            self.open()
        assert self._session is not None
        assert self._named is not None
        self._used = self._clock.monotonic()
        with self._session.cursor() as cursor:
            cursor.execute(sql.replace("{schema}", f"{self._named.database}.{self._named.schema}"), tuple(values))
            return [column[0].lower() for column in cursor.description or []], [tuple(row) for row in cursor.fetchall()]

    def failed(self, error: Exception) -> WarehouseError:
        """The connector's error as ours."""
        return (self._named or self._connection()).failed(error)

    def release(self) -> None:
        """Close a session that was not used for a while."""
        if self._session is not None and self._clock.monotonic() - self._used > IDLE_S:
            self.close()

    def close(self) -> None:
        """Drop the session; a transaction that is open ends with it, and writes nothing."""
        session, self._session = self._session, None
        if session is not None:
            try:
                session.close()
            except Exception:  # noqa: S110 - a session that is gone already
                pass


def session_parameters(timeout_s: float) -> dict[str, Any]:
    """What bounds each statement of a session."""
    return {"STATEMENT_TIMEOUT_IN_SECONDS": max(1, round(timeout_s))}
