"""Asking a warehouse that costs money: at the start, then rarely, and not at all when nobody is there."""

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


def test_it_asks_at_the_start_and_every_two_hours() -> None:
    clock = FakeClock()
    assert moments(Pace(clock), clock, 15000, active_until=15000) == [0, 7200, 14400]


def test_it_stops_ten_minutes_after_the_last_activity_and_starts_again_at_once() -> None:
    clock = FakeClock()
    pace = Pace(clock)
    assert moments(pace, clock, 7200, active_until=60) == [0]
    assert moments(pace, clock, 120, active_until=60) == [0]


def test_a_scope_that_is_new_need_not_wait_for_the_next_moment() -> None:
    clock = FakeClock()
    pace = Pace(clock)
    pace.active()
    pace.asked()
    clock.advance(4)
    assert (pace.may_ask(), pace.may_ask_for_new()) == (False, False)
    clock.advance(2)
    assert (pace.may_ask(), pace.may_ask_for_new()) == (False, True)


def test_without_activity_it_never_asks() -> None:
    clock = FakeClock()
    assert moments(Pace(clock), clock, 3600, active_until=0) == []
