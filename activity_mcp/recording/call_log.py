"""The log of this server's calls, one ``mcp_event`` each: buffered, built and written in groups, without delaying a reply.

What it may lose: what is in the buffer when the process is killed (at most a second's worth), and what does not fit (counted).
Beyond ten a second the calls of one method are aggregated into one event, whose latency is their mean. The rows carry ``ride``:
they never start a flush.
"""

from __future__ import annotations

import copy
import threading
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from ..activity import Origin, build
from ..errors import QueueRefused

if TYPE_CHECKING:
    from ..activity import Activity
    from ..clock import Clock
    from .recorder import Recorder

PER_SECOND = 10
MAX_BUFFERED = 1000
MAX_METHODS = 64


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
        self._ready: list[tuple[dict[str, Any], int, str | None]] = []  # features, when, under which id
        self._second = -1
        self._written = 0
        self._surplus: dict[str, dict[str, Any]] = {}

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
                self._add_surplus(method, latency_ms, features, now_us)

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
        return [self._built(*each) for each in ready]

    def drain(self) -> list[Activity]:
        """Everything, the running second included."""
        with self._lock:
            self._close_second()
            ready, self._ready = self._ready, []
        return [self._built(*each) for each in ready]

    def _add_surplus(self, method: str, latency_ms: float, features: dict[str, Any], now_us: int) -> None:
        total = self._surplus.setdefault(
            method, {"count": 0, "latency": 0.0, "hits": 0, "failed": 0, "at": now_us, "cacheable": "cache_hit" in features}
        )
        total["count"] += 1
        total["latency"] += latency_ms
        total["hits"] += bool(features.get("cache_hit"))
        total["failed"] += features.get("success") is False

    def _close_second(self) -> None:
        surplus, self._surplus = self._surplus, {}
        for method, total in surplus.items():
            features: dict[str, Any] = {
                "method": method,
                "latency_ms": round(total["latency"] / total["count"], 3),
                "count": total["count"],
                "success": total["failed"] == 0,
            }
            if total["cacheable"]:
                features["cache_hit"] = total["hits"] == total["count"]
            self._keep(features, total["at"])

    def _keep(self, features: dict[str, Any], at_us: int, activity_id: str | None = None) -> None:
        if len(self._ready) >= MAX_BUFFERED:
            self.dropped += 1
            return
        self._ready.append((features, at_us, activity_id))

    def _built(self, features: dict[str, Any], at_us: int, activity_id: str | None) -> Activity:
        activity = build("mcp_event", features, self._origin, now_us=at_us, activity_id=activity_id, strict=False)
        activity.ride = True
        activity.validated = True  # made here, of known fields
        return activity
