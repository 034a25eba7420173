"""One SQLite file with an FTS5 table: documents by their words. Also in memory, for candidates that come from elsewhere.

    docs    one row per document, with its text; ``id`` orders by time (4,096 places a second), so that the newest matches are
            read first and alone, and a span of time is a span of ids
    found   FTS5 over its words, without a copy of the text (``content=''``): text, path, and facets, which are words that no
            text has, for kind, project, tool and failure: a filter is one more word of the match
    words   the words of letters alone, and how they are written backwards: one of two halves survives a typing mistake
    hidden  the keys of documents that are not to be found for now: insights in quarantine
    meta    the layout's version, how many documents, and what ``feed`` has to remember

The file is derived: it is written without waiting for the disk (``synchronous=OFF``), and the leader removes a damaged one.
Connections are opened for a search or a flush and closed: a file that was removed is not read on. FTS5 is part of the SQLite
that CPython ships with. Source: sqlite.org/fts5.html.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import os
import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from ..language.words import is_forgiven, is_near, words_of
from .documents import Document

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

LAYOUT = "2"  # as _SCHEMA writes it
MAX_MATCHES = 3000
"""Of more matches than these the newest so many are ranked: a word that is everywhere tells little, and the newest most."""
IN_USE_S = 2.0
_PLACES = 4096
_CHUNK = 500
_MAX_NEIGHBOURS = 8
"""So many documents of the same time are looked at for each new one, before places are tried one by one."""
_MAX_NEAR = 6
_SCHEMA = """
CREATE TABLE docs (
    id INTEGER PRIMARY KEY, key INTEGER NOT NULL UNIQUE, rank INTEGER NOT NULL, ts_us INTEGER NOT NULL, kind TEXT NOT NULL,
    project TEXT, session_id TEXT, tool TEXT, failed INTEGER NOT NULL, path TEXT, text TEXT NOT NULL
);
CREATE VIRTUAL TABLE found USING fts5(text, path, facets, content='', tokenize="unicode61 remove_diacritics 0");
INSERT INTO found (found, rank) VALUES ('automerge', 8);
CREATE VIRTUAL TABLE vocabulary USING fts5vocab('found', 'row');
CREATE TABLE words (word TEXT PRIMARY KEY, backwards TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX words_backwards ON words (backwards);
CREATE TABLE hidden (key INTEGER PRIMARY KEY);
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('layout', '2'), ('documents', '0'), ('made', hex(randomblob(8)));
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

    MOST = 200_000

    def __init__(self) -> None:
        self.made: str | None = None
        self.words: set[str] = set()

    def of(self, made: str | None) -> set[str]:
        """The words of this file; none where the file is another one, or where there were too many."""
        if made is None or made != self.made or len(self.words) > self.MOST:
            self.made, self.words = made, set()
        return self.words


class SearchIndex:
    """An open index. For one thread; a context manager that commits at its end, or takes all back."""

    def __init__(self, connection: sqlite3.Connection, known_words: set[str] | None = None) -> None:
        self._connection = connection
        self._known_words = set() if known_words is None else known_words

    @classmethod
    def at(cls, path: str, known: KnownWords | None = None) -> SearchIndex:
        """The index in this file, made where there is none. Raises sqlite3.Error; a file of another layout is DatabaseError.

        ``known`` is kept by whoever writes one file again and again, and forgotten where a transaction was not committed.
        """
        connection = sqlite3.connect(path, timeout=IN_USE_S, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("PRAGMA secure_delete=ON")
            connection.execute("PRAGMA cache_size=-16000")
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
                _make(connection)
            _check_layout(connection)
            made = connection.execute("SELECT value FROM meta WHERE name = 'made'").fetchone() if known else None
        except BaseException:
            connection.close()
            raise
        return cls(connection, known.of(made[0] if made else None) if known else None)

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
        try:
            if self._connection.in_transaction:
                self._connection.execute("COMMIT" if kind is None else "ROLLBACK")
        finally:
            self.close()

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
        known = self._known(given)
        for key, (row_id, rank) in known.items():
            if given[key].rank < rank:
                self._remove([row_id])
            else:
                del given[key]
        added = sorted(self._placed(given), key=lambda stored: stored.id)  # FTS5 wants its row ids to ascend
        self._connection.executemany(f"INSERT INTO docs ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?)", added)  # noqa: S608
        words = [(stored.id, *_words_of(stored)) for stored in added]
        self._connection.executemany("INSERT INTO found (rowid, text, path, facets) VALUES (?, ?, ?, ?)", words)
        self._learn(word for _, text, path, _ in words for word in itertools.chain(text.split(), path.split()))
        self._count(len(added))
        return len(added)

    def remove_before(self, ts_us: int) -> int:
        """Remove what is older; how many documents that were."""
        ids = [
            row[0]
            for row in self._connection.execute(
                "SELECT id FROM docs WHERE id < ? AND ts_us < ?", (id_at(ts_us) + _PLACES, ts_us)
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
        span = (id_at(low) if low is not None else 0, id_at(high) + _PLACES if high is not None else (1 << 63) - 1)
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

    def frequency(self, word: str) -> int:
        """In how many documents the word is."""
        row = self._connection.execute("SELECT doc FROM vocabulary WHERE term = ?", (word,)).fetchone()
        return int(row[0]) if row else 0

    def known_words(self, words: Sequence[str]) -> list[str]:
        """Those of these words that a document has."""
        return [row[0] for row in self._rows("SELECT word FROM words WHERE word IN ", list(words))]

    def near(self, word: str) -> list[str]:
        """Words one typing mistake away, the frequent ones first."""
        half = len(word) // 2
        begin, end = word[:half], word[::-1][: len(word) - half - 1]
        found = {
            row[0] for row in self._connection.execute("SELECT word FROM words WHERE word >= ? AND word < ?", _range(begin))
        }
        found |= {
            row[0]
            for row in self._connection.execute("SELECT word FROM words WHERE backwards >= ? AND backwards < ?", _range(end))
        }
        swapped = [word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)]
        found |= set(self.known_words(swapped))
        near = [other for other in found if is_near(word, other)]
        return sorted(near, key=lambda other: (-self.frequency(other), other))[:_MAX_NEAR]

    # --- inside

    def _rows(self, statement: str, values: Sequence[int] | Sequence[str]) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        for start in range(0, len(values), _CHUNK):
            part = values[start : start + _CHUNK]
            rows += self._connection.execute(f"{statement}({','.join('?' * len(part))})", part).fetchall()
        return rows

    def _known(self, given: dict[int, Document]) -> dict[int, tuple[int, int]]:
        found = self._rows("SELECT key, id, rank FROM docs WHERE key IN ", list(given))
        return {key: (row_id, rank) for key, row_id, rank in found}

    def _placed(self, given: dict[int, Document]) -> list[Stored]:
        """Each document with an id of its own, at or behind its time's."""
        places = self._places_in_order(given) or self._places_one_by_one(given)
        placed = []
        for key, (_, ts_us, kind, project, session_id, tool, failed, path, text, rank) in given.items():
            placed.append(Stored(places[key], key, rank, ts_us, kind, project, session_id, tool, int(failed), path, text))
        return placed

    def _places_in_order(self, given: dict[int, Document]) -> dict[int, int] | None:
        """The places of documents of about one time, each the next free one; None where many others are among them."""
        wanted = sorted((id_at(document.ts_us), key) for key, document in given.items())
        if not wanted:
            return {}
        span, most = (wanted[0][0], wanted[-1][0] + _PLACES), _MAX_NEIGHBOURS * len(wanted)
        rows = self._connection.execute("SELECT id FROM docs WHERE id BETWEEN ? AND ? LIMIT ?", (*span, most + 1)).fetchall()
        taken = {row[0] for row in rows}
        if len(taken) > most:
            return None
        places, place = {}, -1
        for at, key in wanted:
            place = max(at, place + 1)
            while place in taken:
                place += 1
            places[key] = place
        return places if place <= span[1] else None

    def _places_one_by_one(self, given: dict[int, Document]) -> dict[int, int]:
        places: dict[int, int] = {}
        taken: set[int] = set()
        waiting = list(given)
        while waiting:
            for key in waiting:
                places[key] = _free_place(id_at(given[key].ts_us), key, taken)
                taken.add(places[key])
            in_use = {row[0] for row in self._rows("SELECT id FROM docs WHERE id IN ", [places[key] for key in waiting])}
            waiting = [key for key in waiting if places[key] in in_use]
        return places

    def _remove(self, ids: Sequence[int]) -> None:
        for start in range(0, len(ids), _CHUNK):
            part = ids[start : start + _CHUNK]
            stored = [Stored(*row) for row in self._rows(f"SELECT {_COLUMNS} FROM docs WHERE id IN ", part)]  # noqa: S608
            gone = [(doc.id, *_words_of(doc)) for doc in stored]
            self._connection.executemany(
                "INSERT INTO found (found, rowid, text, path, facets) VALUES ('delete', ?, ?, ?, ?)", gone
            )
            self._connection.executemany("DELETE FROM docs WHERE id = ?", [(doc.id,) for doc in stored])
        self._count(-len(ids))

    def _learn(self, words: Iterable[str]) -> None:
        new = {word for word in set(words) - self._known_words if is_forgiven(word)}
        self._connection.executemany("INSERT OR IGNORE INTO words VALUES (?, ?)", [(word, word[::-1]) for word in sorted(new)])
        self._known_words |= new

    def _count(self, more: int) -> None:
        self.set("documents", str(self.size + more))


def _make(connection: sqlite3.Connection) -> None:
    connection.executescript(f"BEGIN;{_SCHEMA}COMMIT;")


def _check_layout(connection: sqlite3.Connection) -> None:
    """Raises DatabaseError for another version's file: it is removed and built anew, as a damaged one is."""
    row = connection.execute("SELECT value FROM meta WHERE name = 'layout'").fetchone()
    if row is None or row[0] != LAYOUT:
        raise sqlite3.DatabaseError("the index has another version's layout")


def _free_place(wanted: int, key: int, taken: set[int]) -> int:
    """The next free place, in growing steps: a thousand events of one moment need no thousand looks."""
    place, step = wanted, 1
    while place in taken:
        place = wanted + step + (key % step)
        step *= 2
    return place


def key_of(activity_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(activity_id.encode("utf-8", "replace"), digest_size=8).digest(), "big", signed=True)


def id_at(ts_us: int) -> int:
    """The lowest id of a document of this time."""
    return max(0, ts_us * _PLACES // 1_000_000)


def _words_of(doc: Stored) -> tuple[str, str, str]:
    facets = [kind_facet(doc.kind), failed_facet(bool(doc.failed))]
    facets += [project_facet(doc.project)] if doc.project else []
    facets += tool_facets(doc.tool) if doc.tool else ()
    return " ".join(words_of(doc.text)), " ".join(words_of(doc.path or "")), " ".join(facets)


@functools.cache
def kind_facet(kind: str) -> str:
    return f"zzkind{kind}"


def failed_facet(failed: bool) -> str:
    return f"zzfailed{int(failed)}"


@functools.lru_cache(256)
def project_facet(project: str) -> str:
    return f"zzproject{hashlib.blake2b(project.encode('utf-8', 'replace'), digest_size=8).hexdigest()}"


@functools.lru_cache(256)
def tool_facets(tool: str) -> tuple[str, ...]:
    return tuple(f"zztool{word}" for word in words_of(tool))


def _range(begin: str) -> tuple[str, str]:
    return begin, begin[:-1] + chr(ord(begin[-1]) + 1)
