"""What the tools over contexts answer."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

Freshness = Literal["fresh", "stale", "expired", "missing"]


class Context(TypedDict):
    """What is known, as the ``get_context`` tool answers it. ``context`` holds the sections by name."""

    customer: str
    context_type: str
    project: str | None
    context: dict[str, Any]
    as_of: str | None
    age_ms: float | None
    freshness: str
    source: str
    pending_local: int
    truncated: list[str]
    reason: NotRequired[str | None]


class Refreshed(TypedDict):
    """How old a context is now. ``reason``: why it was not read again in time."""

    as_of: str | None
    age_ms: float | None
    freshness: str
    refreshed: bool
    reason: NotRequired[str]
