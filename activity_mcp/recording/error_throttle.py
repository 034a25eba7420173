"""Errors of the background, each text once a minute: what fails at every turn must not fill a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..clock import Clock

THROTTLE_S = 60.0


class ErrorThrottle:
    """Hands errors on to ``on_error``, at most once within ``THROTTLE_S`` for the same text."""

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
