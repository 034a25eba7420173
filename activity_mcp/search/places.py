"""Where documents go: each an id of its own that orders by time, and how two with one activity_id are found.

An id is ``PLACES`` times the seconds since 1970, and the next one that is free: a second has so many places, and what is more
goes behind it. Those with one activity_id are within a day of each other, as in the warehouse (docs/adr/0003-superseded.md): so
keys are looked up by day. An index over keys alone would write a page for each new document, as keys are hashes.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence

    from .documents import Document

PLACES = 65_536
DAY = 86_400 * PLACES
"""The ids of a day; the index ``docs_by_day`` has this number in its text."""
_DAY_US = 86_400_000_000
CHUNK = 500
_MAX_NEIGHBOURS = 8
"""So many documents of the same time are looked at for each new one, before places are tried one by one."""


def key_of(activity_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(activity_id.encode("utf-8", "replace"), digest_size=8).digest(), "big", signed=True)


def id_at(ts_us: int) -> int:
    """The lowest id of a document of this time."""
    return max(0, ts_us * PLACES // 1_000_000)


def chunks(values: Sequence[int]) -> Iterator[tuple[Sequence[int], str]]:
    """As many values as a statement takes at once, and their question marks."""
    for start in range(0, len(values), CHUNK):
        part = values[start : start + CHUNK]
        yield part, ",".join("?" * len(part))


def known(connection: sqlite3.Connection, given: Mapping[int, Document]) -> dict[int, tuple[int, int]]:
    """Of these documents by their keys those that are there, each with its id and its rank."""
    by_day: dict[int, list[int]] = {}
    for key, document in given.items():
        day = max(0, document.ts_us) // _DAY_US
        if day in by_day:
            by_day[day].append(key)
        else:
            by_day[day] = [key]
    found = {}
    for day, keys in by_day.items():
        for near in (day - 1, day, day + 1):
            if not _has(connection, near):
                continue
            for part, marks in chunks(keys):
                sql = f"SELECT key, id, rank FROM docs WHERE id / {DAY} = ? AND key IN ({marks})"  # noqa: S608 - marks alone
                found.update({key: (row_id, rank) for key, row_id, rank in connection.execute(sql, (near, *part))})
    return found


def _has(connection: sqlite3.Connection, day: int) -> bool:
    sql = "SELECT 1 FROM docs WHERE id BETWEEN ? AND ? LIMIT 1"
    return connection.execute(sql, (day * DAY, (day + 1) * DAY - 1)).fetchone() is not None


def places_of(connection: sqlite3.Connection, given: Mapping[int, Document]) -> dict[int, int]:
    """An id for each of these documents by their keys, at or behind its time's."""
    return _in_order(connection, given) or _one_by_one(connection, given)


def _in_order(connection: sqlite3.Connection, given: Mapping[int, Document]) -> dict[int, int] | None:
    """The places of documents of about one time, each the next free one; None where many others are among them."""
    wanted = sorted([(max(0, document.ts_us * PLACES // 1_000_000), key) for key, document in given.items()])
    if not wanted:
        return {}
    span, most = (wanted[0][0], wanted[-1][0] + PLACES), _MAX_NEIGHBOURS * len(wanted)
    rows = connection.execute("SELECT id FROM docs WHERE id BETWEEN ? AND ? LIMIT ?", (*span, most + 1)).fetchall()
    taken = {row[0] for row in rows}
    if len(taken) > most:
        return None
    places, place = {}, -1
    for at, key in wanted:
        place = max(at, place + 1)
        while place in taken:
            place += 1
        places[key] = place
    return places if place <= span[1] else None


def _one_by_one(connection: sqlite3.Connection, given: Mapping[int, Document]) -> dict[int, int]:
    places: dict[int, int] = {}
    taken: set[int] = set()
    waiting = list(given)
    while waiting:
        for key in waiting:
            places[key] = _free_place(id_at(given[key].ts_us), key, taken)
            taken.add(places[key])
        in_use: set[int] = set()
        for part, marks in chunks([places[key] for key in waiting]):
            in_use.update(row[0] for row in connection.execute(f"SELECT id FROM docs WHERE id IN ({marks})", part))  # noqa: S608
        waiting = [key for key in waiting if places[key] in in_use]
    return places


def _free_place(wanted: int, key: int, taken: set[int]) -> int:
    """The next free place, in growing steps: a thousand events of one moment need no thousand looks."""
    place, step = wanted, 1
    while place in taken:
        place = wanted + step + (key % step)
        step *= 2
    return place
