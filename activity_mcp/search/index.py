"""One SQLite file with an FTS5 table: documents by their words. Also in memory, for candidates that come from elsewhere.

    docs    one row per document, with its text; ``id`` orders by time (65,536 places a second), so that the newest matches are
            read first and alone, and a span of time is a span of ids
    found   FTS5 over its words, without a copy of the text (``content=''``): text, path, and facets, which are words that no
            text has, for kind, project, tool and failure: a filter is one more word of the match
    words   FTS5 as well, for its sorted list of terms alone: the words of letters, and each backwards behind a 0, so that those
            with one beginning or one end are together: one of two halves survives a typing mistake
    hidden  the keys of documents that are not to be found for now: insights in quarantine
    meta    the layout's version, how many documents, and what ``feed`` has to remember

The file is derived: it is written without waiting for the disk (``synchronous=OFF``), and the leader removes a damaged one.
A search opens it and closes it; who writes it looks first whether the file is as it was left: one that was removed or damaged
is not used on.
FTS5 is part of the SQLite that CPython ships with. Source: sqlite.org/fts5.html.
"""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from ..language.words import is_forgiven, is_near
from .index_words import entries_of, words_in
from .places import CHUNK, PLACES, id_at, key_of, known, places_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from collections.abc import Set as AbstractSet
    from types import TracebackType

    from .documents import Document

LAYOUT = "4"  # as _SCHEMA writes it
MAX_MATCHES = 3000
"""Of more matches than these the newest so many are ranked: a word that is everywhere narrows nothing."""
IN_USE_S = 2.0
CACHE_KB, LESS_CACHE_KB = 16_000, 6_000
"""SQLite's cache of an index that is written; with less, indexing takes an eighth longer (``bench rows``)."""
_MAX_NEAR = 6
_BACKWARDS = "0"
_SCHEMA = """
CREATE TABLE docs (
    id INTEGER PRIMARY KEY, key INTEGER NOT NULL, rank INTEGER NOT NULL, ts_us INTEGER NOT NULL, kind TEXT NOT NULL,
    project TEXT, session_id TEXT, tool TEXT, failed INTEGER NOT NULL, path TEXT, text TEXT NOT NULL
);
CREATE UNIQUE INDEX docs_by_day ON docs (id / 5662310400, key);
CREATE VIRTUAL TABLE found USING fts5(text, path, facets, content='', tokenize="unicode61 remove_diacritics 0");
INSERT INTO found (found, rank) VALUES ('automerge', 8);
CREATE VIRTUAL TABLE vocabulary USING fts5vocab('found', 'row');
CREATE VIRTUAL TABLE words USING fts5(both_ways, content='', detail=none, tokenize="unicode61 remove_diacritics 0");
CREATE VIRTUAL TABLE known_words USING fts5vocab('words', 'row');
CREATE TABLE hidden (key INTEGER PRIMARY KEY);
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('layout', '4'), ('documents', '0'), ('made', hex(randomblob(8)));
"""
_MATCHING = "SELECT rowid FROM found WHERE found MATCH ? AND rowid BETWEEN ? AND ?"
_NEWEST = f"{_MATCHING} ORDER BY rowid DESC LIMIT ?"
_BEST = f"{_MATCHING} ORDER BY bm25(found, 1.0, 0.7, 0.0) LIMIT ?"
_COLUMNS = "id, key, rank, ts_us, kind, project, session_id, tool, failed, path, text"


class Stored(NamedTuple):
    """A document as the index has it. ``key`` stands for its activity_id."""

    id: int
    key: int
    rank: int
    ts_us: int
    kind: str
    project: str | None
    session_id: str | None
    tool: str | None
    failed: int
    path: str | None
    text: str


class Found(NamedTuple):
    """``documents`` are those worth ranking; ``total`` matched, or more where ``is_more``."""

    documents: list[Stored]
    total: int
    is_more: bool


class KnownWords:
    """The words that one file is known to have, so that a flush need not offer it every word again. ``made`` names the file."""

    MOST = 40_000

    def __init__(self) -> None:
        self.made: str | None = None
        self.words: set[str] = set()

    def of(self, made: str | None) -> set[str]:
        """The words of this file; none where the file is another one, or where there were too many."""
        if made is None or made != self.made or len(self.words) > self.MOST:
            self.made, self.words = made, set()
        return self.words


