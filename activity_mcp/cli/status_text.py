"""The state of everything, as ``activity-mcp status`` prints it: JSON, or a line for each part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..service import ActivityService
from .output import print_plain_json, say_problem, say_row

if TYPE_CHECKING:
    from ..health.document import HooksState, StatusDocument


def show_status(*, as_json: bool) -> None:
    """Read it and print it. Raises ActivityError."""
    service = ActivityService.from_environ(source="cli")
    try:
        document = service.status()
    finally:
        service.close()
    if as_json:
        print_plain_json(document)
    else:
        _show(document)


def _show(document: StatusDocument) -> None:
    rows = _rows(document)
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        say_row(name, text, width=width)
    for problem in document["problems"]:
        say_problem(f"! {problem}")


def _rows(document: StatusDocument) -> list[tuple[str, str]]:
    queue, leader, context = document["queue"], document["leader"], document["context"]
    warehouse = document["warehouse"]
    age = f", the oldest {queue['oldest_age_s']:.0f} s old" if queue["oldest_age_s"] is not None else ""
    who = f"pid {leader['pid']} since {leader['since']}" if leader["present"] else "none"
    size_bytes = warehouse.get("size_bytes")
    size = f" ({size_bytes / 1e6:.1f} MB)" if size_bytes else ""
    fresh = context["freshness"] + (f", {context['age_ms'] / 1000:.1f} s old" if context["age_ms"] is not None else "")
    return [
        ("recording", "on" if document["recording"] else "off"),
        ("queue", f"{queue['depth_events']} events, {queue['depth_bytes']} bytes{age}"),
        ("", queue["directory"]),
        ("committed", f"{queue['committed_offset'] or 'nothing yet'} at {queue['last_commit'] or '-'}"),
        ("pressure", queue["pressure"]),
        ("refused", str(queue["refused"])),
        ("dropped by hooks", _dropped(document["hooks"])),
        ("quarantined", str(queue["quarantined"])),
        ("leader", who),
        ("warehouse", f"{warehouse['kind']} {warehouse.get('path') or warehouse.get('connection')}{size}"),
        ("rejected", str(warehouse["rejected"])),
        ("context", f"{fresh} for {context['customer']}"),
    ]


def _dropped(hooks: HooksState) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(hooks["reasons"].items()))
    return f"{hooks['dropped']} ({reasons})" if reasons else "0"
