"""Retention by the leader: once a day, what is too old leaves, what a legal hold names stays, and a failure is tried again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.clock import iso
from activity_mcp.errors import WarehouseUnavailable
from activity_mcp.operations.drain import Drainer
from activity_mcp.pipeline.daily_retention import DailyRetention
from activity_mcp.service import ActivityService
from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse
from deployed import put_warehouse
from fakes import FakeClock

DAY_S = 86_400
NOW_US = time.time_ns() // 1000  # the engine's own clock decides what is old


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ActivityService]:
    environ = {"ACTIVITY_HOME": str(tmp_path), "HOME": str(tmp_path), "ACTIVITY_CUSTOMER": "ada@example.com", "ACTIVITY_RETENTION_DAYS": "30"}  # fmt: skip
    put_warehouse(tmp_path)
    made = ActivityService.from_environ(environ, clock=FakeClock(time_us=NOW_US))
    yield made
    made.close()
    made.warehouse.release()


def turn(service: ActivityService, seconds: float) -> None:
    assert isinstance(service.clock, FakeClock)
    assert service.leader is not None
    service.clock.advance(seconds)
    service.leader.turn()


def read(service: ActivityService, sql: str) -> list[Any]:
    assert isinstance(service.warehouse, DuckDBWarehouse)
    with service.warehouse.transaction() as statements:
        rows = statements.execute(sql)
    service.warehouse.release()
    return rows


def test_once_a_day_what_is_too_old_leaves_and_what_is_held_stays(service: ActivityService) -> None:
    for name, days, customer in (("old", 31, "cat"), ("held", 31, "bob"), ("young", 29, "ada")):
        ts = iso(NOW_US - days * DAY_S * 1_000_000)
        service.log(
            "tool_event", {"tool_name": name, "success": False, "error": name}, customer=customer, activity_id=name, ts=ts
        )
    Drainer(service).drain()
    read(
        service,
        "INSERT INTO LEGAL_HOLDS (hold_id, customer, reason, placed_by, placed_at) VALUES ('c', 'bob', 'x', 'y', now()::TIMESTAMP)",
    )
    assert "old" in json.dumps(service.context(customer="cat"))
    service.prepare_leader()
    stored = "SELECT activity_id FROM CLAUDE_STREAM_V2 WHERE event_name = 'tool_event' ORDER BY 1"
    turn(service, 0)
    turn(service, DAY_S - 100)
    assert read(service, stored) == [("held",), ("old",), ("young",)]
    turn(service, 200)
    assert read(service, stored) == [("held",), ("young",)]
    turn(service, 100)  # the note is an event like any other
    reported = read(service, "SELECT feature_json FROM CLAUDE_STREAM_V2 WHERE activity = 'raised_retention'")
    assert [json.loads(features)["metrics"]["CLAUDE_STREAM_V2"] for (features,) in reported] == [1]
    assert "old" not in json.dumps(service.context(customer="cat"))
    service.log(
        "tool_event", {"tool_name": "late", "success": True}, activity_id="late", ts=iso(NOW_US - 40 * DAY_S * 1_000_000)
    )
    turn(service, 2000)
    turn(service, DAY_S / 2)
    assert read(service, stored) == [("held",), ("late",), ("young",)]
    turn(service, DAY_S / 2)
    turn(service, 100)
    assert read(service, stored) == [("held",), ("young",)]


def test_what_has_left_is_in_no_byte_of_the_home_a_month_later_at_the_latest(service: ActivityService, tmp_path: Path) -> None:
    def with_text(text: str) -> list[str]:
        service.warehouse.release()
        return [path.name for path in tmp_path.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]

    service.prepare_leader()
    turn(service, 0)
    for days, name in ((0, "FIRSTMARK"), (2, "SECONDMARK")):
        ts = iso(NOW_US - 40 * DAY_S * 1_000_000)
        for number in range(20):
            features = {"tool_name": name, "success": False, "error": f"{name} {number}"}
            service.log("tool_event", features, customer=name, project=f"/p/{name}", activity_id=f"{name}{number}", ts=ts)
        Drainer(service).drain()
        assert with_text(name) != [], days
        for seconds in (2000, DAY_S, 100, 100):
            turn(service, seconds)
        Drainer(service).drain()
        assert ("activity.duckdb" in with_text(name)) is (name == "SECONDMARK")  # rewritten once in thirty days
    for _ in range(31):
        turn(service, DAY_S)
    turn(service, 100)
    assert read(service, "SELECT COUNT(*) FROM V_CURRENT_STREAM WHERE event_name = 'tool_event'") == [(0,)]
    left = {name: [path for path in with_text(name) if not path.endswith(".ndjson")] for name in ("FIRSTMARK", "SECONDMARK")}
    assert left == {"FIRSTMARK": [], "SECONDMARK": []}


class Down:
    """A warehouse that never answers."""

    calls = 0

    def run(self, keep_days: int) -> dict[str, int]:
        self.calls += 1
        raise WarehouseUnavailable("down")

    def compact(self) -> None:
        raise AssertionError("nothing was removed")


def test_a_failure_is_tried_again_after_an_hour(tmp_path: Path) -> None:
    clock, warehouse = FakeClock(), Down()
    upkeep = DailyRetention(str(tmp_path), warehouse, keep_days=30, clock=clock)
    assert upkeep.is_due() is False  # begins to count
    clock.advance(DAY_S + 61)
    assert upkeep.is_due() is True
    with pytest.raises(WarehouseUnavailable):
        upkeep.run()
    for seconds, due in ((3500, False), (101, True)):
        clock.advance(seconds)
        assert upkeep.is_due() is due


def test_a_clock_that_was_wrong_does_not_put_it_off_for_years(tmp_path: Path) -> None:
    clock = FakeClock()
    upkeep = DailyRetention(str(tmp_path), Down(), keep_days=30, clock=clock)
    (tmp_path / "upkeep.json").write_text('{"version":1,"at":"2099-01-01T00:00:00.000000Z","removed":{}}')
    assert upkeep.is_due() is True
