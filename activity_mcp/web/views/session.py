"""One session: its turns with their calls, failures, files, tokens and cost; subagents inside the turn that started them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypedDict, cast

from ...clock import parse_iso
from ...sessions import rows
from ...sessions.shapes import Turn
from ...sessions.story import story_of
from .. import statements
from ..tables import Column, Table
from ..view import SLOW_S, NotThere, View

if TYPE_CHECKING:
    from ...sessions.shapes import Event, Step, Story
    from ..view import Look

PAGE_CHARS = 60_000
MAX_TEXT, MAX_WHAT, MAX_ERROR = 1_500, 300, 500
"""Characters that are shown of a prompt or a conclusion, of a call, and of its error."""
_FRAME = 200
OPEN_STEPS = 12
"""A turn with more calls than this is folded to its failures."""


class TurnPart(Turn, total=False):
    """A turn, or as much of it as one page has; ``continues``: it began on the page before."""

    continues: bool


class _Steps(TypedDict):
    """Steps that the page shows together: of one subagent, or one of the session's own."""

    agent: str | None
    steps: list[Step]


def load(look: Look) -> dict[str, Any]:
    session_id = look.path["session_id"]
    answer = look.ask(rows.events_statement([f"session_id = {statements.text(session_id)}"]), SLOW_S)
    events = _with_newest(look, session_id, answer.rows)
    if not events:
        if answer.state in {"pending", "failed"}:
            return {"story": None, "session_id": session_id, "turns": [], "tables": [], "page": 1, "pages": 1}
        raise NotThere(f"No session with the id {session_id} is recorded.")
    story = story_of(session_id, events)
    if answer.truncated:
        look.notes.append(
            ("warn", "This session is too large for a page: what is here is its beginning. `activity-mcp export` has all.")
        )
    pages = pages_of(story["story"])
    page = min(look.filters.page(), len(pages))
    return {
        "session_id": session_id,
        "story": story,
        "turns": [_turn(turn) for turn in pages[page - 1]],
        "page": page,
        "pages": len(pages),
        "tables": [_calls(story), _files(story)],
        "is_live": _is_live(look, story),
    }


def _with_newest(look: Look, session_id: str, stored: Any) -> list[Event]:
    """The events of the warehouse, and those that are in the queue alone."""
    by_id: dict[str, Event] = {}
    for row in stored:
        with contextlib.suppress(ValueError):
            by_id[row["activity_id"]] = rows.decoded(row)
    for event in look.sources.newest.newest(200, lambda event: event.get("session_id") == session_id):
        by_id.setdefault(event["activity_id"], cast("Event", {name: event.get(name) for name in rows.MEMBERS}))
    return sorted(by_id.values(), key=lambda event: (event["ts"], event["activity_id"]))


def pages_of(turns: list[Turn]) -> list[list[TurnPart]]:
    """The turns in pages of about ``PAGE_CHARS``; a turn that has more goes on over pages."""
    pages: list[list[TurnPart]] = [[]]
    used = 0
    for turn in turns:
        own = _FRAME + _length(turn.get("asked"), MAX_TEXT) + _length(turn.get("concluded"), MAX_TEXT)
        if pages[-1] and used + own > PAGE_CHARS:
            pages.append([])
            used = 0
        used += own
        part = cast("TurnPart", {**turn, "steps": []})
        pages[-1].append(part)
        for step in turn["steps"]:
            size = _FRAME + _length(step.get("what"), MAX_WHAT) + _length(step.get("error"), MAX_ERROR)
            if part["steps"] and used + size > PAGE_CHARS:
                part["concluded"] = part["stopped"] = None
                part = cast("TurnPart", {**turn, "asked": None, "continues": True, "steps": []})
                pages.append([part])
                used = 0
            used += size
            part["steps"].append(step)
    return pages


def _length(text: str | None, most: int) -> int:
    return min(len(text or ""), most)


def _turn(turn: TurnPart) -> dict[str, Any]:
    """A turn as the page shows it: its steps, those of a subagent as one group."""
    groups: list[_Steps] = []
    by_agent: dict[str, _Steps] = {}
    for step in turn["steps"]:
        agent = step.get("agent_id") or step.get("agent")
        if agent is None:
            groups.append({"agent": None, "steps": [step]})
            continue
        if agent not in by_agent:
            by_agent[agent] = {"agent": step.get("agent") or agent, "steps": []}
            groups.append(by_agent[agent])
        by_agent[agent]["steps"].append(step)
    own = [group for group in groups if group["agent"] is None]
    return {
        **turn,
        "groups": groups,
        "is_folded": len(own) > OPEN_STEPS,
        "failures": sum(step["outcome"] == "failed" for step in turn["steps"]),
    }


def _is_live(look: Look, story: Story) -> bool:
    """Whether something of it was recorded in the last five minutes."""
    return story["ended"] is not None and look.now_us - parse_iso(story["ended"]) < 300_000_000


def _calls(story: Story) -> Table:
    found = [
        {"turn": number, **step, "latency_ms": step.get("latency_ms"), "error": step.get("error"), "agent": step.get("agent")}
        for number, turn in enumerate(story["story"], 1)
        for step in turn["steps"]
    ]
    columns = [
        Column("ts", "Time", "time"),
        Column("turn", "Turn", "number"),
        Column("agent", "Subagent"),
        Column("tool", "Tool", "code"),
        Column("what", "What", "code"),
        Column("outcome", "Outcome", "outcome"),
        Column("latency_ms", "Time taken", "ms"),
        Column("error", "Error"),
    ]
    return Table("calls", "Calls", columns, found, empty="No call of a tool is recorded of this session.")


def _files(story: Story) -> Table:
    columns = [Column("file_path", "File", "code")]
    return Table(
        "files", "Changed files", columns, [{"file_path": path} for path in story["files"]], empty="No file was changed."
    )


VIEW = View("session", "Session", "/session/{session_id:path}", load, in_navigation=False)
