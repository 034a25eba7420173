"""``drift.json`` beside the queue: the open schema drifts, written by the leader after each flush of the embedded warehouse.

So ``status`` and ``health`` have them without opening the warehouse. On Snowflake it is absent: ``activity-mcp drift`` asks.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .. import fs
from ..activity import dump_json
from ..clock import SYSTEM_CLOCK, iso
from ..errors import WarehouseError
from ..plain_json import loads

if TYPE_CHECKING:
    from ..clock import Clock
    from ..warehouse.base import DriftTable
    from ..warehouse.drift import OpenDrift


VERSION = 1


class DriftReport:
    """Keeps ``drift.json`` in ``directory`` equal to what is open in the embedded warehouse. Driven by the leader."""

    def __init__(self, directory: str, drifts: DriftTable, clock: Clock = SYSTEM_CLOCK) -> None:
        self._path = _path(directory)
        self._drifts = drifts
        self._clock = clock
        self._written: list[OpenDrift] | None = None

    def look(self) -> None:
        """Write the open drifts, if they have changed. What fails is written at the next flush."""
        try:
            found = self._drifts.open()
            if found != self._written:
                document = {"version": VERSION, "at": iso(self._clock.time_us()), "open": found}
                fs.publish(self._path, dump_json(document) + b"\n", durable=False)
                self._written = found
        except (WarehouseError, OSError):
            self._written = None


def read_drift_report(directory: str) -> list[OpenDrift] | None:
    """What was open at the last flush; None without a report (nothing flushed yet, or on Snowflake)."""
    try:
        with fs.reader(_path(directory)) as file:
            document = loads(file.read())
        found: list[OpenDrift] | None = document["open"] if document["version"] == VERSION else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found


def _path(directory: str) -> str:
    return os.path.join(directory, "drift.json")
