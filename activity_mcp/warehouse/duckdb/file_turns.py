"""Whose turn it is on the database file: a flush that waits for it goes before every query that has not begun.

One process may write or several may read, by DuckDB's lock on the file, which knows no order: queries that overlap would keep
the leader out for ever. So a writer that finds the file in use leaves a mark beside it (``<file>.writer-waits``) and tries
again in short steps. Meanwhile no query begins, and one that runs gives way after ``GIVES_WAY_S`` and begins again afterwards.

A mark lapses ``LAPSES_S`` after its writer touched it last: a writer that was killed keeps nobody out. It is no lock: without
it all is right, only slower.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from ... import fs
from .error_mapping import is_in_use

if TYPE_CHECKING:
    import duckdb

GIVES_WAY_S = 5.0
"""How long a query that runs may go on while a writer waits."""
LAPSES_S = 3.0
_STEP_S = 0.03


def attach(connection: duckdb.DuckDBPyConnection, path: str, patience_s: float) -> None:
    """Attach the file for writing as ``warehouse``, waiting for those who read it. Raises duckdb.Error.

    The mark stays where it was in vain: the next attempt, if it comes before the mark lapses, keeps the place in the queue.
    """
    import duckdb

    mark = WriterMark(path)
    deadline = time.monotonic() + patience_s
    while True:
        try:
            connection.execute("ATTACH '{}' AS warehouse".format(path.replace("'", "''")))
        except duckdb.Error as error:
            if not is_in_use(error):
                raise
            mark.keep()
            if time.monotonic() >= deadline:
                raise
            time.sleep(_STEP_S)
        else:
            mark.remove()
            return


class WriterMark:
    """The mark beside the file at ``path``."""

    def __init__(self, path: str) -> None:
        self._path = f"{path}.writer-waits"

    def keep(self) -> None:
        """Make the mark, or make it young again. A directory that takes no file leaves the order to chance."""
        try:
            if self.waited_s() is None:
                fs.LOCAL.publish(self._path, repr(time.time()).encode(), durable=False)
            else:
                os.utime(self._path)
        except OSError:
            pass

    def remove(self) -> None:
        fs.LOCAL.unlink(self._path)

    def waited_s(self) -> float | None:
        """For how many seconds a writer has waited; None when none does."""
        try:
            touched, since = os.stat(self._path).st_mtime, float(fs.LOCAL.read(self._path))
        except (OSError, ValueError):
            return None
        now = time.time()
        return max(0.0, now - since) if -1 < now - touched < LAPSES_S else None
