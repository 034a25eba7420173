"""Once a day, by whoever leads: what is older than ``ACTIVITY_RETENTION_DAYS`` leaves the embedded warehouse, unless a legal
hold names it, and so does what has expired. On Snowflake a daily task does the same; there is nothing to do here then.

``upkeep.json`` beside the queue remembers when it was done last. A queue without it begins to count now, so that neither a new
nor an upgraded installation starts with a clean-up. What fails is tried again after an hour.
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
AGAIN_S = 3_600.0
_LOOK_EVERY_S = 60.0


class Upkeep:
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
        last_us = _last(self._path)
        if last_us is None:
            self._remember({})
        elif not 0 <= self._clock.time_us() - last_us < EVERY_S * 1e6:  # a time in the future was a wrong clock's
            return True
        self._next_look = now + _LOOK_EVERY_S
        return False

    def run(self) -> dict[str, Any] | None:
        """Do it. Returns the features of a ``system_event`` that tells how many rows left, None where none did.

        Raises a WarehouseError; it is due again after an hour then.
        """
        self._next_look = self._clock.monotonic() + AGAIN_S  # if it fails
        removed = self._maintenance.run(self._keep_days)
        self._remember(removed)
        if not removed:
            return None
        message = f"{removed.get('CLAUDE_STREAM_V2', 0)} activities older than {self._keep_days} days were removed"
        return RETENTION.features(message, action_taken="deleted", metrics=removed)

    def _remember(self, removed: dict[str, int]) -> None:
        told = {"version": VERSION, "at": iso(self._clock.time_us()), "removed": removed}
        fs.publish(self._path, dump_json(told) + b"\n", durable=False)


def _last(path: str) -> int | None:
    try:
        with fs.reader(path) as file:
            return parse_iso(json.load(file)["at"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
