"""Stand-ins that tests inject: a clock that stands still until a test moves it."""

from __future__ import annotations


class FakeClock:
    """A clock under the test's control. Wall and monotonic time move together, unless the wall clock is made to jump."""

    def __init__(self, time_us: int = 1_800_000_000_000_000, monotonic: float = 1000.0) -> None:
        self._time_us = time_us
        self._monotonic = monotonic

    def time_us(self) -> int:
        return self._time_us

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._time_us += round(seconds * 1_000_000)
        self._monotonic += seconds

    def jump_wall(self, seconds: float) -> None:
        """Only the wall clock moves, as when somebody sets it."""
        self._time_us += round(seconds * 1_000_000)
