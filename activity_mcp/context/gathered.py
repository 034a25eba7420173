"""What a blob and the facts above it say together: lists merged, sums added. Facts that come later are added to it.

Most events only count: a call that succeeded as it always does changes no list. So a reader who asks again after each event
has its sums brought up to date, and its lists merged again only where one of them has changed. Pure, as ``render`` is.
"""

from __future__ import annotations

from .known import no_longer_held
from .records import CONCLUSIONS, ERRORS, FILES, INSIGHTS, QUERIES
from .sessions import Sessions
from .values import time_us

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .attempts import Attempts
    from .facts import Fact
    from .stored import Stored
    from .tried import Tried

    Record = dict[str, Any]

AGES_HOLD_US = 5_000_000
"""So long an age may be shown as it is: it is said in minutes."""


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
        has_news = not all(map(self._is_only_counted, facts))
        self._take(facts)
        if has_news:
            self._merge()
        return has_news

    def _is_only_counted(self, fact: Fact) -> bool:
        if fact.is_listed or (fact.tried is not None and not self.attempts.is_no_news(fact.tried)):
            return False
        return fact.session_id is None or self._only_goes_on(fact)

    def _only_goes_on(self, fact: Fact) -> bool:
        """Whether its session shows nothing of it but that it is as new as it was shown, give or take ``AGES_HOLD_US``."""
        at = next((at for at, session in enumerate(self.sessions) if session["session_id"] == fact.session_id), None)
        ts_us = None if fact.ts is None else time_us(fact.ts)
        if at is None or ts_us is None or not fact.says_nothing_of(self.sessions[at]):
            return False
        shown_us = time_us(self.sessions[at]["last_ts"])
        is_in_order = at == 0 or str(fact.ts) < self.sessions[at - 1]["last_ts"]
        return is_in_order and shown_us is not None and 0 <= ts_us - shown_us <= AGES_HOLD_US

    def _take(self, facts: Sequence[Fact]) -> None:
        self.usage.add(facts)
        for fact in facts:
            if fact.ts is None:
                continue
            if fact.ts > self.recorded_at:
                self.recorded_at = fact.ts
            if fact.tried is not None:
                self._calls.append(fact.tried)
            if fact.session_id is not None:
                self._sessions.fold(fact.session_id, fact, fact.ts)
            if fact.is_listed:
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
