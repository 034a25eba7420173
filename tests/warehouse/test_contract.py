"""What every warehouse promises: one suite, run on the embedded DuckDB, the double in memory, and Snowflake's genuine clients
against the stand-in alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.clock import iso
from activity_mcp.errors import OffsetConflict
from activity_mcp.warehouse import Batch, Row, Scope
from activity_mcp.warehouse.base import Folded
from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse
from activity_mcp.warehouse.memory import MemoryWarehouse
from activity_mcp.warehouse.snowflake.warehouse import SnowflakeWarehouse
from deployed import put_warehouse
from fakes import FakeClock

CHANNEL = "channel-1"
EVERYWHERE = Scope("ada@example.com", "*")
Warehouse = DuckDBWarehouse | MemoryWarehouse | SnowflakeWarehouse


def offset(number: int) -> str:
    return f"{1:012d}:{number * 100:012d}:{number:08x}"


def row(number: int, clock: FakeClock, event_name: str = "tool_event", **columns: Any) -> Row:
    features = columns.pop("features", {"tool_name": "Bash", "success": True, "latency_ms": 12.5})
    values: dict[str, Any] = {
        "activity_id": f"id-{number}",
        "ts": iso(clock.time_us()),
        "customer": "ada@example.com",
        "activity": "used_tool",
        "anonymous_customer_id": None,
        "feature_json": json.dumps(features),
        "revenue_impact": None,
        "link": None,
        "event_name": event_name,
        "session_id": "s1",
        "project": "/w",
        "org_id": None,
        "source": "mcp",
        "schema_version": "1",
        "channel_id": CHANNEL,
        "stream_offset": offset(number),
    }
    return Row(**(values | columns))


def batch(first: int, last: int, clock: FakeClock, *, expected: str | None, **columns: Any) -> Batch:
    rows = [row(number, clock, **columns) for number in range(first, last + 1)]
    return Batch(CHANNEL, expected, offset(last), rows)


@pytest.fixture
def clock() -> FakeClock:
    """Near the real time: the warehouse's own clock decides what lies within the last days."""
    import time

    return FakeClock(time_us=time.time_ns() // 1000 - 60_000_000)


@pytest.fixture(params=["duckdb", "memory", "snowflake"])
def reopened(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[Callable[[], Warehouse]]:
    """A function that gives the warehouse as a new process would find it."""
    made: list[Warehouse] = []
    memory = MemoryWarehouse(clock=clock)
    put_warehouse(tmp_path)

    def reopen() -> Warehouse:
        for warehouse in made:
            warehouse.close()
        found: Warehouse = memory
        if request.param == "duckdb":
            found = DuckDBWarehouse(str(tmp_path / "activity.duckdb"), clock=clock)
        elif request.param == "snowflake":
            named = request.getfixturevalue("snowflake").connection(request.getfixturevalue("database"))
            found = SnowflakeWarehouse(lambda: named, clock=clock)
        made.append(found)
        return found

    yield reopen
    for warehouse in made:
        warehouse.close()


@pytest.fixture
def warehouse(reopened: Callable[[], Warehouse]) -> Warehouse:
    return reopened()


def test_a_channel_nobody_wrote_has_no_offset(warehouse: Warehouse) -> None:
    assert warehouse.committed(CHANNEL) is None
    assert warehouse.highest_offset(CHANNEL) is None


def test_rows_and_their_offset_are_committed_together_and_survive(
    reopened: Callable[[], Warehouse], warehouse: Warehouse, clock: FakeClock
) -> None:
    warehouse.append(batch(1, 3, clock, expected=None))
    again = reopened()
    assert again.committed(CHANNEL) == offset(3)
    assert again.highest_offset(CHANNEL) == offset(3)


def test_a_batch_sent_twice_is_refused_and_changes_nothing(warehouse: Warehouse, clock: FakeClock) -> None:
    sent = batch(1, 3, clock, expected=None)
    warehouse.append(sent)
    with pytest.raises(OffsetConflict) as refused:
        warehouse.append(sent)
    assert refused.value.found == offset(3)
    assert counts(warehouse) == {"tool_event": 3}


def test_a_large_batch_is_stored_whole(warehouse: Warehouse, clock: FakeClock) -> None:
    warehouse.append(batch(1, 1001, clock, expected=None))
    assert counts(warehouse) == {"tool_event": 1001}


def test_a_slower_flusher_finds_the_offset_moved(warehouse: Warehouse, clock: FakeClock) -> None:
    warehouse.append(batch(1, 2, clock, expected=None))
    warehouse.append(batch(3, 4, clock, expected=offset(2)))
    with pytest.raises(OffsetConflict):
        warehouse.append(batch(3, 5, clock, expected=offset(2)))
    warehouse.append(batch(5, 5, clock, expected=offset(4)))
    assert counts(warehouse) == {"tool_event": 5}


def test_channels_know_nothing_of_each_other(warehouse: Warehouse, clock: FakeClock) -> None:
    warehouse.append(batch(1, 2, clock, expected=None))
    other = [row(1, clock, channel_id="channel-2", activity_id="other")]
    warehouse.append(Batch("channel-2", None, offset(1), other))
    assert (warehouse.committed(CHANNEL), warehouse.committed("channel-2")) == (offset(2), offset(1))


def test_a_flush_refreshes_the_project_and_all_projects_of_a_customer(warehouse: Warehouse, clock: FakeClock) -> None:
    warehouse.append(batch(1, 3, clock, expected=None))
    warehouse.fold()
    changed = {context.scope: context for context in warehouse.changed_contexts({})}
    assert set(changed) == {Scope("ada@example.com", "/w"), Scope("ada@example.com", "*")}
    assert {context.row_version for context in changed.values()} == {1}
    assert changed[Scope("ada@example.com", "/w")].watermark == {CHANNEL: offset(3)}
    assert not list(warehouse.changed_contexts({scope: context.row_version for scope, context in changed.items()}))


def test_only_what_a_batch_touches_changes(warehouse: Warehouse, clock: FakeClock) -> None:
    warehouse.append(batch(1, 1, clock, expected=None, project="/a"))
    warehouse.fold()
    known = {context.scope: context.row_version for context in warehouse.changed_contexts({})}
    warehouse.append(batch(2, 2, clock, expected=offset(1), project="/b"))
    warehouse.fold()
    changed = {context.scope.project: context.row_version for context in warehouse.changed_contexts(known)}
    assert changed == {"/b": 1, "*": 2}


def test_the_servers_own_calls_touch_no_context(warehouse: Warehouse, clock: FakeClock) -> None:
    calls = {"event_name": "mcp_event", "features": {"method": "get_context", "latency_ms": 1}}
    warehouse.append(batch(1, 3, clock, expected=None, **calls))
    warehouse.fold()
    assert not list(warehouse.changed_contexts({}))
    assert warehouse.committed(CHANNEL) == offset(3)


def test_a_verified_context_holds_its_channel_as_far_as_a_fold_has_brought_it(warehouse: Warehouse, clock: FakeClock) -> None:
    warehouse.append(batch(1, 1, clock, expected=None))
    calls = {"event_name": "mcp_event", "features": {"method": "get_context", "latency_ms": 1}}
    warehouse.append(batch(2, 4, clock, expected=offset(1), **calls))
    warehouse.fold()
    (context,) = warehouse.contexts([Scope("ada@example.com", "*"), Scope("nobody", "*")], CHANNEL)
    assert context.scope == Scope("ada@example.com", "*")
    says_how_far = not isinstance(warehouse, SnowflakeWarehouse)
    assert context.watermark == {CHANNEL: offset(4 if says_how_far else 1)}


def test_what_is_appended_is_in_the_contexts_after_a_fold_and_once_however_often_it_is_folded(
    reopened: Callable[[], Warehouse], warehouse: Warehouse, clock: FakeClock
) -> None:
    if isinstance(warehouse, SnowflakeWarehouse):
        assert warehouse.fold() == Folded(), "a task of its own folds"
        return
    assert warehouse.fold() == Folded()
    warehouse.append(batch(1, 3, clock, expected=None))
    assert warehouse.contexts([EVERYWHERE], CHANNEL) == []
    assert warehouse.fold() == Folded(3)
    warehouse.append(batch(4, 5, clock, expected=offset(3)))
    other = [row(1, clock, channel_id="channel-2", activity_id="other")]
    warehouse.append(Batch("channel-2", None, offset(1), other))
    (context,) = warehouse.contexts([EVERYWHERE], CHANNEL)
    assert context.watermark == {CHANNEL: offset(3)}, "the overlay must still show what is not folded"
    again = reopened()
    assert again.fold() == Folded(3)
    assert again.fold() == Folded()
    assert counts(again) == {"tool_event": 6}
    (context,) = again.contexts([EVERYWHERE], CHANNEL)
    assert context.watermark == {CHANNEL: offset(5), "channel-2": offset(1)}


def test_the_same_fact_from_two_sources_counts_once(warehouse: Warehouse, clock: FakeClock) -> None:
    imported = row(1, clock, activity_id="same", source="import")
    hooked = row(2, clock, activity_id="same", source="hook")
    warehouse.append(Batch(CHANNEL, None, offset(1), [imported]))
    warehouse.append(Batch(CHANNEL, offset(1), offset(2), [hooked]))
    assert counts(warehouse) == {"tool_event": 1}


def counts(warehouse: Warehouse) -> dict[str, int]:
    """Events by name in the customer's whole context, with all that was appended in it."""
    warehouse.fold()
    (context,) = warehouse.contexts([Scope("ada@example.com", "*")], CHANNEL)
    total: dict[str, int] = {}
    for hour in context.blob["hours"]:
        for name, count in hour["events"].items():
            total[name] = total.get(name, 0) + count
    return total
