"""What a process owes to others and cannot give at once: events for a queue that is full, and errors that repeat themselves."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..activity import Activity
    from ..clock import Clock

MAX_OWED = 100
THROTTLE_S = 60.0


class OwedEvents:
    """The process's own system_events until the queue has taken them, the oldest first. Beyond a hundred the oldest go."""

    def __init__(self) -> None:
        self._owed: deque[Activity] = deque(maxlen=MAX_OWED)

    def add(self, activity: Activity) -> None:
        """Keep the event until ``pay`` hands it over."""
        self._owed.append(activity)

    def pay(self, append: Callable[[Activity], object]) -> None:
        """Hand them to ``append``, until it raises: what it did not take is owed on."""
        while self._owed:
            append(self._owed[0])
            self._owed.popleft()


class OncePerMinute:
    """Hands errors on, each text once a minute: what fails at every turn must not fill a log."""

    def __init__(self, on_error: Callable[[BaseException], None], clock: Clock) -> None:
        self._on_error = on_error
        self._clock = clock
        self._handed_on: dict[str, float] = {}

    def __call__(self, error: BaseException) -> None:
        """Hand on the error, unless one of the same text was handed on within ``THROTTLE_S``."""
        now, text = self._clock.monotonic(), f"{type(error).__name__}: {error}"
        self._handed_on = {known: at for known, at in self._handed_on.items() if now - at < THROTTLE_S}
        if text not in self._handed_on:
            self._handed_on[text] = now
            self._on_error(error)
