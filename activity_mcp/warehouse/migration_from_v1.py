"""The migration from version 1 of the activity stream to version 2, step by step, each step repeatable.

    status      how far it is                          backfill   what version 2 lacks, a day at a time, oldest first
    dual_write  new rows follow by themselves          validate   every activity compared
    cutover     VW_ACTIVITIES reads version 2, unless a check fails
    rollback    VW_ACTIVITIES reads version 1 again, after it was given what only version 2 has

What is copied and compared is written in ``sql/01_migration_setup.sql``; here is only the order of things. An ``Engine`` does
the four things that differ: on Snowflake by calling the procedures, on the embedded one by running their statements.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from ..clock import SYSTEM_CLOCK, iso
from ..errors import CheckFailed, WarehouseError
from .duckdb.generated_sql import statements_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ..clock import Clock
    from .base import Statements
    from .duckdb.statements import DuckDBStatements
    from .duckdb.warehouse import DuckDBWarehouse

DUAL_WRITE, READ_V2 = "dual_write_enabled", "read_from_v2"
TO_V2, TO_V1 = "TO_V2", "TO_V1"
_PENDING = {TO_V2: "V_BACKFILL_PENDING", TO_V1: "V_ROLLBACK_PENDING"}
_LOADED = """
    UPDATE CLAUDE_STREAM_V2 SET loaded_at = $now, hour_start = DATE_TRUNC('hour', ts)
    WHERE channel_id = 'v1' AND loaded_at IS NULL
"""
_LOADED_NOW = "SELECT * FROM CLAUDE_STREAM_V2 WHERE channel_id = 'v1' AND loaded_at = $now"
_STATUS = f"""
SELECT
    (SELECT COUNT(*) FROM MIGRATION_FLAGS WHERE flag_name = '{DUAL_WRITE}' AND is_on) AS dual_write,
    (SELECT COUNT(*) FROM MIGRATION_FLAGS WHERE flag_name = '{READ_V2}' AND is_on) AS reads_v2,
    (SELECT COUNT(*) FROM ACTIVITY_STREAM) AS v1_rows,
    (SELECT COUNT(*) FROM V_V1_FOLLOWED) AS followed_rows,
    (SELECT COALESCE(SUM(activities), 0) FROM V_BACKFILL_PENDING) AS to_backfill,
    (SELECT COALESCE(SUM(activities), 0) FROM V_ROLLBACK_PENDING) AS only_in_v2
"""  # noqa: S608 - all of it is written here
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Check:
    """One check of the validation: PASS, WARN (version 1 is ambiguous, nothing is lost) or FAIL; up to five ids as JSON."""

    name: str
    old_value: str | None
    new_value: str | None
    status: str
    sample_ids: str | None


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the migration is: the flags, and the activities that each side still lacks of the other."""

    dual_write: bool
    reads_v2: bool
    v1_rows: int
    followed_rows: int
    to_backfill: int
    only_in_v2: int


