"""Reads sessions: the newest ones with their sums, and one of them as a story."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..clock import iso, parse_iso
from ..errors import InvalidInput
from ..search.times import moment
from . import rows
from .story import story_of, within

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..clock import Clock
    from ..warehouse.base import QueryEngine
    from .shapes import Event, SessionSummary, Story

MIN_PREFIX = 4


class SessionReader:
    """The sessions of one warehouse; what waits in the queue's ``directory`` is part of a story. Where nothing was ever
    shipped there is no warehouse (``exists``), and that is no error."""

    def __init__(
        self,
        directory: str,
        queries: Callable[[], QueryEngine],
        clock: Clock,
        *,
        exists: Callable[[], bool] = lambda: True,
    ) -> None:
        self._exists = exists
        self._directory = directory
        self._queries = queries
        self._clock = clock

    def list(self, *, project: str | None, since: str | None, limit: int) -> list[SessionSummary]:
        """The newest sessions, the newest first. Raises a WarehouseError, or InvalidInput for ``since``."""
        since_us = moment("since", since, self._clock.time_us())
        if not self._exists():
            return []
        found = rows.sums(self._queries(), project=project, since=iso(since_us) if since_us else None, limit=limit)
        return [_summary(row) for row in found]

    def story(
        self, session_id: str, *, max_bytes: int | None = None, cancelled: Callable[[], bool] = lambda: False
    ) -> Story | None:
        """A session's story; None where nothing of it is recorded. The beginning of an id will do where it names one session.

        Raises InvalidInput where it names several.
        """
        events, problem = self._events(session_id, cancelled)
        if not events and problem is None and len(session_id) >= MIN_PREFIX:
            session_id = self.whole(session_id)
            events, problem = self._events(session_id, cancelled)
        if not events and problem is None:
            return None
        notes = [f"the warehouse did not answer, so only what waits in the queue is here: {problem}"] if problem else []
        if len(events) >= rows.MAX_EVENTS:
            notes.append(f"only the first {rows.MAX_EVENTS} events are here")
        story = story_of(session_id, events, notes)
        return story if max_bytes is None else within(story, max_bytes)

    def _events(self, session_id: str, cancelled: Callable[[], bool]) -> tuple[Sequence[Event], str | None]:
        events, problem = rows.session_events(self._queries, self._directory, session_id, cancelled)
        return events, problem if self._exists() else None

    def whole(self, begun: str) -> str:
        """The id of the session that begins so, or the text itself where none does. Raises InvalidInput where several do."""
        found = rows.sessions_beginning(self._queries(), begun) if self._exists() else []
        if begun in found:
            return begun
        if len(found) > 1:
            raise InvalidInput(f"{begun!r} begins several sessions: {', '.join(found[:5])}", hint="write more of the id")
        return found[0] if found else begun


def _summary(row: Mapping[str, Any]) -> SessionSummary:
    started, ended = rows.utc(row["started"]), rows.utc(row["ended"])
    return {
        "session_id": row["session_id"],
        "started": started,
        "ended": ended,
        "project": row["project"],
        "title": row["title"],
        "asked": row["asked"],
        "calls": int(row["calls"] or 0),
        "errors": int(row["errors"] or 0),
        "tokens": int(row["tokens"] or 0),
        "cost_usd": row["cost_usd"],
        "duration_s": (parse_iso(ended) - parse_iso(started)) / 1e6,
    }
