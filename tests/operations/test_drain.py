"""Draining keeps to its time, and says what it leaves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.__main__ import run
from activity_mcp.errors import WarehouseUnavailable
from activity_mcp.operations.drain import BATCH_ROWS, Drainer
from activity_mcp.queue import Lease
from activity_mcp.service import ActivityService
from activity_mcp.warehouse.duckdb.query import DuckDBQueries
from activity_mcp.warehouse.memory import MemoryAdapter
from machines import Flaky
from patience import PATIENCE_S

TOOL = {"tool_name": "Bash", "success": True}


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ActivityService]:
    for name, value in {"HOME": str(tmp_path), "ACTIVITY_HOME": str(tmp_path), "ACTIVITY_CUSTOMER": "ada@x.org"}.items():
        monkeypatch.setenv(name, value)
    made = ActivityService.from_environ(source="cli")
    yield made
    made.close()


@pytest.mark.usefixtures("service")
def test_a_flush_whose_time_is_up_says_how_far_it_came_and_the_next_one_goes_on_from_there() -> None:
    warehouse = Flaky()
    service = ActivityService.from_environ(source="cli", adapter=MemoryAdapter(warehouse))
    origin = service.recorder.origin("cli")
    made = [service.recorder.prepare("tool_event", TOOL, origin) for _ in range(BATCH_ROWS + 1000)]
    service.recorder.append(made, durable=False)
    with pytest.raises(
        WarehouseUnavailable, match=rf"the time was up after {BATCH_ROWS} events; \d+ bytes still wait"
    ) as ended:
        Drainer(service).drain(0.001)
    assert "it goes on from there" in ended.value.hint
    assert Drainer(service).drain(PATIENCE_S).rows == 1000
    assert [row.activity_id for row in warehouse.rows] == [activity.activity_id for activity in made]


def test_a_querys_time_is_that_of_the_flush_before_it_as_well(
    service: ActivityService, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    service.log("tool_event", TOOL)
    assert run(["flush"]) == 0
    service.log("tool_event", TOOL)
    stuck, allowed = Lease(service.queue.directory), list[float]()
    drain, query = Drainer.drain, DuckDBQueries.query

    def drained(self: Drainer, timeout_s: float, **options: Any) -> Any:
        allowed.append(timeout_s)
        return drain(self, timeout_s, **options)

    def queried(self: DuckDBQueries, sql: str, *, timeout_s: float, **options: Any) -> Any:
        allowed.append(timeout_s)
        return query(self, sql, timeout_s=PATIENCE_S, **options)

    monkeypatch.setattr(Drainer, "drain", drained)
    monkeypatch.setattr(DuckDBQueries, "query", queried)
    assert stuck.try_acquire()  # a leader that flushes nothing
    assert run(["query", "SELECT 1", "--timeout", "2"]) == 0
    stuck.release()
    assert "not up to date" in capfd.readouterr().err
    assert allowed[0] == 1  # half of it, and what is left of the two seconds is the query's
    assert allowed[1] <= 1


def test_an_import_flushes_what_an_earlier_one_left_in_the_queue_and_says_so(
    service: ActivityService, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    service.log("tool_event", TOOL)  # as a flush that was killed half-way leaves it
    (tmp_path / "transcripts").mkdir()
    for expected in (True, False):
        assert run(["import", str(tmp_path / "transcripts")]) == 0
        assert (
            "events of an earlier run were still waiting in the queue; they are flushed now" in capfd.readouterr().err
        ) is expected
    assert not service.local_events.urgent()
