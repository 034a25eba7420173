"""Keeps the index: the work of the process that leads.

    before a fold       what it will take into the contexts goes in first, and how far the index has each channel
    beside a large one  the same, while it folds: before it removes the rows
    the leader's turn   a slice of what the index does not have is read from the warehouse, the newest first
                        and insights that are in quarantine by now are hidden, others found again
    retention           what has expired goes, and what a legal hold kept is read again
    forgetting          the file goes, and is built again from what is left

A flush does nothing for the index. The rows it appended lie in the warehouse until a fold has taken them, and the index takes
the same rows just before: those of many flushes together, and wherever the process is killed the next one finds them there.
What the index has already is passed over. Where a fold took what the index did not get (the disk was full) it is noticed when
the file is next opened, and everything is read once more. Nothing that happens to the index stops a flush or a fold: it is
derived, and what is damaged is removed and built again.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING, Any

from ..clock import SYSTEM_CLOCK
from ..errors import ActivityError, WarehouseError
from ..fs import LOCAL
from ..queue import Lease, read_commit, read_queue
from .documents import Document, document_of, document_of_stored
from .index import CACHE_KB, LESS_CACHE_KB, KnownWords, SearchIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ..clock import Clock
    from ..warehouse.base import ActivityHistory, Folded, Maintenance, StoredActivity, Unfolded

FILE = "search.sqlite3"
ENDINGS = ("", "-wal", "-shm", "-journal")
SLICE_ROWS = 2000
MAX_TAKEN = 10_000
"""What is written in one transaction: an import may leave a million rows to be folded."""
IDLE_S = 10.0
"""So long after it was written the index stays open: under load, opening it for each fold would cost a fifth of its part."""
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
        self._cache_kb = CACHE_KB
        self._open: SearchIndex | None = None
        self._written_at = 0.0
        self._quarantined: frozenset[str] | None = None
        self._next_slice = 0.0
        self._is_complete = False
        self._was_compared = False

    def hold_less(self) -> None:
        """Work in less memory, an eighth slower. Before the first use."""
        self._cache_kb = LESS_CACHE_KB

    def take_unfolded(self) -> None:
        """Take in what the next fold takes; to be called before it. Raises what the warehouse raises.

        What the fold puts into quarantine is hidden after it.
        """
        self.take(self._history)

    def fold_beside(self) -> Folded:
        """Fold, and take the same rows in meanwhile, on the second core. Raises what the warehouse raises."""
        return self._history.fold_beside(self.take)

    def take(self, waiting: Unfolded) -> None:
        """Take in these rows; on whichever thread, as long as no other uses this meanwhile."""
        ends = dict[str, str]()
        committed = self._committed() if waiting.is_all else {}  # before the rows are read: up to there they are stored
        documents: list[Document] | None = None
        for piece in waiting.unfolded():
            if documents and len(documents) >= MAX_TAKEN:
                if not self._take(waiting, documents, {}):
                    return
                documents = []
            documents = [*(documents or ()), *documents_of_stored(piece)]
            ends.update([(stored.channel_id, stored.stream_offset) for stored in piece])
        if documents is not None:
            reached = ends | {channel: max(ends.get(channel, ""), end) for channel, end in committed.items()}
            self._take(waiting, documents, reached)

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
            return index.get(CURSOR) == DONE and not is_behind(index, self._directory)

    def read_slice(self) -> bool:
        """Read one slice; False where the index is complete. Raises what the warehouse raises."""

        def take(index: SearchIndex) -> None:
            self._compare(index, self._history)
            cursor = index.get(CURSOR) or ""
            span = self._history.span_before(int(cursor) if cursor else None, SLICE_ROWS) if cursor != DONE else None
            if span is None:
                index.set(CURSOR, DONE)
                self._is_complete = True
                return
            index.add(documents_of_stored(self._history.between(*span)))
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

    def _committed(self) -> dict[str, str]:
        """The queue's channel and its committed offset; empty where nothing was committed."""
        commit = read_commit(self._directory)
        return {commit.channel_id: str(commit.offset)} if commit is not None else {}

    def _take(self, waiting: Unfolded, documents: list[Document], ends: Mapping[str, str]) -> bool:
        """Add these, and that the index has each channel up to its end; False where it could not be written."""

        def take(index: SearchIndex) -> None:
            self._compare(index, waiting)
            index.add(documents)
            for channel_id, end in ends.items():
                _reach(index, channel_id, end)

        return self._write(take)

    def _compare(self, index: SearchIndex, waiting: Unfolded) -> None:
        """Once after each opening: whether a fold took what this file did not get."""
        if self._was_compared:
            return
        committed, newest = self._committed(), waiting.newest_folded()
        self._was_compared = True
        if newest is None or newest.stream_offset <= (offset_in(index, newest.channel_id) or ""):
            return
        self._begin_again(index)
        _reach(index, newest.channel_id, newest.stream_offset)
        for channel_id, end in committed.items() if not newest.wait else ():
            _reach(index, channel_id, end)

    def _begin_again(self, index: SearchIndex) -> None:
        index.set(CURSOR, "")
        self._is_complete = False

    def _write(self, take: Callable[[SearchIndex], None]) -> bool:
        """One transaction; False where SQLite could not do it, which is reported."""
        try:
            with self._opened() as index:
                take(index)
        except BaseException as error:
            self._known_words = KnownWords()  # what was learned in it is not in the file
            self.close()
            if not isinstance(error, sqlite3.Error):
                raise
            self._failed(error)
            return False
        return True

    def _opened(self) -> SearchIndex:
        """The index to be written: the open one, unless its file was removed, replaced or damaged."""
        if self._open is not None and not self._open.is_as_left():
            self.close()
        if self._open is None:
            self._open, self._was_compared = SearchIndex.at(self.path, self._known_words, self._cache_kb), False
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
        self._feed.take_unfolded()  # what retention removes is folded before
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


def _reach(index: SearchIndex, channel_id: str, end: str) -> None:
    """The index has the channel up to ``end`` now; it may have been further."""
    if (offset_in(index, channel_id) or "") < end:
        index.set(_mark(channel_id), end)


def is_behind(index: SearchIndex, directory: str) -> bool:
    """Whether the contexts have what the index has not, so that the queue may not have it any more."""
    queue = read_queue(directory)
    offset = offset_in(index, queue.queue_id) if queue is not None else None
    return offset is not None and offset < Lease(directory).folded()


def documents_of_stored(stored: Iterable[StoredActivity]) -> Iterator[Document]:
    """The documents of rows that were read back."""
    return (document for document in map(document_of_stored, stored) if document is not None)


def documents_of(events: Iterable[Mapping[str, Any]]) -> Iterator[Document]:
    """The documents of events by their members."""
    return (document for document in map(document_of, events) if document is not None)
