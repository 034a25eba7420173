"""Dictionaries that cannot grow keep what was used last, and what is only kept for a time no longer."""

from __future__ import annotations

from activity_mcp.recall.bounded import Lasting, Newest
from fakes import FakeClock


def test_what_was_used_longest_ago_makes_room() -> None:
    kept: Newest[int] = Newest(2)
    kept.put("a", 1)
    kept.put("b", 2)
    kept.get("a")
    kept.put("c", 3)
    assert [kept.get(key) for key in "abc"] == [1, None, 3]
    kept.put("a", 4)
    kept.put("d", 5)
    assert [kept.get(key) for key in "acd"] == [4, None, 5]


def test_what_was_dropped_is_gone_and_may_be_dropped_again() -> None:
    kept: Newest[int] = Newest(2)
    kept.put("a", 1)
    kept.drop("a")
    kept.drop("a")
    assert kept.get("a") is None


def test_a_value_lasts_for_its_time_from_when_it_was_put_and_no_longer() -> None:
    clock = FakeClock()
    kept: Lasting[int] = Lasting(8, 10, clock.monotonic)
    kept.put("a", 1)
    clock.advance(9.9)
    assert kept.get("a") == 1
    clock.advance(0.1)
    assert kept.get("a") is None
    kept.put("a", 2)
    assert kept.get("a") == 2
