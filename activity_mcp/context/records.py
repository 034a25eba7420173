"""The entries of the lists of a context, and how two lists of them become one.

An entry is one by what names it: an error or a query by its activity, a file by its path, an insight by its id. Of two with
the same name the newer stays; the newest come first. The members are those of the refresh sequence, whether an entry comes out
of a blob or is made from an event, and every member has been read as its type (``Kind.read``): an entry that lacks its name or
its time is none.
"""

from __future__ import annotations

from .values import as_name, as_number, as_path, as_shown, as_text, as_time, objects

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Record = dict[str, Any]


class Kind:
    """One kind of entry: the member that names it, the member that is its time, and how each member is read."""

    __slots__ = ("limit", "name", "readers", "time")

    def __init__(self, name: str, time: str, limit: int | None, readers: Mapping[str, Callable[[Any], Any]]) -> None:
        self.name = name
        self.time = time
        self.limit = limit
        self.readers = {name: as_name, time: as_time, **readers}

    def read(self, given: Mapping[str, Any]) -> Record | None:
        """The entry, each member as its type; None if it has no name or no time."""
        if not given.get(self.name) or as_time(given.get(self.time)) is None:
            return None
        return {member: reader(given.get(member)) for member, reader in self.readers.items()}

    def merged(self, stored: list[Record], fresh: list[Record]) -> list[Record]:
        """Both lists by their names, the newer of two with the same, newest first and then by name."""
        if not fresh:
            return stored[: self.limit]
        name, time = self.name, self.time
        found: dict[str, Record] = {}
        for record in (*stored, *fresh):
            known = found.get(record[name])
            if known is None or record[time] >= known[time]:
                found[record[name]] = record
        return newest_first(list(found.values()), name, time)[: self.limit]


def newest_first(records: list[Record], name: str, time: str) -> list[Record]:
    """By time, the newest first; by name where the time is the same."""
    records.sort(key=lambda record: str(record[name]))
    records.sort(key=lambda record: str(record[time]), reverse=True)
    return records


def stored_records(blob: Mapping[str, Any], name: str, kind: Kind) -> list[Record]:
    """The entries of a blob's list, each member as its type, newest first; what is none is passed over."""
    records = [record for record in map(kind.read, objects(blob, name)) if record is not None]
    return newest_first(records, kind.name, kind.time)


_PLACE = {"session_id": as_name, "project": as_name}

ERRORS = Kind("activity_id", "ts", 10, {**_PLACE, "event_name": as_name, "name": as_name, "error": as_text})
FILES = Kind("file_path", "ts", 20, {**_PLACE, "file_path": as_path, "operation": as_name})
QUERIES = Kind(
    "activity_id",
    "ts",
    10,
    {
        **_PLACE,
        "sql": as_text,
        "query_id": as_name,
        "rows": as_number,
        "duration_ms": as_number,
        "artifact_id": as_name,
    },
)
CONCLUSIONS = Kind("activity_id", "ts", 15, {**_PLACE, "text": as_text})
INSIGHTS = Kind(
    "insight_id",
    "recorded_at",
    None,
    {
        "subject": as_text,
        "metric": as_text,
        "value": as_shown,
        "grain": as_name,
        "confidence": as_number,
        "artifact_id": as_name,
        "query_id": as_name,
        "valid_until": as_time,
    },
)


def insights_that_hold(insights: list[Record], now: str) -> list[Record]:
    """The newest twenty that hold at ``now`` and say what they rest on."""
    return [insight for insight in insights if _rests(insight) and not (insight["valid_until"] or "9") <= now][:20]


def _rests(insight: Record) -> bool:
    return bool(insight["artifact_id"] or insight["query_id"])
