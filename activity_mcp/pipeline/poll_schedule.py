"""When to poll a warehouse whose queries cost money: when activity starts, and every two hours while it lasts; not at all once
it has stopped. A scope that is new is polled at once.

Activity is a client that requests a context, or own events that were shipped. Requests in between are answered from the
snapshot, whose age is in the answer; this machine's own events are in it all the same. A warehouse that starts runs for a
minute at least: polled each minute by one of a team it would run all day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..clock import Clock

PAUSE_S = 7200.0
NEW_SCOPE_S = 5.0
"""How soon after any poll a new scope may be polled."""
ACTIVE_S = 600.0
"""How long after the last sign of activity it is still polled."""


class PollSchedule:
    """Driven by its owner: ``active`` at every sign of activity, ``polled`` after every poll of the warehouse."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_activity = -1e9
        self._not_before = 0.0
        self._polled_at = -1e9

    def active(self) -> None:
        """Note a sign of activity."""
        now = self._clock.monotonic()
        if now - self._last_activity >= ACTIVE_S:
            self._not_before = min(self._not_before, now)
        self._last_activity = now

    def may_poll(self) -> bool:
        """Whether the warehouse may be polled now."""
        now = self._clock.monotonic()
        return now >= self._not_before and now - self._last_activity < ACTIVE_S

    def may_poll_new(self) -> bool:
        """Whether a scope that was never polled may be polled now."""
        return self._clock.monotonic() - self._polled_at >= NEW_SCOPE_S

    def polled(self) -> None:
        """Note a poll."""
        self._polled_at = self._clock.monotonic()
        self._not_before = self._polled_at + PAUSE_S
