"""Health: every check of ``doctor`` as a light with what to do beside it, and the way of an event from the queue on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..recording import recording_of
from ..rollup import Rollup, statement
from ..statements import DAY_US
from ..tables import Column, Table
from ..view import View

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...health.check import Check
    from ...health.document import StatusDocument
    from ..view import Look

_ORDER = {"fail": 0, "warn": 1, "ok": 2}
_SOURCE_DAYS = 30


def load(look: Look) -> dict[str, Any]:
    checks = sorted(look.sources.checks(), key=lambda check: _ORDER[check.status])
    status = look.sources.status()
    since_us = look.now_us - look.now_us % DAY_US - (_SOURCE_DAYS - 1) * DAY_US
    spoken = Rollup(look.ask(statement(look.conditions(since_us=since_us, days=False))).rows).sources()
    recording = recording_of(look, spoken)
    return {
        "verdict": _verdict(checks),
        "counts": {kind: sum(check.status == kind for check in checks) for kind in _ORDER},
        "open": [check for check in checks if check.status != "ok"],
        "fine": [check for check in checks if check.status == "ok"],
        "recording": recording,
        "tables": [_way(status), _sources(recording["sources"]), _checks(checks)],
    }


def _verdict(checks: Iterable[Check]) -> tuple[str, str]:
    """The worst state, and what it means in a sentence."""
    worst = min((check.status for check in checks), key=_ORDER.__getitem__, default="ok")
    said = {"ok": "Everything is as it should be", "warn": "It works, with remarks", "fail": "Something does not work"}
    return worst, said[worst]


def _way(status: StatusDocument) -> Table:
    """Where the events are, from the disk to the contexts."""
    queue, leader, warehouse, context = status["queue"], status["leader"], status["warehouse"], status["context"]
    leads = leader["present"]
    rows = [
        _row("Queue", "events waiting", queue["depth_events"]),
        _row("Queue", "bytes waiting", queue["depth_bytes"], "bytes"),
        _row("Queue", "room", queue["max_bytes"], "bytes"),
        _row("Queue", "age of the oldest", queue["oldest_age_s"], "duration"),
        _row("Queue", "refused, ever", queue["refused"]),
        _row("Queue", "damaged ranges set aside", queue["quarantined"]),
        _row("Leader", "process", leader.get("pid") if leads else "none: the next server takes over"),
        _row("Leader", "last progress", leader.get("last_progress_age_s"), "duration"),
        _row("Warehouse", "kind", warehouse.get("kind")),
        _row("Warehouse", "last flush", queue["last_commit"], "time"),
        _row("Warehouse", "events it could not take", warehouse.get("rejected")),
        _row("Context", "newest", context.get("as_of"), "time"),
    ]
    columns = [Column("part", "Part"), Column("what", "What"), Column("value", "Value", "any")]
    return Table("way", "The way of an event", columns, [row for row in rows if row["value"] is not None])


def _row(part: str, what: str, value: Any, kind: str = "text") -> dict[str, Any]:
    return {"part": part, "what": what, "value": value, "kind": "number" if type(value) is int and kind == "text" else kind}


def _sources(found: list[dict[str, Any]]) -> Table:
    columns = [
        Column("name", "Source"),
        Column("events", f"Events in {_SOURCE_DAYS} days", "number"),
        Column("last", "Last spoke", "time"),
    ]
    return Table("sources", "Sources", columns, found, empty="No source has said anything in this time.")


def _checks(checks: list[Check]) -> Table:
    columns = [
        Column("status", "State", "outcome"),
        Column("name", "Check"),
        Column("found", "Found"),
        Column("hint", "What to do"),
    ]
    return Table("checks", "All checks", columns, [check._asdict() for check in checks], per_page=200)


VIEW = View("health", "Health", "/health", load)
