"""Is everything still recorded? What the files beside the queue say, and when each source last spoke."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import formats
from .statements import as_us

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .view import Look

SOURCES = {
    "hook": "Claude Code's hooks",
    "otel": "Claude Code's exporter",
    "import": "Transcripts",
    "mcp": "This server's tools",
    "cli": "Commands",
}
"""Where activities come from, as the column ``source`` says it."""


def recording_of(look: Look, spoken: Mapping[str, tuple[int, int | None]]) -> dict[str, Any]:
    """{state, headline, facts, problems, sources}: ``state`` is ok, warn or fail; ``spoken`` what the warehouse has by
    source.
    """
    status = look.sources.status()
    queue, leader = status["queue"], status["leader"]
    waiting = queue["depth_events"]
    state, headline = status["health"], "Everything is recorded"
    if not status["recording"]:
        state, headline = "fail", "Recording is off" if status["paused_since"] is None else "Recording is paused"
    elif state == "fail":
        headline = "Not everything is recorded"
    elif state == "warn":
        headline = "Recorded, with a remark" if len(status["problems"]) == 1 else "Recorded, with remarks"
    leads = leader.get("present")
    facts = [
        ("Waiting on disk", f"{waiting:,} event{'s' * (waiting != 1)}", _lag(queue["oldest_age_s"])),
        ("Last flush", formats.ago(queue["last_commit"], look.now_us), ""),
        (
            "Leader",
            f"process {leader.get('pid')}" if leads else "none now",
            "" if leads else "the next server ships it",
        ),
        ("Refused, ever", f"{queue['refused'] + status['hooks']['dropped']:,}", "events that found no room"),
    ]
    problems = list(status["problems"])
    if not leads and waiting:
        problems.append("no server runs, so what waits stays on disk; `activity-mcp flush` ships it now")
    return {"state": state, "headline": headline, "facts": facts, "problems": problems, "sources": sources_of(look, spoken)}


def sources_of(look: Look, spoken: Mapping[str, tuple[int, int | None]]) -> list[dict[str, Any]]:
    """Per source: {source, name, events, last}: the later of what the warehouse has and what waits."""
    found = {source: [count, last] for source, (count, last) in spoken.items()}

    for event in look.sources.newest.newest(200):
        entry = found.setdefault(str(event.get("source")), [0, None])
        at = as_us(event.get("ts"))
        entry[1] = max(filter(None, (entry[1], at)), default=None)
    return [
        {"source": source, "name": SOURCES.get(source, source), "events": found[source][0], "last": found[source][1]}
        for source in sorted(found, key=lambda one: -(found[one][1] or 0))
    ]


def _lag(age_s: float | None) -> str:
    return f"the oldest for {formats.duration(age_s)}" if age_s else ""
