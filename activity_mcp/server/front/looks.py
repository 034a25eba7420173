"""When to look around while no line comes: soon after a context was given, as such calls come in bursts, then ever less often.

A look reads what was recorded since, so that the next call finds little to read. It does so only for half a minute after a
call: a server that nobody asks reads nothing.
"""

from __future__ import annotations

EVERY_S = 0.25
FIRST_S = 0.003
GROWTH = 4
READING_LOOKS = 120
"""Half a minute, at ``EVERY_S``."""


class Looks:
    """The pauses between the looks of one server, in seconds."""

    def __init__(self) -> None:
        self._pause_s = EVERY_S
        self._reading = 0

    def pause_s(self) -> float:
        """How long to wait for a line before the next look."""
        pause_s = self._pause_s
        self._pause_s = min(pause_s * GROWTH, EVERY_S)
        return pause_s

    def gave_context(self) -> None:
        """A context was given: another may be asked for soon."""
        self._pause_s, self._reading = FIRST_S, READING_LOOKS

    def is_to_read(self) -> bool:
        """Whether this look should read what was recorded since."""
        self._reading -= self._reading > 0
        return self._reading > 0
