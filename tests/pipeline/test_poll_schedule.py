"""Asking a warehouse that costs money: often at first, then rarely, and not at all when nobody is there."""

from __future__ import annotations

from activity_mcp.pipeline.poll_schedule import Pace
from fakes import FakeClock


def moments(pace: Pace, clock: FakeClock, seconds: int, *, active_until: int) -> list[int]:
    """When it was asked, second by second, while there is a sign of activity every ten seconds until then."""
    found = []
    for second in range(seconds):
        if second % 10 == 0 and second < active_until:
            pace.active()
        if pace.may_ask():
            found.append(second)
            pace.asked()
        clock.advance(1)
    return found


def test_it_asks_at_once_then_after_5_and_30_seconds_and_every_minute() -> None:
    clock = FakeClock()
    assert moments(Pace(clock), clock, 300, active_until=300) == [0, 5, 35, 95, 155, 215, 275]


def test_it_stops_ten_minutes_after_the_last_activity_and_starts_again_at_once() -> None:
    clock = FakeClock()
    pace = Pace(clock)
    first = moments(pace, clock, 7200, active_until=60)
    assert first[-1] <= 50 + 600
    assert len(first) < 15
    assert moments(pace, clock, 60, active_until=60) == [0, 5, 35]


def test_without_activity_it_never_asks() -> None:
    clock = FakeClock()
    assert moments(Pace(clock), clock, 3600, active_until=0) == []
