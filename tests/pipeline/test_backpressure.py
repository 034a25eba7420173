"""Backpressure: entered when nothing moves, left when it does, on the monotonic clock alone."""

from __future__ import annotations

import random

from activity_mcp.pipeline.backpressure import BUSY_ATTEMPTS, FIRST_PAUSE_S, MAX_PAUSE_S, Backpressure
from fakes import FakeClock


def made(clock: FakeClock) -> Backpressure:
    return Backpressure(120_000, clock, jitter=random.Random(1))


def test_a_backlog_that_does_not_move_for_longer_than_the_threshold_enters_it_once() -> None:
    clock = FakeClock()
    pressure = made(clock)
    assert pressure.observe("a", 100) is None
    clock.advance(120)
    assert pressure.observe("a", 100) is None
    clock.advance(1)
    assert pressure.observe("a", 200) == "entered"
    assert pressure.observe("a", 300) is None
    assert pressure.batch_rows(100) == 400


def test_an_empty_queue_or_a_moving_offset_never_enters_it() -> None:
    clock = FakeClock()
    pressure = made(clock)
    for number in range(10):
        clock.advance(100)
        assert pressure.observe(str(number), 100) is None
    for _ in range(10):
        clock.advance(100)
        assert pressure.observe("9", 0) is None


def test_it_is_left_when_the_backlog_is_gone_or_has_halved_and_not_at_the_first_step() -> None:
    clock = FakeClock()
    pressure = made(clock)
    pressure.observe("a", 1000)
    clock.advance(121)
    assert pressure.observe("a", 1000) == "entered"
    assert pressure.observe("b", 900) is None
    assert pressure.observe("c", 500) == "left"
    assert pressure.batch_rows(100) == 100


def test_a_wall_clock_that_jumps_changes_nothing() -> None:
    clock = FakeClock()
    pressure = made(clock)
    pressure.observe("a", 100)
    clock.jump_wall(86_400)
    assert pressure.observe("a", 100) is None
    clock.jump_wall(-86_400 * 2)
    clock.advance(121)
    assert pressure.observe("a", 100) == "entered"


def test_attempts_back_off_with_jitter_up_to_a_bound_and_start_anew_after_a_success() -> None:
    clock = FakeClock()
    pressure = made(clock)
    for failures in range(12):
        pressure.failed()
        assert not pressure.may_try()
        clock.advance(min(MAX_PAUSE_S, 2**failures))
        assert pressure.may_try()
    for _ in range(5000):  # days of an outage
        pressure.failed()
    assert not pressure.may_try()
    pressure.succeeded()
    assert pressure.may_try()


def test_batches_do_not_grow_after_a_failure() -> None:
    clock = FakeClock()
    pressure = made(clock)
    pressure.observe("a", 1000)
    clock.advance(121)
    pressure.failed()
    assert pressure.observe("a", 1000) == "entered"
    assert pressure.batch_rows(100) == 100
    pressure.succeeded()
    assert pressure.batch_rows(100) == 400


def test_who_waits_for_a_file_in_use_asks_again_soon_for_the_first_minute() -> None:
    clock = FakeClock()
    pressure = made(clock)
    for _ in range(BUSY_ATTEMPTS):
        pressure.failed(busy=True)
        clock.advance(FIRST_PAUSE_S)
        assert pressure.may_try()
    pressure.failed(busy=True)
    clock.advance(FIRST_PAUSE_S)
    assert not pressure.may_try()
