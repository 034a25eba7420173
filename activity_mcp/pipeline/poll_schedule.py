"""How often to ask a warehouse that costs money to ask: when activity starts, and every two hours while it lasts; not at all
once it has stopped. A scope nobody asked for before is asked for at once.

Activity is a client that asks for a context, or events of its own that were shipped. What is asked in between is answered from
what is there, which says how old it is; this machine's own events are in it all the same. A warehouse that starts runs for a
minute at least: asked each minute by anybody of a team it would run all day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..clock import Clock

PAUSE_S = 7200.0
NEW_SCOPE_S = 5.0
"""How soon after any question a scope that is new may be asked for."""
ACTIVE_S = 600.0
"""How long after the last sign of activity it is still asked."""


class Pace:
    """Driven by its owner: ``active`` at every sign of activity, ``asked`` whenever the warehouse was asked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_activity = -1e9
        self._not_before = 0.0
        self._asked_at = -1e9

    def active(self) -> None:
        now = self._clock.monotonic()
        if now - self._last_activity >= ACTIVE_S:
            self._not_before = min(self._not_before, now)
        self._last_activity = now

    def may_ask(self) -> bool:
        now = self._clock.monotonic()
        return now >= self._not_before and now - self._last_activity < ACTIVE_S

    def may_ask_for_new(self) -> bool:
        """Whether a scope may be asked for that was never asked for."""
        return self._clock.monotonic() - self._asked_at >= NEW_SCOPE_S

    def asked(self) -> None:
        self._asked_at = self._clock.monotonic()
        self._not_before = self._asked_at + PAUSE_S
