"""Reports every change of health as a system_event: a check that fails, a check that is ok again.

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
"""``recording`` and ``syncs`` are each process's own; a queue that fills up or refuses has events of its own."""
_SEVERITY = {"ok": "info", "warn": "warning", "fail": "error"}


class HealthWatcher:
    """``look`` at every turn; it does something every few seconds.

    ``judge`` gives the checks that this process can judge; ``report`` writes a system_event under an id.
    """

    def __init__(
        self,
        directory: str,
        judge: Callable[[], Iterable[Check]],
        report: Callable[[dict[str, Any], str], None],
        clock: Clock,
        *,
        fs: FileSystem = LOCAL,
    ) -> None:
        self._path = f"{directory}/health.json"
        self._judge = judge
        self._report = report
        self._clock = clock
        self._fs = fs
        self._next = clock.monotonic() + LOOK_EVERY_S

    def look(self) -> None:
        """Report what has changed since the last look of any process. Where the disk refuses the note it is reported again."""
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
            self._report(
                _event(check, was), derived_id("system_event", "health", f"{self._path} {at} {check.name} {check.status}")
            )
        self._fs.publish(self._path, orjson.dumps(document) + b"\n", durable=False)

    def _last(self) -> tuple[str, dict[str, str] | None]:
        """When a change was last reported, and the checks that were not ok then. None: a newer version keeps the note, and
        reports."""
        try:
            noted = orjson.loads(self._fs.read(self._path))
            if noted["version"] > VERSION:
                return "", None
            return str(noted["at"]), {str(name): str(status) for name, status in noted["checks"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return "", {}


def _event(check: Check, was: str) -> dict[str, Any]:
    return HEALTH_CHANGED.features(
        f"{check.name}: {check.describe()}",
        severity=_SEVERITY[check.status],
        reason=f"{check.name} was {was}, is {check.status}",
    )
