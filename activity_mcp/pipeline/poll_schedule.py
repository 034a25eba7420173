"""How often to ask a warehouse that costs money to ask: at once when activity starts, then after 5 s, 30 s, and every 60 s
while it lasts; not at all once it has stopped.

Activity is a client that asks for a context, or events of its own that were shipped. What is asked in between is answered from
what is there, which says how old it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..clock import Clock

PAUSES_S = (5.0, 30.0, 60.0)
ACTIVE_S = 600.0
"""How long after the last sign of activity it is still asked."""


class Pace:
    """Driven by its owner: ``active`` at every sign of activity, ``asked`` whenever the warehouse was asked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_activity = -1e9
        self._not_before = 0.0
        self._asked = 0

    def active(self) -> None:
        now = self._clock.monotonic()
        if now - self._last_activity >= ACTIVE_S:
            self._asked = 0
            self._not_before = min(self._not_before, now)
        self._last_activity = now

    def may_ask(self) -> bool:
        now = self._clock.monotonic()
        return now >= self._not_before and now - self._last_activity < ACTIVE_S

    def asked(self) -> None:
        self._not_before = self._clock.monotonic() + PAUSES_S[min(self._asked, len(PAUSES_S) - 1)]
        self._asked += 1
