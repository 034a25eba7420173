"""The embedded engine: one DuckDB file, written by the leader and read by child processes."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from ...clock import SYSTEM_CLOCK
from ..adapter import Adapter
from ..base import Capabilities
from ..drift import OPEN_DRIFTS, named
from .file_turns import WriterMark
from .generated_sql import statements_of
from .retention import apply_retention, clean_up

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ...clock import Clock
    from ..base import QueryEngine, Rewriter, WarehousePlace
    from ..drift import OpenDrift
    from .history import EmbeddedHistory
    from .warehouse import DuckDBWarehouse


LESS_MEMORY = "56MB"
"""With the rest of the process 178 MB after 100 MB of small lines; a fold takes an eighth longer than in the usual 128 MB."""


class DuckDBAdapter(Adapter):
    """The engine over the file at ``path``. ``timeout_s`` bounds each call of the store; ``waiting`` gives V_STREAM_LAG what is
    not in the file yet: events in the queue, and the age of the oldest in ms."""

    capabilities: ClassVar = Capabilities(batch_rows=1000, folds_on_request=True, reads_are_free=True, has_one_writer=True)

    def __init__(
        self,
        path: str,
        *,
        clock: Clock = SYSTEM_CLOCK,
        timeout_s: float = 60.0,
        waiting: Callable[[], tuple[int, int]] = lambda: (0, 0),
    ) -> None:
        self.path = path
        self._waiting = waiting
        self._clock = clock
        self._timeout_s = timeout_s
        self._memory: str | None = None

    @cached_property
    def store(self) -> DuckDBWarehouse:  # type: ignore[override]
        from .warehouse import MEMORY, DuckDBWarehouse

        return DuckDBWarehouse(self.path, clock=self._clock, timeout_s=self._timeout_s, memory=self._memory or MEMORY)

    @cached_property
    def maintenance(self) -> EmbeddedMaintenance:  # type: ignore[override]
        return EmbeddedMaintenance(self.store)

    @cached_property
    def drift(self) -> EmbeddedDrift:  # type: ignore[override]
        return EmbeddedDrift(self.store)

    @cached_property
    def history(self) -> EmbeddedHistory:  # type: ignore[override]
        from .history import EmbeddedHistory

        return EmbeddedHistory(self.store)

    @property
    def queries(self) -> QueryEngine:
        from .query import DuckDBQueries

        return DuckDBQueries(self.path, self._waiting)

    @property
    def rewriter(self) -> Rewriter | None:
        return EmbeddedRewriter(self.store, self._clock) if self.exists() else None

    def hold_less(self) -> None:
        self._memory = LESS_MEMORY

    def writer_waits(self) -> bool:
        return WriterMark(self.path).waited_s() is not None

    def describe(self) -> WarehousePlace:
        return {"kind": "duckdb", "path": self.path, "size_bytes": os.path.getsize(self.path) if self.exists() else None}

    def exists(self) -> bool:
        return os.path.exists(self.path)


class EmbeddedMaintenance:
    """``Maintenance`` by the statements that are a daily task on Snowflake."""

    def __init__(self, store: DuckDBWarehouse) -> None:
        self._store = store

    def run(self, keep_days: int) -> dict[str, int]:
        self._store.fold()  # a row that leaves the stream must not enter the contexts afterwards
        with self._store.transaction() as statements:
            removed = apply_retention(statements, keep_days=keep_days)
            for table, count in clean_up(statements).items():
                removed[table] = removed.get(table, 0) + count
        return {table: count for table, count in removed.items() if count}

    def compact(self) -> None:
        from .compaction import compact

        self._store.release()
        compact(self._store.path)


class EmbeddedDrift:
    """``DriftTable`` on the leader's connection."""

    def __init__(self, store: DuckDBWarehouse) -> None:
        self._store = store

    def open(self) -> list[OpenDrift]:
        with self._store.transaction() as statements:
            return [named(row) for row in statements.execute(OPEN_DRIFTS)]

    def accept(self, drift_ids: Sequence[str]) -> None:
        with self._store.transaction() as statements:
            for drift_id in drift_ids:
                for text in statements_of("run_accept_drift.sql"):
                    statements.execute(text, {"accepted_id": drift_id})


class EmbeddedRewriter:
    """``Rewriter`` by a second file that takes the place of the first (see ``rewrite``). Lets go of the store's file first."""

    def __init__(self, store: DuckDBWarehouse, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def count(self, matches: Callable[[Mapping[str, Any]], bool]) -> dict[str, int]:
        from .rewrite import count_matching

        self._store.release()
        return count_matching(self._store.path, matches, clock=self._clock)

    def rewrite(self, matches: Callable[[Mapping[str, Any]], bool], on_progress: Callable[[int, int], None]) -> None:
        from .rewrite import rewrite

        self._store.release()
        rewrite(self._store.path, matches, clock=self._clock, on_progress=on_progress)
