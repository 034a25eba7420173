"""The answer of ``search``: the index (or SQL) and the end of the queue, matched and ranked together.

Every word first; where too few hits have them all, the rare ones of them. What this machine recorded and has not shipped yet is
read from the queue and searched through an index in memory, so that one's own last command is found at once.

Nothing here waits for the leader. Where the index is missing or damaged, or the warehouse does not answer, what there is is
searched, and ``notes`` says what is not.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from typing import TYPE_CHECKING, Any

import orjson

from ..activity import decode_line
from ..clock import iso
from ..errors import InvalidInput, QueryRefused, WarehouseError
from ..language.query_language import parse
from ..queue import Offset, SegmentTail, read_commit, read_queue
from . import matching
from .documents import KINDS, document_of
from .feed import CURSOR, DONE, FILE, documents_of, is_behind, offset_in
from .index import Found, SearchIndex
from .ranking import ranked, why
from .snippet import snippet
from .times import age_of, moment
from .warehouse_rows import rows_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ..clock import Clock
    from ..language.query_language import Query
    from ..warehouse.base import QueryEngine
    from .answers import SearchAnswer, SearchHit
    from .documents import Document
    from .ranking import Hit

MAX_LIMIT = 100
RANKED = 240
"""Documents of one index that are ranked, the best by FTS5's own BM25."""
TAIL_RECORDS, TAIL_BYTES = 2000, 4 << 20
OTHER_KINDS = {"run": "command", "changed": "file", "queried": "sql", "failed": None, "error": None}


