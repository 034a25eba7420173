"""The server's own events: in groups, aggregated, bounded, and never the reason for a flush."""

from __future__ import annotations

from activity_mcp import schema
from activity_mcp.activity import Origin
from activity_mcp.selflog import MOST_BUFFERED, PER_SECOND, SelfLog
from fakes import FakeClock


def made(clock: FakeClock) -> SelfLog:
    return SelfLog(Origin("ada", "mcp"), clock)


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


def test_beyond_ten_a_second_the_calls_of_a_method_are_told_as_one() -> None:
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
    told = sum(activity.feature_json.get("count", 1) for activity in log.drain())
    assert told == 50


def test_a_buffer_nobody_empties_is_bounded_and_counts_what_it_drops() -> None:
    clock = FakeClock()
    log = made(clock)
    for _ in range(MOST_BUFFERED + 10):
        clock.advance(1)
        log.record("get_context", 1.0, {})
    assert len(log.drain()) == MOST_BUFFERED
    assert log.dropped == 10
