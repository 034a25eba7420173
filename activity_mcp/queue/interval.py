"""A sync some milliseconds after the first append that waits for one. Only a writer with durability ``interval`` has it."""

from __future__ import annotations

import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class IntervalSync:
    """Calls ``sync`` at most ``seconds`` after ``wake``, from one daemon thread that rests while nothing is appended."""

    def __init__(self, seconds: float, sync: Callable[[], None]) -> None:
        self._seconds = seconds
        self._sync = sync
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="queue-sync", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Something was appended."""
        self._woken.set()

    def stop(self) -> None:
        """No sync begins after this returns; the caller makes the last one."""
        self._stopped.set()
        self._woken.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self._woken.wait()
            if self._stopped.wait(self._seconds):
                return
            self._woken.clear()  # before the sync: what is appended from here on wakes the next round
            self._sync()
