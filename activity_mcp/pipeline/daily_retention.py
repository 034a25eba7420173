"""Once a day, by the leader: what is older than ``ACTIVITY_RETENTION_DAYS`` leaves the embedded warehouse, unless a legal
hold names it, and so does what has expired. On Snowflake a daily task does the same; there is nothing to do here then.

What was removed stays in free blocks of the file: so it is rewritten, at most once in thirty days.

``upkeep.json`` beside the queue holds when both were done last. A queue without it begins to count now, so that neither a
new nor an upgraded installation starts with a clean-up. What fails is tried again after an hour.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from .. import fs
from ..activity import dump_json
from ..clock import SYSTEM_CLOCK, iso, parse_iso
from ..recording.event_catalogue import RETENTION

if TYPE_CHECKING:
    from ..clock import Clock
    from ..warehouse.base import Maintenance


VERSION = 1
EVERY_S = 86_400.0
COMPACT_EVERY_S = 30 * EVERY_S
AGAIN_S = 3_600.0
_LOOK_EVERY_S = 60.0


class DailyRetention:
    """The daily ``maintenance`` of a warehouse, remembered in ``directory``. Driven by the holder of the lease."""

    def __init__(self, directory: str, maintenance: Maintenance, *, keep_days: int, clock: Clock = SYSTEM_CLOCK) -> None:
        self._path = os.path.join(directory, "upkeep.json")
        self._maintenance = maintenance
        self._keep_days = keep_days
        self._clock = clock
        self._next_look = -1e9

    def is_due(self) -> bool:
        """Whether a day has passed, again until it is done. While none has, looks at the file once a minute at the most."""
        now = self._clock.monotonic()
        if now < self._next_look:
            return False
        last_us = _time(_read(self._path).get("at"))
        if last_us is None:
            self._remember({})
        elif not 0 <= self._clock.time_us() - last_us < EVERY_S * 1e6:  # a time in the future was a wrong clock's
            return True
        self._next_look = now + _LOOK_EVERY_S
        return False

    def run(self) -> dict[str, Any] | None:
        """Do it. Returns the features of a ``system_event`` with how many rows left, None where none did.

        Raises a WarehouseError; it is due again after an hour then.
        """
        self._next_look = self._clock.monotonic() + AGAIN_S  # if it fails
        removed = self._maintenance.run(self._keep_days)
        self._remember(removed)
        self._rewrite_file(has_removed=bool(removed))
        if not removed:
            return None
        message = f"{removed.get('CLAUDE_STREAM_V2', 0)} activities older than {self._keep_days} days were removed"
        return RETENTION.features(message, action_taken="deleted", metrics=removed)

    def _rewrite_file(self, *, has_removed: bool) -> None:
        """Rewrite the file without the blocks of what was removed since it was last written, when that is due."""
        noted = _read(self._path)
        last_us, now_us = _time(noted.get("compacted_at")), self._clock.time_us()
        is_due = has_removed or noted.get("owes_compaction") is True
        if not is_due or (last_us is not None and 0 <= now_us - last_us < COMPACT_EVERY_S * 1e6):
            self._remember(noted.get("removed") or {}, owes_compaction=is_due)
            return
        self._remember(noted.get("removed") or {}, owes_compaction=True)
        self._maintenance.compact()
        self._remember(noted.get("removed") or {}, compacted_at=iso(now_us), owes_compaction=False)

    def _remember(self, removed: dict[str, int], **more: Any) -> None:
        kept = {name: value for name, value in _read(self._path).items() if name in ("compacted_at", "owes_compaction")}
        noted = {"version": VERSION, "at": iso(self._clock.time_us()), "removed": removed, **kept, **more}
        fs.publish(self._path, dump_json(noted) + b"\n", durable=False)


def _read(path: str) -> dict[str, Any]:
    try:
        with fs.reader(path) as file:
            noted = json.load(file)
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) else {}


def _time(text: Any) -> int | None:
    try:
        return parse_iso(text)
    except (ValueError, TypeError, AttributeError):
        return None
