"""Stale-while-revalidate over the snapshot files: an answer at once, however old, and one refresh under way behind it.

A key goes from missing to fresh (verified within ``ttl_s``), stale (within ``max_stale_s``) and expired, and back to fresh
when a newer snapshot is published. Whatever is known is returned in every state; the caller decides what an expired answer is
worth, and whether a first miss is worth a moment's wait. Nothing here waits.

* Memory is checked against the file's stat on every call, and the file is read only when that has changed.
* Anything but fresh asks for a refresh (``revalidate``), once per key: again only after an answer (a snapshot of another
  ``as_of``) or after a TTL without one.
* Reading never makes an entry younger. Its age is the larger of what the wall clock says and what the monotonic clock has
  counted since the entry was first seen, so that a wall clock set back gives neither a negative age nor freshness for ever,
  and a machine that slept (its monotonic clock may have stood still) does not take an old entry for a fresh one.
  A snapshot verified in the future is stale at once.
* A file that has become unreadable does not take away what memory holds; one that was removed does.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Literal, NamedTuple

from ..clock import SYSTEM_CLOCK
from ..errors import ActivityError
from .bounded import Lasting, Newest

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..clock import Clock
    from ..context.snapshot import Signature, Snapshot, SnapshotStore

Freshness = Literal["fresh", "stale", "expired", "missing"]
Source = Literal["memory", "snapshot", "none"]
Key = tuple[str, str]

_FUTURE_S = 1.0
"""A verification further ahead than this comes from a clock that has since been set back."""


class Entry(NamedTuple):
    """What is known of a key now. ``age_ms`` counts from the last verification; ``reason`` says why it is not fresh."""

    snapshot: Snapshot | None
    freshness: Freshness
    age_ms: int | None
    source: Source
    reason: str | None


class _Held(NamedTuple):
    """A file as it was read: ``verified`` is the moment of its ``as_of`` on the monotonic clock."""

    signature: Signature | None
    snapshot: Snapshot | None
    verified: float
    problem: str | None


class _Flight(NamedTuple):
    """A refresh that was asked for while the key's snapshot was of ``as_of_us``; ``failure`` if asking itself failed."""

    as_of_us: int | None
    failure: str | None = None


class ContextCache:
    """The contexts of one queue, as fresh as the leader keeps them. Safe to use from several threads.

    ``revalidate`` must return at once: it leaves a request, or wakes the leader in this process.
    """

    def __init__(
        self,
        store: SnapshotStore,
        *,
        ttl_s: float,
        max_stale_s: float,
        revalidate: Callable[[str, str], None] | None = None,
        clock: Clock = SYSTEM_CLOCK,
        max_entries: int = 256,
    ) -> None:
        self._store = store
        self._ttl_s = ttl_s
        self._max_stale_s = max_stale_s
        self._revalidate = revalidate or store.request
        self._clock = clock
        self._lock = threading.Lock()
        self._memory: Newest[_Held] = Newest(max_entries)
        self._flights: Lasting[_Flight] = Lasting(max_entries, ttl_s, clock.monotonic)

    def get(self, customer: str, project: str) -> Entry:
        """What is known now; asks for a refresh unless it is fresh. Never waits."""
        key = customer, project
        with self._lock:
            held, source = self._look(key)
            entry = self._entry(key, held, source)
            if entry.freshness == "fresh" or self._in_flight(key, entry.snapshot):
                return entry
            flight = _Flight(entry.snapshot.as_of_us if entry.snapshot else None)
            self._flights.put(key, flight)
        try:
            self._revalidate(*key)
        except (ActivityError, OSError, ValueError) as error:
            with self._lock:
                self._flights.put(key, flight._replace(failure=str(error) or type(error).__name__))
        with self._lock:
            return self._entry(key, held, source)

    def peek(self, customer: str, project: str) -> Entry:
        """What is known now, asking for nothing."""
        with self._lock:
            return self._entry((customer, project), *self._look((customer, project)))

    # --- under the lock

    def _look(self, key: Key) -> tuple[_Held | None, Source]:
        """What is held of the key, after reading its file again if that has changed, and where it came from."""
        signature = self._store.stat(*key)
        held = self._memory.get(key)
        if signature is None:
            self._memory.drop(key)
            return None, "none"
        if held is not None and held.signature == signature:
            return held, "memory"
        reading = self._store.load(*key)
        source: Source
        if reading.snapshot is not None:
            source, read = "snapshot", self._anchored(reading.signature, reading.snapshot, held)
        elif held is not None and held.snapshot is not None and not reading.newer:
            source, read = "memory", held._replace(signature=reading.signature, problem=reading.problem)
        else:
            source, read = "none", _Held(reading.signature, None, 0.0, reading.problem)
        self._memory.put(key, read)
        return read, source

    def _anchored(self, signature: Signature | None, snapshot: Snapshot, before: _Held | None) -> _Held:
        verified = self._clock.monotonic() - max(0.0, (self._clock.time_us() - snapshot.as_of_us) / 1e6)
        if before is not None and before.snapshot is not None and before.snapshot.as_of_us == snapshot.as_of_us:
            verified = min(verified, before.verified)  # the same verification, however often its file is written
        return _Held(signature, snapshot, verified, None)

    def _in_flight(self, key: Key, snapshot: Snapshot | None) -> bool:
        return self._flight(key, snapshot) is not None

    def _flight(self, key: Key, snapshot: Snapshot | None) -> _Flight | None:
        flight = self._flights.get(key)
        return flight if flight is not None and flight.as_of_us == (snapshot.as_of_us if snapshot else None) else None

    def _entry(self, key: Key, held: _Held | None, source: Source) -> Entry:
        if held is None or held.snapshot is None:
            problem = held.problem if held and held.problem else "nothing was read from the warehouse for this context yet"
            return Entry(None, "missing", None, "none", f"{problem}; {self._progress(key, None)}")
        wall_s = (self._clock.time_us() - held.snapshot.as_of_us) / 1e6
        age_s = max(wall_s, self._clock.monotonic() - held.verified, 0.0)
        if age_s <= self._ttl_s and wall_s >= -_FUTURE_S and age_s <= self._max_stale_s:
            return Entry(held.snapshot, "fresh", round(age_s * 1000), source, None)
        freshness: Freshness = "expired" if age_s > self._max_stale_s else "stale"
        return Entry(held.snapshot, freshness, round(age_s * 1000), source, self._reason(key, held, freshness, age_s, wall_s))

    def _reason(self, key: Key, held: _Held, freshness: Freshness, age_s: float, wall_s: float) -> str:
        if held.problem:
            what = f"{held.problem}, so this is what was read before"
        elif freshness == "expired":
            what = (
                f"not verified for {_duration(age_s)}: no server is leading this queue, the warehouse cannot be reached, "
                "or its refresh task is not running (`activity-mcp status` says which)"
            )
        elif wall_s < -_FUTURE_S:
            what = "verified in the future: the clock was set back"
        else:
            what = f"not verified for {_duration(age_s)}"
        return f"{what}; {self._progress(key, held.snapshot)}"

    def _progress(self, key: Key, snapshot: Snapshot | None) -> str:
        flight = self._flight(key, snapshot)
        if flight is None:
            return "no refresh is under way"
        return f"a refresh could not be asked for ({flight.failure})" if flight.failure else "a refresh is under way"


def _duration(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(seconds, 0):.0f} s"
