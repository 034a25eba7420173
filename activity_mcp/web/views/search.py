"""Search: what was asked, concluded, run, failed, changed and queried, ranked, with the way back into the session."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ...search.documents import KINDS
from ...search.searcher import OTHER_KINDS
from ..tables import Column, Table
from ..view import View
from .sessions import link_of

if TYPE_CHECKING:
    from ...search.answers import SearchHit
    from ..view import Look

LIMIT = 40
SHOWN_KINDS = ("asked", "concluded", "run", "failed", "changed", "queried", "insight")
_MARK = re.compile(r"\*\*(.+?)\*\*")


def load(look: Look) -> dict[str, Any]:
    text, kind = look.filters.get("q"), look.filters.get("kind")
    kind = kind if kind in KINDS or kind in OTHER_KINDS else None
    hits: list[SearchHit] = []
    total = 0
    if text:
        days = look.filters.get("days")
        since = f"{days}d" if days and days.isdigit() else None
        found = look.sources.search(text, kind=kind, project=look.filters.get("project"), since=since, limit=LIMIT)
        hits, total = found["hits"], found["total"]
        look.notes += [("info", note) for note in found["notes"]]
    shown = [{**hit, "link": link_of(hit), "parts": pieces(hit["snippet"])} for hit in hits]
    return {"text": text, "kind": kind, "kinds": SHOWN_KINDS, "hits": shown, "total": total, "tables": [_table(shown)]}


def pieces(snippet: str) -> list[tuple[str, bool]]:
    """The pieces of a snippet, and whether each is a match."""
    parts = _MARK.split(snippet)
    return [(part, at % 2 == 1) for at, part in enumerate(parts) if part]


def _table(hits: list[dict[str, Any]]) -> Table:
    columns = [
        Column("ts", "Time", "time"),
        Column("kind", "Kind"),
        Column("project", "Project", "place"),
        Column("session_id", "Session", "id", link=link_of),
        Column("snippet", "What"),
        Column("resume", "Resume", "code"),
    ]
    return Table("hits", "Hits", columns, hits)


VIEW = View("search", "Search", "/search", load, filters=("project",), in_navigation=False)
