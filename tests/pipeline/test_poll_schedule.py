"""Asking a warehouse that costs money: at the start, then rarely, and not at all when nobody is there."""

from __future__ import annotations

from activity_mcp.pipeline.poll_schedule import PollSchedule
from fakes import FakeClock


def moments(schedule: PollSchedule, clock: FakeClock, seconds: int, *, active_until: int) -> list[int]:
    """When it was polled, second by second, while there is a sign of activity every ten seconds until then."""
    found = []
    for second in range(seconds):
        if second % 10 == 0 and second < active_until:
            schedule.active()
        if schedule.may_poll():
            found.append(second)
            schedule.polled()
        clock.advance(1)
    return found


def test_it_asks_at_the_start_and_every_two_hours() -> None:
    clock = FakeClock()
    assert moments(PollSchedule(clock), clock, 15000, active_until=15000) == [0, 7200, 14400]


def test_it_stops_ten_minutes_after_the_last_activity_and_starts_again_at_once() -> None:
    clock = FakeClock()
    schedule = PollSchedule(clock)
    assert moments(schedule, clock, 7200, active_until=60) == [0]
    assert moments(schedule, clock, 120, active_until=60) == [0]


def test_a_scope_that_is_new_need_not_wait_for_the_next_moment() -> None:
    clock = FakeClock()
    schedule = PollSchedule(clock)
    schedule.active()
    schedule.polled()
    clock.advance(4)
    assert (schedule.may_poll(), schedule.may_poll_new()) == (False, False)
    clock.advance(2)
    assert (schedule.may_poll(), schedule.may_poll_new()) == (False, True)


def test_without_activity_it_never_asks() -> None:
    clock = FakeClock()
    assert moments(PollSchedule(clock), clock, 3600, active_until=0) == []
