"""Request a refresh of a context from the leader, and wait for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..queue import ask_leader

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..clock import Clock
    from ..context import SnapshotStore
    from ..queue import Lease
    from .answers import Refreshed
    from .cache import ContextCache


class OnDemandRefresh:
    """Asks the leader, in this process or another, to flush and to read a context again."""

    def __init__(self, cache: ContextCache, snapshots: SnapshotStore, lease: Lease, clock: Clock) -> None:
        self._cache = cache
        self._snapshots = snapshots
        self._lease = lease
        self._clock = clock

    def refresh(
        self, customer: str, project: str, *, timeout_s: float, cancelled: Callable[[], bool] = lambda: False
    ) -> Refreshed:
        """Returns once it was read again, or after ``timeout_s``."""
        requested_us, entry = self._clock.time_us(), self._cache.peek(customer, project)

        def is_newer() -> bool:
            nonlocal entry
            entry = self._cache.peek(customer, project)
            return entry.snapshot is not None and entry.snapshot.as_of_us >= requested_us

        self._snapshots.request(customer, project)
        outcome = ask_leader(self._lease, is_newer, deadline=time.monotonic() + timeout_s, cancelled=cancelled)
        refreshed = outcome == "done"
        answer: Refreshed = {
            "as_of": entry.snapshot.as_of if entry.snapshot else None,
            "age_ms": entry.age_ms,
            "freshness": entry.freshness,
            "refreshed": refreshed,
        }
        if not refreshed:
            answer["reason"] = self._why(timeout_s)
        return answer

    def _why(self, timeout_s: float) -> str:
        if not self._lease.is_held():
            return "no server leads here: run `activity-mcp flush`; get_context answers from what is known"
        error = (self._lease.holder() or {}).get("error")
        cause = f" (its last error: {error})" if error else ""
        return f"the leader did not read it within {timeout_s:g} s{cause}; get_context answers from what is known"
