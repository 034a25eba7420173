"""Stale-while-revalidate: always an answer, one refresh behind it, and no reading that makes an answer look younger."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from activity_mcp.context import Snapshot, SnapshotStore, key_of
from activity_mcp.context.snapshot import Reading
from activity_mcp.errors import DiskFull
from activity_mcp.recall.cache import ContextCache, Entry
from context.samples import HERE, ME, NOW, SECOND, snapshot
from fakes import FakeClock

TTL, MAX_STALE = 30.0, 3600.0


class House:
    """A store, a clock, a cache over them, and what the cache has asked for."""

    def __init__(self, directory: Path) -> None:
        self.clock = FakeClock(NOW)
        self.store = SnapshotStore(str(directory / "context"), clock=self.clock)
        self.asked: list[tuple[str, str]] = []
        self.cache = self.another_process()

    def another_process(self, max_entries: int = 256) -> ContextCache:
        return ContextCache(
            self.store,
            ttl_s=TTL,
            max_stale_s=MAX_STALE,
            clock=self.clock,
            revalidate=lambda customer, project: self.asked.append((customer, project)),
            max_entries=max_entries,
        )

    def verify(self, number: int = 1) -> Snapshot:
        """What the leader does: publish the context as it is verified now."""
        made = snapshot(number, as_of=self.clock.time_us())
        assert self.store.publish(made)
        return made


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def seen(entry: Entry) -> tuple[str, int | None, str]:
    return (entry.freshness, entry.age_ms, entry.source)


def test_a_new_process_starts_warm_from_the_file_and_then_answers_from_memory(house: House) -> None:
    made = house.verify()
    house.clock.advance(2)
    first, second = house.cache.get(ME, HERE), house.cache.get(ME, HERE)
    assert (seen(first), first.reason) == (("fresh", 2000, "snapshot"), None)
    assert (seen(second), second.reason) == (("fresh", 2000, "memory"), None)
    assert first.snapshot is second.snapshot
    assert first.snapshot is not None
    assert first.snapshot.record() == made.record()
    assert house.asked == []


def test_it_goes_from_fresh_to_stale_to_expired_and_back_and_is_answered_in_every_state(house: House) -> None:
    house.verify(1)
    states = []
    for seconds in (0, TTL, 0.001, MAX_STALE - TTL - 0.001, 0.001):
        house.clock.advance(seconds)
        entry = house.cache.get(ME, HERE)
        assert entry.snapshot is not None
        states.append((entry.freshness, entry.age_ms))
    assert states == [("fresh", 0), ("fresh", 30_000), ("stale", 30_001), ("stale", 3_600_000), ("expired", 3_600_001)]
    house.verify(2)
    assert seen(house.cache.get(ME, HERE)) == ("fresh", 0, "snapshot")


def test_whatever_is_not_fresh_says_why_and_what_to_do(house: House) -> None:
    missing = house.cache.get(ME, HERE)
    assert missing.reason == "nothing was read from the warehouse for this context yet; a refresh is under way"
    house.verify()
    house.clock.advance(45)
    assert house.cache.get(ME, HERE).reason == "not verified for 45 s; a refresh is under way"
    house.clock.advance(3 * 3600)
    expired = house.cache.get(ME, HERE).reason
    assert expired is not None
    assert "not verified for 3 h: no server is leading this queue" in expired
    assert "refresh task is not running" in expired
    assert "activity-mcp status" in expired


def test_another_process_publishing_is_seen_at_the_next_call(house: House) -> None:
    house.verify(1)
    house.cache.get(ME, HERE)
    SnapshotStore(house.store.directory, clock=house.clock).publish(snapshot(2))
    entry = house.cache.get(ME, HERE)
    assert entry.snapshot is not None
    assert entry.snapshot.watermark == snapshot(2).watermark


def test_an_unchanged_file_is_not_read_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.verify()
    reads: list[tuple[str, str]] = []
    load = house.store.load

    def counted(customer: str, project: str) -> Reading:
        reads.append((customer, project))
        return load(customer, project)

    monkeypatch.setattr(house.store, "load", counted)
    for _ in range(5):
        house.cache.get(ME, HERE)
        house.clock.advance(100)
    assert reads == [(ME, HERE)]


# --- one refresh at a time


def test_a_stale_key_is_asked_for_once_until_it_is_answered(house: House) -> None:
    house.verify(1)
    house.clock.advance(TTL + 1)
    for _ in range(50):
        house.cache.get(ME, HERE)
        house.clock.advance(0.1)
    assert house.asked == [(ME, HERE)]
    house.verify(2)
    house.cache.get(ME, HERE)
    assert house.asked == [(ME, HERE)]
    house.clock.advance(TTL + 1)
    house.cache.get(ME, HERE)
    assert house.asked == [(ME, HERE)] * 2


def test_an_unanswered_request_is_repeated_once_a_ttl(house: House) -> None:
    house.verify()
    house.clock.advance(TTL + 1)
    for _ in range(100):
        house.cache.get(ME, HERE)
        house.clock.advance(1)
    assert len(house.asked) == 4


def test_an_answer_that_is_itself_stale_is_asked_for_again_at_once(house: House) -> None:
    house.verify(1)
    house.clock.advance(TTL + 5)
    house.cache.get(ME, HERE)
    house.store.publish(snapshot(2, as_of=NOW + SECOND))
    house.cache.get(ME, HERE)
    assert len(house.asked) == 2


def test_keys_are_asked_for_independently(house: House) -> None:
    for project in ("/a", "/b", "*", "/a"):
        house.cache.get(ME, project)
    assert house.asked == [(ME, "/a"), (ME, "/b"), (ME, "*")]


def test_eight_threads_that_miss_at_once_ask_once(tmp_path: Path) -> None:
    house, start, asked = House(tmp_path), threading.Barrier(8), threading.Semaphore(0)
    cache = ContextCache(
        house.store, ttl_s=TTL, max_stale_s=MAX_STALE, clock=house.clock, revalidate=lambda *_key: asked.release()
    )

    def ask() -> None:
        start.wait()
        for _ in range(200):
            cache.get(ME, HERE)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asked.acquire(blocking=False)
    assert not asked.acquire(blocking=False)


def test_peek_asks_for_nothing(house: House) -> None:
    assert seen(house.cache.peek(ME, HERE)) == ("missing", None, "none")
    house.verify()
    house.clock.advance(TTL + 1)
    stale = house.cache.peek(ME, HERE)
    assert (stale.freshness, stale.reason) == ("stale", "not verified for 31 s; no refresh is under way")
    assert house.asked == []


def test_a_request_that_cannot_be_left_costs_the_reason_not_the_answer(house: House) -> None:
    def fail(_customer: str, _project: str) -> None:
        raise DiskFull("no space for the request")

    house.verify()
    house.clock.advance(TTL + 1)
    cache = ContextCache(house.store, ttl_s=TTL, max_stale_s=MAX_STALE, clock=house.clock, revalidate=fail)
    for _ in range(2):
        entry = cache.get(ME, HERE)
        assert seen(entry)[:2] == ("stale", 31_000)
        assert entry.reason == "not verified for 31 s; a refresh could not be asked for (no space for the request)"


def test_without_a_leader_in_the_process_the_request_is_left_on_disk(tmp_path: Path) -> None:
    store = SnapshotStore(str(tmp_path / "context"))
    ContextCache(store, ttl_s=TTL, max_stale_s=MAX_STALE).get(ME, HERE)
    assert store.requests() == [(ME, HERE)]


# --- time


def test_reading_never_makes_an_answer_younger(house: House) -> None:
    house.verify()
    ages = []
    for _ in range(10):
        house.clock.advance(7)
        ages.append(house.cache.get(ME, HERE).age_ms)
    assert ages == [7000 * n for n in range(1, 11)]


def test_a_file_written_again_for_the_same_verification_is_as_old_as_before(house: House) -> None:
    house.verify()
    house.cache.get(ME, HERE)
    house.clock.advance(20)
    house.clock.jump_wall(-20)
    house.store.publish(snapshot(1, as_of=NOW, version=2))
    assert seen(house.cache.get(ME, HERE)) == ("fresh", 20_000, "snapshot")


def test_a_wall_clock_set_back_gives_neither_a_negative_age_nor_freshness_for_ever(house: House) -> None:
    house.verify()
    house.cache.get(ME, HERE)
    house.clock.jump_wall(-86_400)
    house.clock.advance(10)
    entry = house.cache.get(ME, HERE)
    assert (entry.freshness, entry.age_ms) == ("stale", 10_000)
    assert entry.reason == "verified in the future: the clock was set back; a refresh is under way"
    house.clock.advance(TTL)
    assert house.cache.get(ME, HERE).age_ms == 40_000
    house.clock.advance(MAX_STALE)
    assert house.cache.get(ME, HERE).freshness == "expired"


def test_a_new_process_does_not_trust_a_verification_in_the_future_and_is_healed_by_the_next(house: House) -> None:
    house.verify(1)
    house.clock.jump_wall(-86_400)
    cache = house.another_process()
    assert seen(cache.get(ME, HERE)) == ("stale", 0, "snapshot")
    assert house.asked == [(ME, HERE)]
    house.verify(1)
    assert seen(cache.get(ME, HERE)) == ("fresh", 0, "snapshot")


def test_a_machine_that_slept_finds_its_context_old(house: House) -> None:
    """The monotonic clock may stand still meanwhile; the wall clock does not."""
    house.verify()
    house.cache.get(ME, HERE)
    house.clock.jump_wall(7200)
    assert seen(house.cache.get(ME, HERE)) == ("expired", 7_200_000, "memory")


# --- files that go wrong


def file_of(house: House) -> Path:
    return Path(house.store.directory, f"{key_of(ME, HERE)}.json")


def test_a_file_damaged_later_does_not_take_away_what_memory_holds(house: House) -> None:
    made = house.verify()
    house.cache.get(ME, HERE)
    file_of(house).write_bytes(b"\0" * 500)
    house.clock.advance(TTL + 1)
    entry = house.cache.get(ME, HERE)
    assert seen(entry) == ("stale", 31_000, "memory")
    assert entry.snapshot is not None
    assert entry.snapshot.record() == made.record()
    assert entry.reason == "the snapshot file is damaged, so this is what was read before; a refresh is under way"


def test_a_damaged_file_at_the_start_is_a_miss_that_says_so_and_heals(house: House) -> None:
    house.verify()
    file_of(house).write_bytes(b"{")
    entry = house.cache.get(ME, HERE)
    assert (seen(entry), entry.reason) == (
        ("missing", None, "none"),
        "the snapshot file is damaged; a refresh is under way",
    )
    house.verify()
    assert seen(house.cache.get(ME, HERE)) == ("fresh", 0, "snapshot")


def test_a_snapshot_of_a_newer_version_is_missing_even_where_an_older_one_is_in_memory(house: House) -> None:
    house.verify()
    house.cache.get(ME, HERE)
    file_of(house).write_bytes(b'{"version":2}')
    entry = house.cache.get(ME, HERE)
    assert entry.freshness == "missing"
    assert entry.reason is not None
    assert "upgrade" in entry.reason


def test_what_was_forgotten_on_disk_is_forgotten_in_memory(house: House) -> None:
    house.verify()
    house.cache.get(ME, HERE)
    house.store.clear()
    assert seen(house.cache.get(ME, HERE)) == ("missing", None, "none")


def test_memory_holds_so_many_contexts_and_no_more(house: House) -> None:
    cache = house.another_process(max_entries=3)
    for project in map(str, range(5)):
        house.store.publish(snapshot(1, project=project))
        cache.get(ME, project)
    assert [cache.get(ME, project).source for project in map(str, range(4, -1, -1))] == [
        "memory", "memory", "memory", "snapshot", "snapshot",
    ]  # fmt: skip


# --- all of it in any order


class AnyOrder(RuleBasedStateMachine):
    """Against a model that only knows when a verification was first seen and when a refresh was last asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.house = House(Path(self.directory.name))
        self.number = 0
        self.first_seen: dict[int, float] = {}
        self.requests: list[tuple[float, int | None]] = []

    def teardown(self) -> None:
        self.directory.cleanup()

    @rule(seconds=st.sampled_from([0.001, 1.0, 29.0, 31.0, 1000.0, 4000.0]))
    def time_passes(self, seconds: float) -> None:
        self.house.clock.advance(seconds)

    @rule(seconds=st.sampled_from([-86_400, -40, -2, 2, 40, 86_400]))
    def the_wall_clock_jumps(self, seconds: float) -> None:
        self.house.clock.jump_wall(seconds)

    @rule(grown=st.booleans())
    def the_leader_verifies(self, grown: bool) -> None:
        self.number += grown
        made = snapshot(self.number, as_of=self.house.clock.time_us())
        if self.house.store.publish(made):
            self.first_seen.pop(made.as_of_us, None)

    @precondition(lambda self: file_of(self.house).exists())
    @rule(content=st.sampled_from([b"", b"\0" * 99, b"{"]))
    def the_file_is_damaged(self, content: bytes) -> None:
        file_of(self.house).write_bytes(content)

    @precondition(lambda self: file_of(self.house).exists())
    @rule()
    def the_file_is_removed(self) -> None:
        os.unlink(file_of(self.house))

    @invariant()
    def a_read_is_honest(self) -> None:
        house, now = self.house, self.house.clock.monotonic()
        asked = len(house.asked)
        entry = house.cache.get(ME, HERE)
        as_of = entry.snapshot.as_of_us if entry.snapshot else None
        assert (entry.reason is None) == (entry.freshness == "fresh")
        if entry.snapshot is None:
            assert seen(entry) == ("missing", None, "none")
        else:
            assert entry.age_ms is not None
            assert as_of is not None
            since = self.first_seen.setdefault(as_of, now)
            wall_ms = (house.clock.time_us() - as_of) // 1000
            assert entry.age_ms >= max(wall_ms, 0)
            assert entry.age_ms >= int((now - since) * 1000) - 1
            if entry.freshness == "fresh":
                assert wall_ms >= -1000
                assert entry.age_ms <= TTL * 1000
        if len(house.asked) > asked:
            assert entry.freshness != "fresh"
            assert len(house.asked) == asked + 1
            self.requests.append((now, as_of))
            for (then, before), (later, after) in zip(self.requests, self.requests[1:], strict=False):
                assert before != after or later - then >= TTL
        elif entry.freshness != "fresh":
            assert any(then > now - TTL for then, _ in self.requests)


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


TestAnyOrder = AnyOrder.TestCase
