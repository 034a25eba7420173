"""The embedded warehouse: one DuckDB file, written by the leader only.

    append = one transaction { compare-and-set of the channel's offset, rows, the same rows to be folded }
    fold   = one transaction { refresh sequence over those, their removal }     (``folding``)

The file is attached when it is needed and detached by ``release``, because an open writer shuts every other process out,
readers included. The engine itself, an empty database in memory, stays: starting one costs three times as much as attaching a
file. DuckDB runs on one thread: more would take the core that answers ``get_context``. An engine never outlives an exception,
and no code but DuckDB opens the file: its POSIX lock is lost when anything else in the process closes it.
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING

from ... import fs
from ...clock import SYSTEM_CLOCK, iso
from ...errors import (
    BatchRejected,
    BatchTooLarge,
    WarehouseCorrupt,
    WarehouseError,
)
from ..base import LAYOUT_VERSION, Batch, Folded, LeftOut
from ..batch_size import weight
from . import contexts, layout, rebuilding
from .appending import append_batch, committed_offset, first_value
from .damage import is_damaged, set_aside
from .error_mapping import blames_itself, mapped, may_be_damage, says_damaged
from .file_turns import attach
from .folding import UNFOLDED, Folder
from .place import check_directory, check_files
from .statements import DuckDBStatements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import duckdb

    from ...clock import Clock
    from ..base import ContextRow, Scope
    from .beside import Piece

_CONFIG: dict[str, str | int | float | list[str]] = {
    "threads": 1,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}

MEMORY = "128MB"
"""What the engine of a server, or of an import of any size, may hold; most of what needs more spills to disk, not all."""
MEMORY_WITH_ROOM = "1GB"
"""What it may hold for ``ROOM_S`` after a small batch has failed: then it is not the batch that is large."""
ROOM_S = 600.0
_MAX_WEIGHT = 3 << 19
"""Maximal events of any kind of that weight pass in 128 MB, most in half of it; 2,000 ordinary ones weigh less."""
_SMALL_WEIGHT = _MAX_WEIGHT // 16

_PASSES = (
    "expression_rewriter", "filter_pushdown", "cte_filter_pusher", "join_order", "deliminator", "unnest_rewriter",
    "unused_columns", "statistics_propagation", "common_subexpressions", "column_lifetime", "row_group_pruner",
    "build_side_probe_side", "join_filter_pushdown", "reorder_filter", "cte_inlining", "materialized_cte",
)  # fmt: skip
"""The optimizer's passes that find something to do in this engine's statements; the thirty others cost a tenth of a flush."""


class DuckDBWarehouse:
    """``Sink`` and ``ContextSource`` over the file at ``path``. Not thread-safe: it belongs to the leader's thread.

    ``timeout_s`` bounds each call that reaches the engine; at the deadline the statement is interrupted, the transaction is
    rolled back and WarehouseUnavailable is raised. ``memory`` bounds what the engine holds; ``patience_s``
    how long opening the file waits for those who read it.
    """

    batch_weight = _MAX_WEIGHT

    def __init__(
        self, path: str, *, clock: Clock = SYSTEM_CLOCK, timeout_s: float = 60.0, memory: str = MEMORY, patience_s: float = 2.0
    ) -> None:
        self.path = path
        self._clock = clock
        self._timeout_s = timeout_s
        self._patience_s = patience_s
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._attached = False
        self._normal_memory = self._memory = memory
        self._room_until = 0.0
        self._folder = Folder(self._engine, self._make_room, _MAX_WEIGHT, path=path, clock=clock)

    # --- Sink

    def committed(self, channel_id: str) -> str | None:
        with self._engine() as connection:
            return committed_offset(connection, channel_id)

    def highest_offset(self, channel_id: str) -> str | None:
        with self._engine() as connection:
            return first_value(connection, "SELECT MAX(stream_offset) FROM CLAUDE_STREAM_V2 WHERE channel_id = ?", channel_id)

    def append(self, batch: Batch) -> None:
        try:
            self._append(batch)
        except BatchTooLarge:
            is_large = len(batch.rows) > 1 and sum(map(weight, batch.rows)) > _SMALL_WEIGHT
            if is_large or not self._make_room():
                raise
            self._append(batch)
        except BatchRejected as error:
            if len(batch.rows) > 1 or not blames_itself(error.__cause__):
                raise
            self._append(batch)

    def _append(self, batch: Batch) -> None:
        with self._engine() as connection:
            append_batch(connection, batch, iso(self._clock.time_us()))

    def fold(self, beside: Callable[[Piece], None] | None = None) -> Folded:
        """``beside``: what each piece is given to, on a thread of its own, while it is folded; it is removed after that."""
        return self._folder.fold(beside) if os.path.exists(self.path) else Folded()

    def left_out(self, channel_id: str) -> LeftOut:
        return LeftOut(0, "")

    def release(self) -> None:
        if self._connection is None or not self._attached:
            return
        try:
            _detach(self._connection)
            self._attached = False
        except Exception:  # closing the engine closes the file as well; what was committed is committed
            self.close()

    def close(self) -> None:
        """Give the file and the engine back; a transaction that is open is rolled back. The next call opens it again."""
        connection, self._connection, self._attached = self._connection, None, False
        if connection is not None:
            with contextlib.suppress(Exception):  # there is nothing left to report
                connection.close()

    # --- ContextSource

    def changed_contexts(self, known: Mapping[Scope, int]) -> Iterator[ContextRow]:
        with self._engine() as connection:
            yield from contexts.changed(connection, known)

    def contexts(self, scopes: Sequence[Scope], channel_id: str) -> list[ContextRow]:
        if not scopes:
            return []
        with self._engine() as connection:
            connection.execute("BEGIN TRANSACTION READ ONLY")
            committed = committed_offset(connection, channel_id) if _is_folded(connection, channel_id) else None
            found = list(contexts.read(connection, scopes))
            connection.execute("COMMIT")
        if committed is not None:
            for context in found:
                context.watermark[channel_id] = committed
        return found

    # --- Statements

    @contextlib.contextmanager
    def transaction(self) -> Iterator[DuckDBStatements]:
        """Run statements all together or not at all, within this warehouse's deadline. ``release`` it afterwards."""
        with self._engine() as connection:
            connection.execute("BEGIN TRANSACTION")
            yield DuckDBStatements(connection)
            connection.execute("COMMIT")

    # --- the engine

    @contextlib.contextmanager
    def _engine(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The open connection, with this call's deadline. After any exception the connection is gone."""
        import duckdb

        if self._memory != self._normal_memory and self._clock.monotonic() >= self._room_until:
            self.close()  # a limit cannot be lowered before the memory is free
            self._memory = self._normal_memory
        connection = self._connection if self._connection and self._attached else self._open()
        done = threading.Event()
        threading.Thread(target=_watch, args=(connection, done, self._timeout_s), name="activity-deadline", daemon=True).start()
        try:
            yield connection
        except WarehouseError:
            self.close()
            raise
        except (duckdb.Error, MemoryError) as error:
            raise self._failed(error) from error
        except BaseException:
            self.close()
            raise
        finally:
            done.set()

    def _open(self) -> duckdb.DuckDBPyConnection:
        """The engine, with a file of this layout. Checked at each opening: the file may have been replaced meanwhile."""
        import duckdb

        try:
            check_directory(self.path)
            check_files(self.path)
            fs.ensure_directory(os.path.dirname(self.path))
            connection = self._connection or _engine_for(self.path, self._memory)
            self._connection = connection
            _attach(connection, self.path, self._patience_s)
            self._attached = True
            found = layout.layout_of(connection)
            layout.refuse_newer(self.path, found)
            if 0 < found < LAYOUT_VERSION:  # kept as it was, by a copy that DuckDB does not have open
                _detach(connection)
                import shutil

                shutil.copyfile(self.path, f"{self.path}.layout-{found}")
                _attach(connection, self.path, self._patience_s)
            has_rebuilt = False
            if not layout.is_current(connection):
                has_rebuilt = layout.deploy(connection, iso(self._clock.time_us()), self._memory_to_rebuild())
                os.chmod(self.path, 0o600)
            if has_rebuilt or 0 < found < LAYOUT_VERSION:
                self.close()  # an engine that rebuilt contexts may hold more than it should from here on
                return self._open()
        except (duckdb.Error, OSError, MemoryError) as error:
            failed = self._failed(error)
            if isinstance(failed, BatchTooLarge) and self._make_room():  # taking in the log of a process that was killed
                return self._open()
            raise failed from error
        except BaseException:
            self.close()
            raise
        return connection

    def _memory_to_rebuild(self) -> str:
        return rebuilding.MEMORY_WITH_ROOM if self._memory == MEMORY_WITH_ROOM else rebuilding.MEMORY

    def _make_room(self) -> bool:
        """Give the engine more memory for a while; False where it had that already."""
        if self._memory == MEMORY_WITH_ROOM:
            return False
        self._memory, self._room_until = MEMORY_WITH_ROOM, self._clock.monotonic() + ROOM_S
        return True

    def _failed(self, error: Exception) -> WarehouseError:
        """What to raise for it, with the engine gone, and a file that cannot be read out of the way."""
        self.close()
        if says_damaged(error) or (may_be_damage(error) and is_damaged(self.path)):
            return set_aside(self.path, iso(self._clock.time_us()))
        return mapped(error, self.path)


def is_deployed(path: str) -> bool:
    """Whether the file is there and has this version's layout; it is opened for reading only. Raises a WarehouseError."""
    import duckdb

    if not os.path.exists(path):
        return False
    check_files(path)
    try:
        connection = duckdb.connect(path, read_only=True)
        try:
            layout.refuse_newer(path, layout.layout_of(connection))
            return layout.is_current(connection)
        finally:
            connection.close()
    except duckdb.Error as error:
        if says_damaged(error):
            raise WarehouseCorrupt(f"{path} is not readable as a DuckDB file", hint="the next flush sets it aside") from error
        raise mapped(error, path) from error


def _engine_for(path: str, memory: str) -> duckdb.DuckDBPyConnection:
    """An engine in memory, which spills beside ``path`` and not into whatever directory the process is in."""
    import duckdb

    connection = duckdb.connect(":memory:", config=_CONFIG | {"memory_limit": memory, "temp_directory": f"{path}.tmp"})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")  # a statement of two seconds would draw it on the protocol's stdout
    known = [name for (name,) in connection.execute("SELECT name FROM duckdb_optimizers()").fetchall()]
    connection.execute("SET disabled_optimizers = '{}'".format(",".join(name for name in known if name not in _PASSES)))
    return connection


def _attach(connection: duckdb.DuckDBPyConnection, path: str, patience_s: float) -> None:
    attach(connection, path, patience_s)
    connection.execute("USE warehouse")


def _detach(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("USE memory")
    connection.execute("DETACH warehouse")


def _watch(connection: duckdb.DuckDBPyConnection, done: threading.Event, timeout_s: float) -> None:
    """Interrupt whatever runs at the deadline, and again until the call gives up: between two statements it has no effect."""
    if not done.wait(timeout_s):
        while not done.wait(0.02):
            with contextlib.suppress(Exception):  # it may have been closed this very moment
                connection.interrupt()


def _is_folded(connection: duckdb.DuckDBPyConnection, channel_id: str) -> bool:
    """Whether the contexts hold everything that is committed on the channel."""
    return first_value(connection, f"SELECT channel_id FROM {UNFOLDED} WHERE channel_id = ? LIMIT 1", channel_id) is None  # noqa: S608
