"""Backpressure: noticing that the warehouse does not take what the queue holds, and noticing that it does again.

Entered when a backlog has existed and the committed offset has not moved for longer than the threshold, by the monotonic clock
(a wall clock that jumps changes nothing). Left when the offset moves and the backlog is gone or has halved: the gap between
the two conditions keeps it from flapping. While it lasts, attempts back off with jitter, and
batches grow once one has passed again; what was
acknowledged is never touched.

Beside it ``Filling``: the same for how full the queue is. Both outlive their leader: the next one resumes what it
left in ``leader.json``, so that each is reported once when it begins and once when it ends.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Literal

from ..recording.event_catalogue import BACKPRESSURE, QUEUE_DEGRADED

if TYPE_CHECKING:
    from ..clock import Clock

Change = Literal["entered", "left"]
FIRST_PAUSE_S = 1.0
MAX_PAUSE_S = 30.0
BUSY_ATTEMPTS = 30


class Backpressure:
    """The state, kept up to date by ``observe`` after every attempt to flush."""

    def __init__(self, threshold_ms: int, clock: Clock, *, jitter: random.Random | None = None) -> None:
        self.active = False
        self.failures = 0
        self._threshold_s = threshold_ms / 1000
        self._clock = clock
        self._jitter = jitter or random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._offset: str | None = None
        self._moved_at: float | None = None
        self._entered_backlog = 0
        self._not_before = 0.0

    def observe(self, offset: str | None, backlog_bytes: int) -> Change | None:
        """Note where the committed offset is and what waits behind it. Says when the state changes."""
        now = self._clock.monotonic()
        moved = offset != self._offset
        if moved or backlog_bytes == 0 or self._moved_at is None:
            self._offset, self._moved_at = offset, now
        if self.active:
            if backlog_bytes == 0 or (moved and backlog_bytes <= self._entered_backlog / 2):
                self.active = False
                return "left"
        elif backlog_bytes and now - self._moved_at > self._threshold_s:
            self.active, self._entered_backlog = True, backlog_bytes
            return "entered"
        return None

    def resume(self, active: bool, backlog_bytes: int) -> None:
        """Take over from the previous leader, which reported that it lasts (``active``), or that it does not."""
        if active != self.active:
            self.active, self._entered_backlog, self._moved_at = active, backlog_bytes, None

    def stalled_s(self) -> float:
        """Seconds since the committed offset last moved or nothing was waiting."""
        return 0.0 if self._moved_at is None else self._clock.monotonic() - self._moved_at

    def failed(self, *, busy: bool = False) -> None:
        """An attempt failed: the next one waits, twice as long each time, with jitter.

        ``busy``: others use the warehouse and give way to who keeps asking; so the first minutes of that are short pauses.
        """
        longest_s = FIRST_PAUSE_S if busy and self.failures < BUSY_ATTEMPTS else MAX_PAUSE_S
        pause = min(longest_s, FIRST_PAUSE_S * 2 ** min(self.failures, 10)) * self._jitter.uniform(0.5, 1.0)
        self.failures += 1
        self._not_before = self._clock.monotonic() + pause

    def succeeded(self) -> None:
        self.failures = 0
        self._not_before = 0.0

    def may_try(self) -> bool:
        return self._clock.monotonic() >= self._not_before

    def batch_rows(self, normal: int) -> int:
        """How many rows the next batch may have: more while there is much to catch up with, and never after a failure."""
        return normal * 4 if self.active and not self.failures else normal


class Filling:
    """Whether new events are being cut because the queue is over ``enter`` of its cap. Left below ``leave`` of it."""

    def __init__(self, max_bytes: int, *, enter: float = 0.8, leave: float = 0.6) -> None:
        self.active = False
        self._enter = max_bytes * enter
        self._leave = max_bytes * leave

    def observe(self, backlog_bytes: int) -> Change | None:
        """Note how much waits. Says when the state changes."""
        if self.active and backlog_bytes < self._leave:
            self.active = False
            return "left"
        if not self.active and backlog_bytes >= self._enter:
            self.active = True
            return "entered"
        return None


def stalled_event(change: Change, error: str | None, backlog_bytes: int, stalled_s: float) -> dict[str, Any]:
    """The system_event for a warehouse that takes nothing, or takes events again."""
    entered = change == "entered"
    return BACKPRESSURE.features(
        f"the warehouse takes nothing: {error or 'no error was reported'}" if entered else "the warehouse takes events again",
        severity="warning" if entered else "info",
        action_taken="larger_batches_and_backoff" if entered else "back_to_normal",
        metrics={"backlog_bytes": backlog_bytes, "stalled_s": round(stalled_s, 1)},
    )


def filled_event(change: Change, backlog_bytes: int) -> dict[str, Any]:
    """The system_event for a queue that fills up, or has room again."""
    entered = change == "entered"
    return QUEUE_DEGRADED.features(
        "the queue is over 80 % full: long values of new events are cut until the warehouse takes some"
        if entered
        else "the queue has room again: new events are recorded whole",
        severity="warning" if entered else "info",
        action_taken="new_events_cut" if entered else "back_to_normal",
        metrics={"backlog_bytes": backlog_bytes},
    )
