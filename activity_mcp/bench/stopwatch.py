"""How much of a process's processor time its parts take, each on its thread, while it does its ordinary work."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Stopwatch:
    """Seconds of processor time by part. A part that is timed inside another counts for both."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def time(self, part: str, owner: object, *methods: str) -> None:
        """Time these methods of ``owner`` from now on."""
        self.seconds.setdefault(part, 0.0)
        for name in methods:
            setattr(owner, name, self._timed(part, getattr(owner, name)))

    def _timed(self, part: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any, **named: Any) -> Any:
            began = time.thread_time()
            try:
                return work(*given, **named)
            finally:
                self.seconds[part] += time.thread_time() - began

        return timed
