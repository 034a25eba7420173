"""What the ``search`` tool answers."""

from __future__ import annotations

from typing import TypedDict


class SearchHit(TypedDict):
    """One find. ``why`` says what of it was looked for; ``resume`` is the line that goes back to its session, None where it
    has none."""

    kind: str
    ts: str
    age: str
    project: str | None
    session_id: str | None
    snippet: str
    why: str
    resume: str | None
    failed: bool
    tool: str | None
    path: str | None


class SearchAnswer(TypedDict):
    """``total``: how many there are, of which ``hits`` are the best; ``notes`` say what was not searched."""

    hits: list[SearchHit]
    total: int
    truncated: bool
    as_of: str
    notes: list[str]
