"""The log of this server's calls, one ``mcp_event`` each: buffered, built and written in groups, without delaying a reply.

What it may lose: what is in the buffer when the process is killed (at most a second's worth), and what does not fit (counted).
Beyond ten a second the calls of one method are aggregated into one event, whose latency is their mean. The rows carry ``ride``:
they never start a flush.
"""

from __future__ import annotations

import copy
import threading
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, NamedTuple

from ..activity import Origin, build
from ..errors import QueueRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..activity import Activity
    from ..clock import Clock
    from .recorder import Recorder

PER_SECOND = 10
MAX_BUFFERED = 1000
MAX_METHODS = 64


class _Noted(NamedTuple):
    """One call, or several as one: its features, when, and under which id."""

    features: dict[str, Any]
    at_us: int
    activity_id: str | None


class _Surplus:
    """Calls of one method in one second that become one event."""

    __slots__ = ("at_us", "count", "failed", "hits", "latency_ms")

    def __init__(self, at_us: int, *, cacheable: bool) -> None:
        self.at_us = at_us
        self.count = self.failed = 0
        self.hits: int | None = 0 if cacheable else None
        self.latency_ms = 0.0

    def add(self, latency_ms: float, features: Mapping[str, Any]) -> None:
        self.count += 1
        self.latency_ms += latency_ms
        self.failed += features.get("success") is False
        if self.hits is not None:
            self.hits += bool(features.get("cache_hit"))

    def features(self, method: str) -> dict[str, Any]:
        """Those of the one event. It is a hit, and a success, where each call was."""
        features = {
            "method": method,
            "latency_ms": round(self.latency_ms / self.count, 3),
            "count": self.count,
            "success": self.failed == 0,
        }
        return features if self.hits is None else {**features, "cache_hit": self.hits == self.count}


class MethodTotals:
    """What one method's calls in this process add up to; ``hits`` is None where nothing is cached."""

    BOUNDS_MS = (0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 1000.0, 10_000.0)
    __slots__ = ("buckets", "count", "failed", "hits", "sum_ms")

    def __init__(self) -> None:
        self.count = self.failed = 0
        self.hits: int | None = None
        self.sum_ms = 0.0
        self.buckets = [0] * len(self.BOUNDS_MS)

    def add(self, latency_ms: float, features: dict[str, Any]) -> None:
        """Count one call of ``latency_ms`` milliseconds."""
        self.count += 1
        self.sum_ms += latency_ms
        self.failed += features.get("success") is False
        if "cache_hit" in features:
            self.hits = (self.hits or 0) + bool(features["cache_hit"])
        place = bisect_left(self.BOUNDS_MS, latency_ms)
        if place < len(self.buckets):
            self.buckets[place] += 1


class CallTotals:
    """The totals by method, since the process began, whether or not anything is recorded. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._totals: dict[str, MethodTotals] = {}

    def add(self, method: str, latency_ms: float, features: dict[str, Any]) -> None:
        """Count one call of ``method`` of ``latency_ms`` milliseconds."""
        with self._lock:
            if method not in self._totals and len(self._totals) >= MAX_METHODS:
                method = "other"
            self._totals.setdefault(method, MethodTotals()).add(latency_ms, features)

    def totals(self) -> dict[str, MethodTotals]:
        """As they are now."""
        with self._lock:
            return copy.deepcopy(self._totals)


class CallLog:
    """Takes calls from any thread; ``take`` hands over what is ready as activities."""

    def __init__(self, origin: Origin, clock: Clock) -> None:
        self.dropped = 0
        self._origin = origin
        self._clock = clock
        self._lock = threading.Lock()
        self._ready: list[_Noted] = []
        self._second = -1
        self._written = 0
        self._surplus: dict[str, _Surplus] = {}

    def record(self, method: str, latency_ms: float, features: dict[str, Any], activity_id: str | None = None) -> None:
        """Note one call, under ``activity_id`` unless it is aggregated. Never blocks, and never raises for the features."""
        now_us = self._clock.time_us()
        with self._lock:
            if now_us // 1_000_000 != self._second:
                self._close_second()
                self._second, self._written = now_us // 1_000_000, 0
            if self._written < PER_SECOND:
                self._written += 1
                self._keep({"method": method, "latency_ms": round(latency_ms, 3), **features}, now_us, activity_id)
            else:
                surplus = self._surplus.setdefault(method, _Surplus(now_us, cacheable="cache_hit" in features))
                surplus.add(latency_ms, features)

    def write_to(self, recorder: Recorder, *, closing: bool = False) -> None:
        """Append what ``take`` gives, when ``closing`` what ``drain`` gives; while the queue is full it waits here, up to the
        bound.

        Raises:
            QueueRefused: these events are counted in ``dropped``.
        """
        if not closing and (not (self._ready or self._surplus) or recorder.writer.pressure() == "full"):
            return
        activities = self.drain() if closing else self.take()
        if not activities:
            return
        try:
            recorder.append(activities, durable=False, counted=False)
        except QueueRefused:
            self.dropped += len(activities)
            raise

    def take(self) -> list[Activity]:
        """What has been noted since the last call; the events of the running second stay aggregated until it ends."""
        with self._lock:
            if self._clock.time_us() // 1_000_000 != self._second:
                self._close_second()
            ready, self._ready = self._ready, []
        return [self._built(noted) for noted in ready]

    def drain(self) -> list[Activity]:
        """Everything, the running second included."""
        with self._lock:
            self._close_second()
            ready, self._ready = self._ready, []
        return [self._built(noted) for noted in ready]

    def _close_second(self) -> None:
        surplus, self._surplus = self._surplus, {}
        for method, calls in surplus.items():
            self._keep(calls.features(method), calls.at_us)

    def _keep(self, features: dict[str, Any], at_us: int, activity_id: str | None = None) -> None:
        if len(self._ready) >= MAX_BUFFERED:
            self.dropped += 1
            return
        self._ready.append(_Noted(features, at_us, activity_id))

    def _built(self, noted: _Noted) -> Activity:
        features, at_us, activity_id = noted
        activity = build("mcp_event", features, self._origin, now_us=at_us, activity_id=activity_id, strict=False)
        activity.ride = True
        activity.validated = True  # made here, of known fields
        return activity
