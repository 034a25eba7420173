"""Keeps the index: the work of the process that leads.

    a flush has shipped rows   they go in, with the channel's new offset, in one transaction
    the leader's turn          a slice of what the index does not have is read from the warehouse, the newest first
                               and insights that are in quarantine by now are hidden, others found again
    retention                  what has expired goes, and what a legal hold kept is read again
    forgetting                 the file goes, and is built again from what is left

The index remembers the offset of each channel it has seen. Where a flush does not begin at that offset (the process was killed
between the warehouse's commit and the index's, or the disk was full) everything is read once more; what is there already is
passed over. Nothing that happens to the index stops a flush: it is derived, and what is damaged is removed and built again.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING, Any

import orjson

from ..clock import SYSTEM_CLOCK
from ..errors import ActivityError, WarehouseError
from ..fs import LOCAL
from ..queue import read_commit
from .documents import Document, document_of, made_of
from .index import KnownWords, SearchIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ..clock import Clock
    from ..warehouse.base import ActivityHistory, Maintenance, Row

FILE = "search.sqlite3"
ENDINGS = ("", "-wal", "-shm", "-journal")
SLICE_ROWS = 2000
IDLE_S = 10.0
"""So long after it was written the index stays open: under load, opening it for each flush would cost a fifth of its part."""
REST_FACTOR = 2
"""After a slice the leader's thread rests from this work so many times as long as it took."""
CURSOR, DONE = "cursor", "done"
_PASSES = ("locked", "busy", "full", "readonly", "i/o", "unable to open")
"""What SQLite says of a moment's trouble; all else it says of the file."""


