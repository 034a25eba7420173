"""Recording paused and taken up, with the event that explains the gap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..clock import iso
from ..recording import pause as paused
from ..recording.event_catalogue import RECORDING_PAUSED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..clock import Clock


class Pause:
    """The pause of a state directory; ``log(event_name, features)`` records that it has ended."""

    def __init__(self, home: str, log: Callable[[str, Mapping[str, Any]], object], clock: Clock) -> None:
        self._home = home
        self._log = log
        self._clock = clock

    def begin(self) -> int:
        """Record nothing from now on, in any process of this state directory; since when, in microseconds since 1970."""
        return paused.pause(self._home, self._clock)

    def end(self) -> tuple[int, int] | None:
        """Record again; from when to when nothing was, None where recording was not paused."""
        span = paused.take_up(self._home, self._clock)
        if span is not None:
            since, until = map(iso, span)
            self._log("system_event", RECORDING_PAUSED.features(f"nothing was recorded from {since} to {until}"))
        return span