class SearchIndex:
    """An open index. For one thread at a time; ``with`` it a transaction, committed at the end or taken back."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        known_words: set[str] | None = None,
        path: str | None = None,
    ) -> None:
        self._connection = connection
        self._known_words = set() if known_words is None else known_words
        self._path = path
        self._left = _state_of(path)

    @classmethod
    def at(cls, path: str, known: KnownWords | None = None, cache_kb: int = CACHE_KB) -> SearchIndex:
        """The index in this file, made where there is none. Raises sqlite3.Error; a file of another layout is DatabaseError.

        ``known`` is kept by a caller that writes one file repeatedly, and forgotten where a transaction was not committed.
        """
        connection = sqlite3.connect(path, timeout=IN_USE_S, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA page_size=8192")  # of a new file: half as many writes
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("PRAGMA secure_delete=ON")
            connection.execute(f"PRAGMA cache_size=-{cache_kb}")
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
                _make(connection)
            _check_layout(connection)
            made = connection.execute("SELECT value FROM meta WHERE name = 'made'").fetchone() if known else None
        except BaseException:
            connection.close()
            raise
        return cls(connection, known.of(made[0] if made else None) if known else None, path)

    @classmethod
    def read(cls, path: str) -> SearchIndex | None:
        """The index in this file, to be read; None where there is none. Raises sqlite3.Error."""
        if not os.path.exists(path):
            return None
        connection = sqlite3.connect(
            f"file:{path.replace('%', '%25').replace('?', '%3f').replace('#', '%23')}?mode=ro", uri=True, timeout=IN_USE_S
        )
        try:
            _check_layout(connection)
        except BaseException:
            connection.close()
            raise
        return cls(connection)

    @classmethod
    def in_memory(cls) -> SearchIndex:
        connection = sqlite3.connect(":memory:", isolation_level=None)
        _make(connection)
        return cls(connection)

    def __enter__(self) -> Self:
        self._connection.execute("BEGIN IMMEDIATE")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._connection.in_transaction:
            self._connection.execute("COMMIT" if kind is None else "ROLLBACK")
        self._left = _state_of(self._path)

    def is_as_left(self) -> bool:
        """Whether its file is in place, and nobody else has written it since the last transaction."""
        return self._left is not None and self._left == _state_of(self._path)

    def close(self) -> None:
        self._connection.close()

    # --- what is in it

    def add(self, documents: Iterable[Document]) -> int:
        """Take these in, the better of two with one activity_id; how many are new."""
        given: dict[int, Document] = {}
        for document in documents:
            key = key_of(document.activity_id)
            if key not in given or document.rank < given[key].rank:
                given[key] = document
        for key, (row_id, rank) in known(self._connection, given).items():
            if given[key].rank < rank:
                self._remove([row_id])
            else:
                del given[key]
        places = places_of(self._connection, given)
        added = sorted(
            [
                (places[key], key, rank, ts_us, kind, project, session_id, tool, int(failed), path, text)
                for key, (_, ts_us, kind, project, session_id, tool, failed, path, text, rank) in given.items()
            ]
        )  # FTS5 wants its row ids to ascend
        self._connection.executemany(f"INSERT INTO docs ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?)", added)  # noqa: S608
        entries = entries_of(added)
        self._connection.executemany("INSERT INTO found (rowid, text, path, facets) VALUES (?, ?, ?, ?)", entries)
        self._learn(words_in(entries))
        self._count(len(added))
        return len(added)

    def remove_before(self, ts_us: int) -> int:
        """Remove what is older; how many documents that were."""
        ids = [
            row[0]
            for row in self._connection.execute(
                "SELECT id FROM docs WHERE id < ? AND ts_us < ?", (id_at(ts_us) + PLACES, ts_us)
            )
        ]
        self._remove(ids)
        if ids:
            self._connection.execute(
                "INSERT INTO found (found) VALUES ('optimize')"
            )  # what was removed leaves the file as well
        return len(ids)

    def hide(self, activity_ids: Iterable[str]) -> None:
        """Find these no more, and whatever else was hidden again."""
        keys = sorted(map(key_of, activity_ids))
        if keys != [row[0] for row in self._connection.execute("SELECT key FROM hidden ORDER BY key")]:
            self._connection.execute("DELETE FROM hidden")
            self._connection.executemany("INSERT INTO hidden VALUES (?)", [(key,) for key in keys])

    def get(self, name: str) -> str | None:
        row = self._connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set(self, name: str, value: str) -> None:
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    @property
    def size(self) -> int:
        """How many documents it holds."""
        return int(self.get("documents") or 0)

    # --- finding

    def find(self, match: str, low: int | None, high: int | None, most: int) -> Found:
        """The documents of an FTS5 match between two times in microseconds: at most ``most`` by BM25, and the newest."""
        span = (id_at(low) if low is not None else 0, id_at(high) + PLACES if high is not None else (1 << 63) - 1)
        ids = [row[0] for row in self._connection.execute(_NEWEST, (match, *span, MAX_MATCHES + 1))]
        is_more = len(ids) > MAX_MATCHES
        ids = ids[:MAX_MATCHES]
        chosen = ids
        if len(ids) > most:
            chosen = [row[0] for row in self._connection.execute(_BEST, (match, ids[-1], span[1], most))]
            chosen = list(dict.fromkeys([*chosen, *ids[: most // 4]]))
        found = [Stored(*row) for row in self._rows(f"SELECT {_COLUMNS} FROM docs WHERE id IN ", chosen)]  # noqa: S608
        found = [doc for doc in found if (low is None or doc.ts_us >= low) and (high is None or doc.ts_us < high)]
        shown = self._without_hidden(found)
        return Found(shown, len(ids) - (len(found) - len(shown)), is_more)

    def _without_hidden(self, found: list[Stored]) -> list[Stored]:
        if not any(doc.kind == "insight" for doc in found):
            return found
        hidden = {row[0] for row in self._connection.execute("SELECT key FROM hidden")}
        return [doc for doc in found if doc.key not in hidden]

    def has(self, match: str) -> bool:
        """Whether any document matches."""
        return self._connection.execute("SELECT 1 FROM found WHERE found MATCH ? LIMIT 1", (match,)).fetchone() is not None

    def frequency(self, word: str) -> int:
        """In how many documents the word is."""
        row = self._connection.execute("SELECT doc FROM vocabulary WHERE term = ?", (word,)).fetchone()
        return int(row[0]) if row else 0

    def known_words(self, words: Sequence[str]) -> list[str]:
        """Those of these words that a document has."""
        known = "SELECT term FROM known_words WHERE term = ?"
        return [row[0] for word in words if (row := self._connection.execute(known, (word,)).fetchone())]

    def near(self, word: str) -> list[str]:
        """Words one typing mistake away, the frequent ones first."""
        half = len(word) // 2
        begin, end = word[:half], word[::-1][: len(word) - half - 1]
        span = "SELECT term FROM known_words WHERE term >= ? AND term < ?"
        found = {row[0] for row in self._connection.execute(span, _range(begin))}
        found |= {row[0][:0:-1] for row in self._connection.execute(span, _range(f"{_BACKWARDS}{end}"))}
        swapped = [word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)]
        found |= set(self.known_words(swapped))
        near = [other for other in found if is_near(word, other)]
        return sorted(near, key=lambda other: (-self.frequency(other), other))[:_MAX_NEAR]

    # --- inside

    def _rows(self, statement: str, values: Sequence[int] | Sequence[str]) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        for start in range(0, len(values), CHUNK):
            part = values[start : start + CHUNK]
            rows += self._connection.execute(f"{statement}({','.join('?' * len(part))})", part).fetchall()
        return rows

    def _remove(self, ids: Sequence[int]) -> None:
        for start in range(0, len(ids), CHUNK):
            part = ids[start : start + CHUNK]
            stored = self._rows(f"SELECT {_COLUMNS} FROM docs WHERE id IN ", part)  # noqa: S608
            self._connection.executemany(
                "INSERT INTO found (found, rowid, text, path, facets) VALUES ('delete', ?, ?, ?, ?)", entries_of(stored)
            )
            self._connection.executemany("DELETE FROM docs WHERE id = ?", [(row[0],) for row in stored])
        self._count(-len(ids))

    def _learn(self, words: AbstractSet[str]) -> None:
        if len(self._known_words) > KnownWords.MOST:
            self._known_words.clear()
        new = set(filter(is_forgiven, words - self._known_words))
        if new:
            both_ways = " ".join([*new, *(f"{_BACKWARDS}{word[::-1]}" for word in new)])
            self._connection.execute("INSERT INTO words (both_ways) VALUES (?)", (both_ways,))
            self._known_words |= new

    def _count(self, more: int) -> None:
        self.set("documents", str(self.size + more))


def _make(connection: sqlite3.Connection) -> None:
    connection.executescript(f"BEGIN;{_SCHEMA}COMMIT;")


def _state_of(path: str | None) -> tuple[int, ...] | None:
    """What changes of a file when it is replaced or written; None where there is none."""
    try:
        state = os.stat(path) if path is not None else None
    except OSError:
        return None
    return (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns) if state is not None else None


def _check_layout(connection: sqlite3.Connection) -> None:
    """Raises DatabaseError for another version's file: it is removed and rebuilt, as a damaged one is."""
    row = connection.execute("SELECT value FROM meta WHERE name = 'layout'").fetchone()
    if row is None or row[0] != LAYOUT:
        raise sqlite3.DatabaseError("the index has another version's layout")


def _range(begin: str) -> tuple[str, str]:
    return begin, begin[:-1] + chr(ord(begin[-1]) + 1)