class IndexFeed:
    """Feeds the index in the queue's ``directory``. Driven by the holder of the lease; ``on_error`` gets what went wrong."""

    def __init__(
        self,
        directory: str,
        history: ActivityHistory,
        *,
        on_error: Callable[[BaseException], None] = lambda error: None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.path = os.path.join(directory, FILE)
        self._history = history
        self._directory = directory
        self._on_error = on_error
        self._clock = clock
        self._known_words = KnownWords()
        self._open: SearchIndex | None = None
        self._written_at = 0.0
        self._quarantined: frozenset[str] | None = None
        self._next_slice = 0.0
        self._is_complete = False
        self._was_compared = False

    def shipped(self, channel_id: str, after: str | None, upto: str, rows: Sequence[Row]) -> None:
        """A flush has committed these rows, from ``after`` to ``upto``: so far the index then has the channel.

        What a fold puts into quarantine is hidden after the fold.
        """

        def take(index: SearchIndex) -> None:
            if after is not None and index.get(_mark(channel_id)) != after:
                self._begin_again(index)
            index.add(documents_of_rows(rows))
            index.set(_mark(channel_id), upto)

        self._write(take)

    def hide_quarantined(self) -> None:
        """Find no insight that is in quarantine, and those again that are in it no more (docs/provenance.md)."""
        try:
            quarantined = self._history.quarantined()
        except WarehouseError as error:
            if not error.retryable:
                raise
            return  # the next flush looks again
        if quarantined != self._quarantined:
            self._write(lambda index: index.hide(quarantined))
            self._quarantined = quarantined

    def turn(self) -> None:
        """A slice of what the index does not have yet, where there is any and it is time for it."""
        now = self._clock.monotonic()
        if now - self._written_at > IDLE_S:
            self.close()
        if self._is_complete or now < self._next_slice:
            return
        try:
            self.read_slice()
        except WarehouseError as error:
            if not error.retryable:
                raise
        ended = self._clock.monotonic()
        self._next_slice = ended + REST_FACTOR * (ended - now)

    def is_complete(self) -> bool:
        """Whether there is an index that misses nothing it knows of. Looks at the file."""
        try:
            index = SearchIndex.read(self.path)
        except sqlite3.Error:
            return False
        if index is None:
            return False
        with contextlib.closing(index):
            committed = self._committed()
            return index.get(CURSOR) == DONE and (committed is None or offset_in(index, committed[0]) == committed[1])

    def read_slice(self) -> bool:
        """Read one slice; False where the index is complete. Raises what the warehouse raises."""

        def take(index: SearchIndex) -> None:
            self._compare(index)
            cursor = index.get(CURSOR) or ""
            span = self._history.span_before(int(cursor) if cursor else None, SLICE_ROWS) if cursor != DONE else None
            if span is None:
                index.set(CURSOR, DONE)
                self._is_complete = True
                return
            index.add(documents_of(self._history.between(*span)))
            index.set(CURSOR, str(span[0]))

        self._is_complete = False
        self._write(take)
        if self._is_complete:
            self.hide_quarantined()
        return not self._is_complete

    def expired(self, before_us: int) -> None:
        """Retention has removed what is older than this, but for what a legal hold names."""

        def take(index: SearchIndex) -> None:
            index.remove_before(before_us)
            if index.get(CURSOR) == DONE:
                index.set(CURSOR, str(before_us))
                self._is_complete = False

        if os.path.exists(self.path):
            self._write(take)
            self.close()  # what was removed leaves the file's log as well

    def followed_by(self, maintenance: Maintenance) -> Maintenance:
        """The same maintenance, with the index following what it removes."""
        return IndexedMaintenance(maintenance, self, self._clock)

    def close(self) -> None:
        """Let go of the file; the next write opens it again."""
        index, self._open = self._open, None
        if index is not None:
            index.close()

    def remove(self) -> None:
        """Remove the file, down to its bytes; it is built again by the next turns."""
        self.close()
        for ending in ENDINGS:
            LOCAL.unlink(self.path + ending)
        self._is_complete = False
        self._quarantined = None

    # --- inside

    def _committed(self) -> tuple[str, str] | None:
        """The queue's channel and its committed offset."""
        commit = read_commit(self._directory)
        return (commit.channel_id, str(commit.offset)) if commit is not None else None

    def _compare(self, index: SearchIndex) -> None:
        """Once: whether the warehouse was filled behind the index's back."""
        if self._was_compared:
            return
        self._was_compared = True
        committed = self._committed()
        if committed is not None and index.get(_mark(committed[0])) != committed[1]:
            self._begin_again(index)
            index.set(_mark(committed[0]), committed[1])

    def _begin_again(self, index: SearchIndex) -> None:
        index.set(CURSOR, "")
        self._is_complete = False

    def _write(self, take: Callable[[SearchIndex], None]) -> None:
        try:
            with self._opened() as index:
                take(index)
        except BaseException as error:
            self._known_words = KnownWords()  # what was learned in it is not in the file
            self.close()
            if not isinstance(error, sqlite3.Error):
                raise
            self._failed(error)

    def _opened(self) -> SearchIndex:
        """The index to be written: the open one, unless its file was removed, replaced or damaged."""
        if self._open is not None and not self._open.is_as_left():
            self.close()
        if self._open is None:
            self._open = SearchIndex.at(self.path, self._known_words)
        self._written_at = self._clock.monotonic()
        return self._open

    def _failed(self, error: sqlite3.Error) -> None:
        if any(word in str(error).lower() for word in _PASSES):
            self._on_error(ActivityError(f"the search index was not written ({error}); it is tried again by itself"))
            return
        self._on_error(
            ActivityError(f"the search index is damaged ({error}); it was removed, and is built again from the warehouse")
        )
        self.remove()


class IndexedMaintenance:
    """``Maintenance`` of a warehouse whose index follows it."""

    def __init__(self, maintenance: Maintenance, feed: IndexFeed, clock: Clock) -> None:
        self._maintenance = maintenance
        self._feed = feed
        self._clock = clock

    def run(self, keep_days: int) -> dict[str, int]:
        removed = self._maintenance.run(keep_days)
        if removed:
            self._feed.expired(self._clock.time_us() - keep_days * 86_400_000_000)
        return removed

    def compact(self) -> None:
        self._maintenance.compact()


def _mark(channel_id: str) -> str:
    """The name under which the index keeps how far it has a channel."""
    return f"offset of {channel_id}"


def offset_in(index: SearchIndex, channel_id: str) -> str | None:
    """How far the index has a channel."""
    return index.get(_mark(channel_id))


def documents_of_rows(rows: Iterable[Row]) -> Iterable[Document]:
    """The documents of rows, without members in between: a flush pays for each."""
    for row in rows:
        if row.event_name == "llm_event":
            continue
        features = orjson.loads(row.feature_json)
        if isinstance(features, dict):
            ids = row.activity_id, row.ts, row.project, row.session_id, row.source
            document = made_of(row.event_name, *ids, features)
            if document is not None:
                yield document


def documents_of(events: Iterable[Mapping[str, Any]]) -> Iterable[Document]:
    return (document for document in map(document_of, events) if document is not None)
