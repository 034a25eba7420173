"""A system_event for every change of health: what was well and is not any more, what is well again.

``health.json`` beside the queue holds what was reported last, so that a change is reported once, across leaders, and also when
it happened while no process led. The leader judges everything; the others judge only whether a process leads, as a leader that
hangs cannot report that. Two that notice the same change at once report it under the same id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ..activity import derived_id
from ..clock import iso
from ..fs import LOCAL
from ..recording.event_catalogue import HEALTH_CHANGED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..clock import Clock
    from ..fs import FileSystem
    from .check import Check

VERSION = 1
LOOK_EVERY_S = 5.0
REST_FACTOR = 50  # times as long as a look took: a long backlog is counted line by line
SELF_REPORTED = frozenset(("recording", "queue", "syncs"))
"""``recording`` and ``syncs`` are each process's own; a queue that fills up or refuses tells so itself."""
_SEVERITY = {"ok": "info", "warn": "warning", "fail": "error"}


class HealthWatch:
    """``look`` at every turn; it does something every few seconds.

    ``judge`` gives the checks that this process can judge; ``tell`` writes a system_event under an id.
    """

    def __init__(
        self,
        directory: str,
        judge: Callable[[], Iterable[Check]],
        tell: Callable[[dict[str, Any], str], None],
        clock: Clock,
        *,
        fs: FileSystem = LOCAL,
    ) -> None:
        self._path = f"{directory}/health.json"
        self._judge = judge
        self._tell = tell
        self._clock = clock
        self._fs = fs
        self._next = clock.monotonic() + LOOK_EVERY_S

    def look(self) -> None:
        """Tell what has changed since somebody last looked. A disk that does not take the note hears the same news again."""
        began = self._clock.monotonic()
        if began < self._next:
            return
        try:
            self._compare([check for check in self._judge() if check.name not in SELF_REPORTED])
        finally:
            now = self._clock.monotonic()
            self._next = now + max(LOOK_EVERY_S, REST_FACTOR * (now - began))

    def _compare(self, checks: list[Check]) -> None:
        at, before = self._last()
        if before is None:
            return
        changed = [check for check in checks if check.status != before.get(check.name, "ok")]
        if not changed:
            return
        now = {**before, **{check.name: check.status for check in checks}}
        unwell = {name: status for name, status in now.items() if status != "ok"}
        document = {"version": VERSION, "at": iso(self._clock.time_us()), "checks": unwell}
        for check in changed:
            was = before.get(check.name, "ok")
            self._tell(
                _event(check, was), derived_id("system_event", "health", f"{self._path} {at} {check.name} {check.status}")
            )
        self._fs.publish(self._path, orjson.dumps(document) + b"\n", durable=False)

    def _last(self) -> tuple[str, dict[str, str] | None]:
        """When a change was last told, and what was not well then. None: a newer version keeps the note, and tells."""
        try:
            told = orjson.loads(self._fs.read(self._path))
            if told["version"] > VERSION:
                return "", None
            return str(told["at"]), {str(name): str(status) for name, status in told["checks"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return "", {}


def _event(check: Check, was: str) -> dict[str, Any]:
    return HEALTH_CHANGED.features(
        f"{check.name}: {check.describe()}",
        severity=_SEVERITY[check.status],
        reason=f"{check.name} was {was}, is {check.status}",
    )
