"""Who has the database file next: a flush that waits goes before queries that have not begun, and long ones give way."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.errors import QueryCancelled, WarehouseBusy, WarehouseUnavailable
from activity_mcp.warehouse.duckdb import file_turns
from activity_mcp.warehouse.duckdb import query as queries
from activity_mcp.warehouse.duckdb.file_turns import LAPSES_S, WriterMark
from activity_mcp.warehouse.duckdb.query import DuckDBQueries
from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse
from fakes import FakeClock
from patience import PATIENCE_S
from warehouse.test_contract import CHANNEL, batch, offset

ENDLESS = "SELECT COUNT(*) FROM range(1000000000000)"


@pytest.fixture
def path(tmp_path: Path) -> str:
    made = str(tmp_path / "a.duckdb")
    warehouse = DuckDBWarehouse(made, clock=clock())
    warehouse.append(batch(1, 1, clock(), expected=None))
    warehouse.close()
    return made


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as made:
        yield made


def clock() -> FakeClock:
    return FakeClock(time_us=time.time_ns() // 1000)


def ask(pool: ThreadPoolExecutor, path: str, sql: str, stop: threading.Event, timeout_s: float = 3 * PATIENCE_S) -> Future[Any]:
    return pool.submit(DuckDBQueries(path).query, sql, timeout_s=timeout_s, cancelled=stop.is_set)


def until_in_use(path: str, has_ended: Callable[[], bool] = lambda: False) -> bool:
    """Wait until a query has the file; False where it ended unseen."""
    while not has_ended():
        impatient = DuckDBWarehouse(path, patience_s=0)
        try:
            impatient.committed(CHANNEL)
        except WarehouseBusy:
            WriterMark(path).remove()
            return True
        finally:
            impatient.close()
    return False


def test_a_flush_gets_the_file_under_queries_that_overlap_without_end(
    path: str, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "GIVES_WAY_S", 0.3)
    stop = threading.Event()
    running = [ask(pool, path, ENDLESS, stop) for _ in range(4)]
    try:
        until_in_use(path)
        warehouse = DuckDBWarehouse(path, clock=clock(), patience_s=PATIENCE_S)
        for number in range(2, 5):
            warehouse.append(batch(number, number, clock(), expected=offset(number - 1)))
            warehouse.release()
        warehouse.close()
        assert not any(query.done() for query in running)  # they gave way, and began again
    finally:
        stop.set()
        assert all(isinstance(query.exception(), QueryCancelled) for query in running)


@pytest.fixture
def lasting_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mark lapses in three seconds, and a busy machine may stop a test for longer."""
    monkeypatch.setattr(file_turns, "LAPSES_S", PATIENCE_S)


@pytest.mark.usefixtures("lasting_marks")
def test_while_a_flush_waits_no_query_begins_and_afterwards_it_does(path: str, pool: ThreadPoolExecutor) -> None:
    stop = threading.Event()
    WriterMark(path).keep()
    with pytest.raises(WarehouseUnavailable, match="a flush waits"):
        DuckDBQueries(path).query("SELECT 1", timeout_s=0.5)
    WriterMark(path).remove()
    assert ask(pool, path, "SELECT 1", stop).result().rows == [[1]]


def test_a_query_shorter_than_the_grace_is_left_alone(path: str) -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        for rows in (300_000_000, 1_000_000_000, 3_000_000_000):  # long enough to be seen, on this machine today
            query = ask(pool, path, f"SELECT COUNT(*) FROM range({rows})", stop)
            if until_in_use(path, query.done):
                break
        warehouse = DuckDBWarehouse(path, clock=clock(), patience_s=PATIENCE_S)
        warehouse.append(batch(2, 2, clock(), expected=offset(1)))
        warehouse.close()
        assert query.result().rows == [[rows]]


def test_the_mark_goes_with_the_flush_that_made_it(path: str) -> None:
    WriterMark(path).keep()
    warehouse = DuckDBWarehouse(path, clock=clock())
    assert warehouse.committed(CHANNEL) == offset(1)
    warehouse.close()
    assert [name for name in os.listdir(os.path.dirname(path)) if "writer-waits" in name] == []


def test_the_mark_of_a_flush_that_was_killed_keeps_nobody_out(path: str) -> None:
    mark = WriterMark(path)
    mark.keep()
    old = time.time() - LAPSES_S - 1
    os.utime(f"{path}.writer-waits", (old, old))
    assert mark.waited_s() is None
    assert DuckDBQueries(path).query("SELECT 1").rows == [[1]]
    os.utime(f"{path}.writer-waits", (old + 10_000, old + 10_000))  # the clock was set back since
    assert DuckDBQueries(path).query("SELECT 1").rows == [[1]]


@pytest.mark.usefixtures("lasting_marks")
def test_a_process_that_keeps_asking_keeps_its_place(path: str) -> None:
    mark = WriterMark(path)
    mark.keep()
    first = mark.waited_s()
    mark.keep()
    again = mark.waited_s()
    assert first is not None
    assert again is not None
    assert again >= first
