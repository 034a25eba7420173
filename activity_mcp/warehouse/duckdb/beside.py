"""Beside a fold: who else needs its rows reads them at the same time, on the second core.

DuckDB folds on one thread and lets go of Python's lock meanwhile. So what else is made of the rows (the search index) is made
on a thread of its own, over a second connection of the same engine, which sees the rows as they were committed. The fold waits
for it before it removes them: so a kill at any moment leaves them to both, as if one had come after the other.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Self

from .error_mapping import mapped
from .statements import DuckDBStatements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    import duckdb


class Piece:
    """The rows that a fold takes, up to the row id ``last``; ``is_all``: no other waits behind them. For the other thread."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: str, last: int, *, is_all: bool) -> None:
        self.path = path
        self.last = last
        self.is_all = is_all
        self._connection = connection

    @contextlib.contextmanager
    def transaction(self) -> Iterator[DuckDBStatements]:
        """Statements that read. Raises a WarehouseError."""
        import duckdb

        try:
            self._connection.execute("BEGIN TRANSACTION READ ONLY")
            yield DuckDBStatements(self._connection)
            self._connection.execute("COMMIT")
        except (duckdb.Error, MemoryError) as error:
            raise mapped(error, self.path) from error


class Beside:
    """``work`` on a thread of its own between the beginning of a ``with`` and ``wait``, or its end."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, path: str, last: int, *, is_all: bool, work: Callable[[Piece], None]
    ) -> None:
        self._connection = connection.cursor()
        self._piece = Piece(self._connection, path, last, is_all=is_all)
        self._work = work
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="activity-beside-fold", daemon=True)

    def __enter__(self) -> Self:
        self._connection.execute("USE warehouse")
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._thread.join()  # an engine must not be closed under a statement
        self._connection.close()

    def wait(self) -> None:
        """Until the work is done. Raises what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self._work(self._piece)
        except BaseException as error:  # it is raised where somebody waits for it
            self._error = error
