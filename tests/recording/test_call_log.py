"""The server's own events: in groups, aggregated, bounded, and never the reason for a flush."""

from __future__ import annotations

from activity_mcp import schema
from activity_mcp.activity import Origin
from activity_mcp.recording.call_log import MAX_BUFFERED, MAX_METHODS, PER_SECOND, CallLog, CallTotals
from fakes import FakeClock


def made(clock: FakeClock) -> CallLog:
    return CallLog(Origin("ada", "mcp"), clock)


def test_each_call_becomes_one_event_that_rides_and_fits_its_schema() -> None:
    log = made(FakeClock())
    log.record("get_context", 0.71234, {"cache_hit": True, "cache_age_ms": 12, "stale": False, "success": True})
    (activity,) = log.take()
    assert activity.feature_json == {
        "method": "get_context",
        "latency_ms": 0.712,
        "cache_hit": True,
        "cache_age_ms": 12,
        "stale": False,
        "success": True,
    }
    assert activity.record()["ride"] == 1
    assert schema.errors_of("mcp_event", activity.feature_json) == []
    assert log.take() == []


def test_beyond_ten_a_second_the_calls_of_a_method_are_reported_as_one() -> None:
    clock = FakeClock()
    log = made(clock)
    for number in range(PER_SECOND + 90):
        log.record("get_context", 2.0, {"cache_hit": number % 2 == 0, "success": number != PER_SECOND + 5})
    assert len(log.take()) == PER_SECOND
    clock.advance(1)
    (rest,) = log.take()
    assert rest.feature_json == {"method": "get_context", "latency_ms": 2.0, "count": 90, "success": False, "cache_hit": False}
    assert schema.errors_of("mcp_event", rest.feature_json) == []


def test_nothing_is_lost_between_one_second_and_the_next() -> None:
    clock = FakeClock()
    log = made(clock)
    for _ in range(50):
        log.record("log_event", 1.0, {"success": True})
    reported = sum(activity.feature_json.get("count", 1) for activity in log.drain())
    assert reported == 50


def test_a_buffer_nobody_empties_is_bounded_and_counts_what_it_drops() -> None:
    clock = FakeClock()
    log = made(clock)
    for _ in range(MAX_BUFFERED + 10):
        clock.advance(1)
        log.record("get_context", 1.0, {})
    assert len(log.drain()) == MAX_BUFFERED
    assert log.dropped == 10


def test_a_call_reported_alone_bears_its_id() -> None:
    log = made(FakeClock())
    log.record("get_context", 1.0, {"success": True}, "01890000-0000-7000-8000-000000000001")
    assert [activity.activity_id for activity in log.take()] == ["01890000-0000-7000-8000-000000000001"]


def test_totals_count_every_call_and_keep_to_a_bound_of_methods() -> None:
    calls = CallTotals()
    for latency in (0.4, 0.5, 20.0, 99_999.0):
        calls.add("get_context", latency, {"success": latency < 50, "cache_hit": latency < 1})
    for number in range(MAX_METHODS + 5):
        calls.add(f"made-up-{number}", 1.0, {})
    totals = calls.totals()
    found = totals["get_context"]
    assert (found.count, found.failed, found.hits, found.sum_ms) == (4, 1, 2, 100_019.9)
    assert dict(zip(found.BOUNDS_MS, found.buckets, strict=True)) == {
        0.5: 2, 1.0: 0, 2.5: 0, 5.0: 0, 10.0: 0, 25.0: 1, 50.0: 0, 100.0: 0, 250.0: 0, 1000.0: 0, 10_000.0: 0,
    }  # fmt: skip
    assert (len(totals), totals["other"].count, totals["made-up-0"].hits) == (MAX_METHODS + 1, 6, None)


def test_a_wall_clock_that_jumps_loses_no_call_and_keeps_to_the_bound() -> None:
    clock = FakeClock()
    log = made(clock)
    for jump in (0.0, -86_400.0, 0.0, 86_400.0):
        clock.jump_wall(jump)
        for _ in range(25):
            log.record("get_context", 1.0, {"success": True})
    events = log.drain()
    assert sum(event.feature_json.get("count", 1) for event in events) == 100
    assert len(events) <= 3 * (PER_SECOND + 1)