class Engine(Protocol):
    """What differs between the warehouses."""

    remark: str
    """What of the migration does not apply here, for the person who asks for it; empty if everything does."""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of one query."""

    def copy(self, direction: str, first: datetime) -> None:
        """Copy the activities of the day that begins at ``first``."""

    def set_flag(self, name: str, is_on: bool) -> None: ...


class Migration:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def remark(self) -> str:
        return self._engine.remark

    def status(self) -> Progress:
        dual_write, reads_v2, *counts = self._engine.rows(_STATUS)[0]
        return Progress(bool(dual_write), bool(reads_v2), *map(int, counts))

    def backfill(self, on_progress: Callable[[int, int], None] = lambda done, total: None) -> int:
        """Copy what version 2 lacks; the number of activities. Stopped halfway, the next run goes on where this one was."""
        return self._copy(TO_V2, on_progress)

    def _copy(self, direction: str, on_progress: Callable[[int, int], None]) -> int:
        view = _PENDING[direction]
        days = self._engine.rows(f"SELECT day_start, activities FROM {view} ORDER BY day_start")  # noqa: S608 - the same
        total, done = sum(int(count) for _, count in days), 0
        for first, count in days:
            self._engine.copy(direction, first)
            done += int(count)
            on_progress(done, total)
        return done

    def dual_write(self, is_on: bool) -> None:
        self._engine.set_flag(DUAL_WRITE, is_on)

    def validate(self) -> list[Check]:
        found = self._engine.rows(
            "SELECT check_name, old_value, new_value, status, sample_ids FROM V_VALIDATE_MIGRATION ORDER BY nth, check_name"
        )
        return [Check(*row) for row in found]

    def cutover(self) -> list[Check]:
        """Read version 2 from now on. Raises CheckFailed, with nothing switched, while a check fails."""
        checks = self.validate()
        failed = [check.name for check in checks if check.status == "FAIL"]
        if failed:
            raise CheckFailed(
                f"{', '.join(failed)} failed; VW_ACTIVITIES still reads version 1",
                hint="run `activity-mcp migrate backfill`, then `activity-mcp migrate validate` for the details",
            )
        self._engine.set_flag(READ_V2, True)
        return checks

    def rollback(self, on_progress: Callable[[int, int], None] = lambda done, total: None) -> int:
        """Read version 1 again, once it has what only version 2 had; the number of activities copied back."""
        copied = self._copy(TO_V1, on_progress)
        self._engine.set_flag(READ_V2, False)
        return copied


class SnowflakeMigration:
    """``Engine`` on Snowflake: the procedures do the work, with their owner's rights."""

    remark = ""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._statements.execute(sql)

    def copy(self, direction: str, first: datetime) -> None:
        day = first.strftime("%Y-%m-%d %H:%M:%S")
        self._statements.execute(
            f"CALL BACKFILL_RANGE_{direction}(?::TIMESTAMP_NTZ, DATEADD(DAY, 1, ?::TIMESTAMP_NTZ))", [day, day]
        )

    def set_flag(self, name: str, is_on: bool) -> None:
        self._statements.execute("CALL SET_MIGRATION_FLAG(?, ?)", [name, is_on])


class EmbeddedMigration:
    """``Engine`` on the DuckDB file: a transaction a day, and the file free for the leader in between."""

    remark = (
        "the embedded warehouse has no tasks: with dual write on, new rows of ACTIVITY_STREAM follow with the next "
        "`activity-mcp migrate backfill`"
    )

    def __init__(self, warehouse: DuckDBWarehouse, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._warehouse = warehouse
        self._clock = clock

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._run(lambda statements: statements.execute(sql))

    def copy(self, direction: str, first: datetime) -> None:
        """One day, and what is new in version 2 through the refresh sequence, as Snowflake's task takes it from its stream."""
        day = {"from_ts": first, "to_ts": first + timedelta(days=1)}

        def work(statements: DuckDBStatements) -> list[tuple[Any, ...]]:
            for text in statements_of(f"run_backfill_{direction.lower()}.sql"):
                statements.execute(text, day)
            if direction == TO_V2:
                now = {"now": iso(self._clock.time_us())}
                statements.execute(_LOADED, now)
                statements.refresh(_LOADED_NOW, now)
            return []

        self._run(work, folds=True)

    def set_flag(self, name: str, is_on: bool) -> None:
        (text,) = statements_of("run_set_flag.sql")
        self._run(lambda statements: statements.execute(text, {"flag_name": name, "is_on": is_on}))

    def _run(self, work: Callable[[DuckDBStatements], list[tuple[Any, ...]]], *, folds: bool = False) -> list[tuple[Any, ...]]:
        """One transaction, tried again while another process has the file. ``folds``: what was appended is folded before."""
        deadline = self._clock.monotonic() + _PATIENCE_S
        while True:
            try:
                if folds:
                    self._warehouse.fold()
                with self._warehouse.transaction() as statements:
                    return work(statements)
            except WarehouseError as error:
                if not error.retryable or self._clock.monotonic() >= deadline:
                    raise
            finally:
                self._warehouse.release()
            time.sleep(0.05)
