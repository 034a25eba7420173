"""What drift is open, told in ``drift.json`` beside the queue by whoever flushes the embedded warehouse.

So ``status`` and ``health`` can tell it without opening the warehouse. On Snowflake nobody tells: ``activity-mcp drift`` asks.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from .. import fs
from ..activity import dump_json
from ..clock import SYSTEM_CLOCK, iso
from ..errors import WarehouseError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import Protocol

    from ..clock import Clock
    from ..warehouse.base import Statements

    class Transacting(Protocol):
        def transaction(self) -> AbstractContextManager[Statements]: ...


VERSION = 1
QUARANTINES = ("type_changed", "failure")
"""Kinds of drift after which what was derived from the events may be wrong; a new key cannot do that."""
_MEMBERS = (
    "drift_id", "customer", "event_name", "field", "drift_kind", "expected_types", "observed_type", "occurrences",
    "sample_reason", "first_seen_at", "last_seen_at",
)  # fmt: skip
_MOST = 100
OPEN_DRIFTS = f"""
    SELECT {", ".join(_MEMBERS)}
    FROM SCHEMA_DRIFT
    WHERE accepted_at IS NULL AND occurrences > 0
    ORDER BY drift_kind = 'new_key', last_seen_at DESC, drift_id
    LIMIT {_MOST}
"""  # noqa: S608 - of constants


class DriftWatch:
    """Keeps ``drift.json`` in ``directory`` equal to what is open in the embedded warehouse. Driven by whoever flushes."""

    def __init__(self, directory: str, warehouse: Transacting, clock: Clock = SYSTEM_CLOCK) -> None:
        self._path = _path(directory)
        self._warehouse = warehouse
        self._clock = clock
        self._told: list[dict[str, Any]] | None = None

    def look(self) -> None:
        """Tell what is open, if that has changed. What fails is told at the next flush."""
        try:
            with self._warehouse.transaction() as statements:
                found = [named(row) for row in statements.execute(OPEN_DRIFTS)]
            if found != self._told:
                document = {"version": VERSION, "at": iso(self._clock.time_us()), "open": found}
                fs.publish(self._path, dump_json(document) + b"\n", durable=False)
                self._told = found
        except (WarehouseError, OSError):
            self._told = None


def told(directory: str) -> list[dict[str, Any]] | None:
    """What was open at the last flush; None where nobody has told (nothing flushed yet, or on Snowflake)."""
    try:
        with fs.reader(_path(directory)) as file:
            document = json.load(file)
        found: list[dict[str, Any]] | None = document["open"] if document["version"] == VERSION else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found


def named(row: Any) -> dict[str, Any]:
    """A row of ``OPEN_DRIFTS`` by the names of its columns, times as ISO text."""
    drift = dict(zip(_MEMBERS, row, strict=True))
    drift["occurrences"] = int(drift["occurrences"])
    for name in ("first_seen_at", "last_seen_at"):
        if not isinstance(drift[name], str):
            drift[name] = drift[name].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    drift["quarantines"] = drift["drift_kind"] in QUARANTINES
    return drift


def _path(directory: str) -> str:
    return os.path.join(directory, "drift.json")
