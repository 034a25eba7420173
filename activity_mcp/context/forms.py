"""Which sections are shown, and the forms of their entries: in full, short where every section is shown, shorter still in a
small answer."""

from __future__ import annotations

from .values import MAX_TEXT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Record = dict[str, Any]

_ALWAYS = ("recorded_at", "watermark")
CONTEXT_TYPES: dict[str, tuple[str, ...]] = {
    "default": (
        "recent_sessions", "recent_errors", "recent_files", "insights", "recent_queries", "tool_usage", "activity_counts",
        "llm_usage", *_ALWAYS,
    ),
    "executive": ("tool_usage", "activity_counts", "llm_usage", *_ALWAYS),
    "analyst": ("insights", "recent_queries", *_ALWAYS),
    "engineer": ("recent_sessions", "recent_errors", "recent_files", "tool_usage", *_ALWAYS),
}  # fmt: skip
"""The sections of each context_type, in the order in which they are shown."""
WHERE_KNOWN = {"recent_sessions": ("commands", "refused"), "recent_errors": ("conclusions", "commits")}
"""Sections that are shown before another one, and only when they hold something."""


class Rendered:
    """A context that fits, the sections left out of it, and the context's compact encoding. Not to be changed: it is shared."""

    __slots__ = ("context", "encoded", "truncated")

    def __init__(self, context: Record, truncated: list[str], encoded: bytes) -> None:
        self.context = context
        self.truncated = truncated
        self.encoded = encoded


WHY_SUMS = {
    "tool_usage": "calls of the last 24 h, the tools used most first",
    "activity_counts": "activities of the last 24 h by kind",
    "llm_usage": "tokens and cost, today and the last 7 days",
}


class Full:
    """How much of each section is shown, at most."""

    text, conclusion, errors, files, insights, tools, session_files = MAX_TEXT, MAX_TEXT, 10, 20, 20, 40, 8
    commands, habits, refused, conclusions, commits = 3, 10, 5, 10, 10


class Short(Full):
    """The same where every section is shown."""

    text, conclusion, errors, files, insights, tools, session_files = 140, 220, 5, 10, 10, 10, 5
    commands, habits, refused, conclusions, commits = 2, 5, 3, 4, 5


def without_empty(entry: Record) -> Record:
    """What an entry says: no empty member, and no command that another section names."""
    made = {k: v for k, v in entry.items() if v or v == 0 or k == "value"}
    if made.pop("_is_named", False):
        made.pop("command", None)
    return made


def short_session(entry: Record) -> Record:
    """What was concluded; what was asked only where nothing was."""
    is_open = "open" in entry or "stopped" in entry or not entry["concluded"]
    names = ("git_branch", "age", *(("title", "asked", "stopped", "open") if is_open else ()), "concluded", "background")
    return {name: entry[name] for name in names if name in entry}


def short_error(entry: Record) -> Record:
    what = ("command", "error") if entry["command"] else ("name", "error")
    return {name: entry.get(name) for name in ("age", *what, "times", "overcome")}


def short_file(entry: Record) -> Record:
    return {name: entry[name] for name in ("file_path", "edits")}


def short_conclusion(entry: Record) -> Record:
    return {name: entry.get(name) for name in ("age", "concluded")}


SHORTS: dict[str, Callable[[Record], Record]] = {
    "recent_sessions": short_session,
    "conclusions": short_conclusion,
    "recent_errors": short_error,
    "recent_files": short_file,
}
"""How a small answer has the entries of a section."""
