"""What a blob and the facts above it say together: lists merged, sums added. Facts that come later are added to it.

Most events only count: a call that succeeded as it always does changes no list. So a reader who asks again after each event
has its sums brought up to date, and its lists merged again only where one of them has changed. Pure, as ``render`` is.
"""

from __future__ import annotations

from .known import no_longer_held
from .records import CONCLUSIONS, ERRORS, FILES, INSIGHTS, QUERIES
from .sessions import Sessions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .attempts import Attempts, Tried
    from .facts import Fact
    from .stored import Stored

    Record = dict[str, Any]


class Gathered:
    """The newest ``sessions``, the ``files``, ``errors``, ``conclusions``, ``queries``, ``insights`` and ``attempts`` of both,
    the conclusions that are ``gone``, as a later one took them back, the ``commits`` that are not, the ``usage`` in the windows
    of ``now_us``, and when the newest event was ``recorded_at`` (empty: none)."""

    def __init__(self, stored: Stored, facts: Sequence[Fact], now_us: int) -> None:
        self._stored = stored
        self._sessions = Sessions(stored.sessions)
        self._calls: list[Tried] = []
        self._files: list[Record] = []
        self._errors: list[Record] = []
        self._conclusions: list[Record] = []
        self._queries: list[Record] = []
        self._insights: list[Record] = []
        self.usage = stored.usage(now_us).copy()
        self.recorded_at = stored.recorded_at or ""
        self._take(facts)
        self._merge()

    def add(self, facts: Sequence[Fact]) -> bool:
        """Take in what came later. Whether that has changed more than ``usage`` and ``recorded_at``."""
        has_news = any(fact.is_listed or (fact.tried and not self.attempts.is_no_news(fact.tried)) for fact in facts)
        self._take(facts)
        if has_news:
            self._merge()
        return has_news

    def _take(self, facts: Sequence[Fact]) -> None:
        self.usage.add(facts)
        for fact in facts:
            if fact.ts is None:
                continue
            if fact.ts > self.recorded_at:
                self.recorded_at = fact.ts
            if fact.tried is not None:
                self._calls.append(fact.tried)
            if fact.is_listed:
                self._sessions.fold(fact, fact.ts)
                for record, records in (
                    (fact.file, self._files), (fact.error, self._errors), (fact.conclusion, self._conclusions),
                    (fact.query, self._queries), (fact.insight, self._insights),
                ):  # fmt: skip
                    if record is not None:
                        records.append(record)

    def _merge(self) -> None:
        stored = self._stored
        self.sessions = self._sessions.newest()
        self.files = FILES.merged(stored.files, self._files) if self._files else stored.files
        self.errors = ERRORS.merged(stored.errors, self._errors)
        self.conclusions = CONCLUSIONS.merged(stored.conclusions, self._conclusions)
        self.queries = QUERIES.merged(stored.queries, self._queries)
        self.insights = INSIGHTS.merged(stored.insights, self._insights)
        self.attempts: Attempts = stored.judged(self.files, self._calls)
        commits = self.attempts.commits()
        self.gone = no_longer_held(self.sessions, self.conclusions, commits)
        self.commits = [(subject, at) for subject, at in commits if subject not in self.gone]