class Searcher:
    """Searches what is recorded. Thread-safe: nothing is kept between two searches.

    ``has_index``: an index follows this warehouse; else it is asked by SQL through ``queries``.
    """

    def __init__(
        self,
        directory: str,
        queries: Callable[[], QueryEngine],
        *,
        has_index: bool,
        own_project: str | None,
        clock: Clock,
    ) -> None:
        self._directory = directory
        self._path = os.path.join(directory, FILE)
        self._has_index = has_index
        self._queries = queries
        self._own_project = own_project
        self._clock = clock

    def search(
        self,
        text: str,
        *,
        kind: str | None = None,
        project: str | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int = 10,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> SearchAnswer:
        """The ``search`` tool's answer. ``project`` None: all, this one's first. Raises InvalidInput."""
        asked = _Asked(text, kind, project, since, until, max(1, min(limit, MAX_LIMIT)), self._clock.time_us())
        with contextlib.ExitStack() as opened:
            indexes = list(self._indexes(asked, opened, cancelled))
            hits, total, is_more = self._hits(indexes, asked)
        return {
            "hits": [self._shown(hit, asked) for hit in hits],
            "total": total,
            "truncated": is_more or total > len(hits),
            "as_of": iso(asked.now_us),
            "notes": asked.notes,
        }

    # --- where candidates come from

    def _indexes(self, asked: _Asked, opened: contextlib.ExitStack, cancelled: Callable[[], bool]) -> Iterator[SearchIndex]:
        index, after = self._stored(asked)
        if index is not None:
            yield opened.enter_context(contextlib.closing(index))
        local = opened.enter_context(contextlib.closing(SearchIndex.in_memory()))
        if index is None:
            local.add(self._by_sql(asked, cancelled))
        local.add(self._tail(asked, after, judged_upto=None if index is not None or asked.is_cut_off else self._committed()))
        if local.size:
            yield local

    def _stored(self, asked: _Asked) -> tuple[SearchIndex | None, str | None]:
        """The index where there is a whole one, and how far it has the queue."""
        if not self._has_index:
            return None, None
        try:
            index = SearchIndex.read(self._path)
        except sqlite3.Error as error:
            asked.notes.append(
                f"the index is damaged ({error}): it is built again; meanwhile the warehouse's newest rows are searched"
            )
            return None, None
        if index is None:
            asked.notes.append("there is no index yet: it is being built; meanwhile the warehouse's newest rows are searched")
            return None, None
        queue = read_queue(self._directory)
        try:
            after = offset_in(index, queue.queue_id) if queue is not None else None
            cursor = index.get(CURSOR) or ""
        except sqlite3.Error as error:
            index.close()
            asked.notes.append(
                f"the index is damaged ({error}): it is built again; meanwhile the warehouse's newest rows are searched"
            )
            return None, None
        if cursor != DONE:
            older = f"what is older than {iso(int(cursor))[:16]}Z" if cursor else "some of what is older"
            asked.notes.append(f"the index is being built: {older} may not be in it yet")
        elif is_behind(index, self._directory):
            asked.notes.append(
                "the index is behind: what was recorded lately may not be in it until the process that leads reads it"
            )
        return index, after

    def _by_sql(self, asked: _Asked, cancelled: Callable[[], bool]) -> Iterable[Document]:
        try:
            rows = rows_for(
                self._queries(), asked.query, kind=asked.kind, project=asked.project, span=asked.span, cancelled=cancelled
            )
            return list(documents_of(rows))
        except (WarehouseError, QueryRefused) as error:
            asked.is_cut_off = True
            asked.notes.append(f"the warehouse did not answer, so only what waits in the queue was searched: {error.message}")
            return []

    def _committed(self) -> str | None:
        """How far the warehouse has the queue."""
        commit = read_commit(self._directory)
        return str(commit.offset) if commit is not None else None

    def _tail(self, asked: _Asked, after: str | None, judged_upto: str | None) -> Iterator[Document]:
        """What this machine recorded behind that offset, or lately. Of what the warehouse has and was asked for, insights are
        its business: it knows which are in quarantine."""
        start = Offset.parse(after) if after else None
        tail = SegmentTail(self._directory, start=start, limit_records=TAIL_RECORDS, limit_bytes=TAIL_BYTES)
        events: list[Mapping[str, Any]] = []
        polled = tail.poll()
        if polled.skipped and after is not None:
            asked.notes.append(f"{polled.skipped:,} events wait to be indexed and were not searched: a flush brings them in")
        for offset, line in polled.records:
            with contextlib.suppress(ValueError):
                event = decode_line(line, orjson.loads)
                if _is_forgetting(event):  # what is before it is in the index, or is to be found no more
                    events.clear()
                is_judged = judged_upto is not None and offset <= judged_upto and event.get("event_name") == "mcp_event"
                if not event.get("ride") and not is_judged:
                    events.append(event)
        return (document for document in map(document_of, events) if document is not None)

    # --- matching

    def _hits(self, indexes: Sequence[SearchIndex], asked: _Asked) -> tuple[list[Hit], int, bool]:
        terms = dict.fromkeys(part for term in asked.query.terms for part in matching.parts(term, indexes))
        wanted = [matching.wanted_of(term, indexes) for term in terms]
        found = self._matching(indexes, asked, " AND ".join(map(matching.expression, wanted)))
        is_found = {doc.session_id for doc in found.documents}
        if len(wanted) > 1 and (len(found.documents) < asked.limit or len(is_found) < 3):
            rare = matching.rare(wanted, sum(index.size for index in indexes))
            found = _both(found, self._matching(indexes, asked, " OR ".join(map(matching.expression, rare))))
        hits = ranked(found.documents, wanted, now_us=asked.now_us, own_project=self._own_project, most=asked.limit)
        return hits, max(found.total, len(hits)), found.is_more

    def _matching(self, indexes: Sequence[SearchIndex], asked: _Asked, words: str) -> Found:
        match = matching.match(words, asked.query, kind=asked.kind, project=asked.project, failed=asked.failed)
        found = Found([], 0, False)
        for index in indexes:
            try:
                found = _both(found, index.find(match, asked.since_us, asked.until_us, RANKED))
            except sqlite3.Error as error:
                asked.notes.append(f"the index could not be read ({error}): it is built again by the process that leads")
        return found

    def _shown(self, hit: Hit, asked: _Asked) -> SearchHit:
        doc = hit.document
        words = {word for term, as_word in hit.matched for word in ((as_word,) if as_word else term.words)}
        prefixes = tuple(term.words[-1] for term, _ in hit.matched if term.prefix)
        age = age_of(asked.now_us - doc.ts_us)
        return {
            "kind": doc.kind,
            "ts": iso(doc.ts_us),
            "age": age,
            "project": doc.project,
            "session_id": doc.session_id,
            "snippet": snippet(_text_of(doc.text, doc.path, doc.kind), words, prefixes),
            "why": why(hit, age=age, own_project=self._own_project),
            "resume": f"claude --resume {doc.session_id}" if _is_session_id(doc.session_id) else None,
            "failed": bool(doc.failed),
            "tool": doc.tool,
            "path": doc.path,
        }


class _Asked:
    """One search: what was asked, its bounds, and what has to be said about the answer."""

    def __init__(
        self, text: str, kind: str | None, project: str | None, since: str | None, until: str | None, limit: int, now_us: int
    ) -> None:
        self.query: Query = parse(text)
        self.failed = self.query.failed
        if kind in OTHER_KINDS:
            self.failed = True if OTHER_KINDS[kind] is None else self.failed
            kind = OTHER_KINDS[kind]
        if kind is not None and kind not in KINDS:
            raise InvalidInput(f"kind {kind[:40]!r} is unknown", hint=f"one of {', '.join((*KINDS, *OTHER_KINDS))}")
        self.kind = kind
        self.project = None if project in (None, "*") else project
        self.limit = limit
        self.now_us = now_us
        self.since_us = moment("since", since, now_us)
        self.until_us = moment("until", until, now_us)
        self.notes: list[str] = []
        self.is_cut_off = False
        if self.query.is_shortened:
            self.notes.append("the text is long: only its first words were looked for")

    @property
    def span(self) -> tuple[str | None, str | None]:
        return tuple(iso(us) if us is not None else None for us in (self.since_us, self.until_us))  # type: ignore[return-value]


def _both(one: Found, other: Found) -> Found:
    """Both, each activity once: the better source's."""
    by_key = {doc.key: doc for doc in one.documents}
    for doc in other.documents:
        if doc.key not in by_key or doc.rank < by_key[doc.key].rank:
            by_key[doc.key] = doc
    is_more = one.is_more or other.is_more
    return Found(list(by_key.values()), max(len(by_key), one.total, other.total), is_more)


def _text_of(text: str, path: str | None, kind: str) -> str:
    """What a hit shows: a call or a file with the path that it was about, behind the name of the tool or the operation."""
    if not path or kind not in ("file", "call"):
        return text or path or ""
    name, _, rest = text.partition("\n")
    return f"{name} {path} {rest}".strip()


def _is_session_id(session_id: str | None) -> bool:
    """Whether a shell takes it for one word, and no option: the line is made to be pasted."""
    return session_id is not None and re.fullmatch(r"[A-Za-z0-9_][\w.-]*", session_id, re.ASCII) is not None


def _is_forgetting(event: Mapping[str, Any]) -> bool:
    features = event.get("feature_json")
    return (
        event.get("event_name") == "system_event" and isinstance(features, dict) and features.get("event_type") == "forgotten"
    )
