"""What the stand-in for Snowflake keeps: rows and channels in one SQLite file, so that killing it loses nothing it answered.

Rows and the channel's new token are one transaction, as Snowpipe Streaming promises. A row that the table cannot take is
counted as an error and left out, while the token moves past it all the same (ON_ERROR is always CONTINUE there).
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

NOT_NULL = ("ACTIVITY_ID", "TS", "CUSTOMER", "ACTIVITY", "EVENT_NAME", "SOURCE", "CHANNEL_ID", "STREAM_OFFSET")
COLUMNS = frozenset(
    (
        *NOT_NULL,
        "ANONYMOUS_CUSTOMER_ID",
        "FEATURE_JSON",
        "REVENUE_IMPACT",
        "LINK",
        "SESSION_ID",
        "PROJECT",
        "ORG_ID",
        "SCHEMA_VERSION",
    )
)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS channels (
    name TEXT PRIMARY KEY, token TEXT, continuation TEXT, created_ms INTEGER,
    inserted INTEGER DEFAULT 0, errors INTEGER DEFAULT 0, error_offset TEXT, error_message TEXT, error_ms INTEGER
);
CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, channel TEXT, stream_offset TEXT, body TEXT);
"""


class StaleContinuation(Exception):
    """Rows for a channel that somebody else has opened since, or that is at another place."""


class UnknownChannel(Exception):
    pass


@dataclass
class Channel:
    name: str
    token: str | None
    continuation: str
    created_ms: int
    inserted: int
    errors: int
    error_offset: str | None
    error_message: str | None
    error_ms: int | None


class Stores:
    """One store for each database, made when first named: what one test writes no other sees."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._stores: dict[str, Store] = {}
        self._lock = threading.Lock()

    def of(self, database: str) -> Store:
        with self._lock:
            if database not in self._stores:
                self._stores[database] = Store(self.directory / f"{database}.sqlite")
            return self._stores[database]


class Store:
    """Thread-safe: one connection under one lock."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SCHEMA)
        self._lock = threading.Lock()

    def open_channel(self, name: str) -> Channel:
        """Open it, fencing the client that had it open; its token stays."""
        with self._transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO channels (name, created_ms) VALUES (?, ?)", (name, _now_ms()))
            connection.execute("UPDATE channels SET continuation = ? WHERE name = ?", (uuid.uuid4().hex, name))
            return self._channel(name)

    def channel(self, name: str) -> Channel | None:
        with self._lock:
            try:
                return self._channel(name)
            except UnknownChannel:
                return None

    def drop_channel(self, name: str) -> None:
        with self._transaction() as connection:
            connection.execute("DELETE FROM channels WHERE name = ?", (name,))

    def drop_all_channels(self) -> None:
        with self._transaction() as connection:
            connection.execute("DELETE FROM channels")

    def insert(self, name: str, continuation: str, token: str | None, lines: list[bytes], *, takes_all: bool = False) -> str:
        """Store the rows and move the token; the next continuation. ``takes_all``: no row is at fault.

        A request sent again after its answer was lost is stale, not repeated: the client must open the channel again.
        """
        with self._transaction() as connection:
            channel = self._channel(name)
            if channel.continuation != continuation:
                raise StaleContinuation(name)
            rows = [(orjson.loads(line), line) for line in lines]
            good = [(row, line) for row, line in rows if takes_all or not _fault_of(row)]
            bad = [row for row, _ in rows if not takes_all and _fault_of(row)]
            connection.executemany(
                "INSERT INTO rows (channel, stream_offset, body) VALUES (?, ?, ?)",
                [(name, row.get("STREAM_OFFSET"), line.decode()) for row, line in good],
            )
            upcoming = uuid.uuid4().hex
            connection.execute(
                "UPDATE channels SET token = COALESCE(?, token), continuation = ?, inserted = inserted + ? WHERE name = ?",
                (token, upcoming, len(good), name),
            )
            if bad:
                connection.execute(
                    "UPDATE channels SET errors = errors + ?, error_offset = ?, error_message = ?, error_ms = ? WHERE name = ?",
                    (len(bad), token, _fault_of(bad[-1]), _now_ms(), name),
                )
            return upcoming

    def rows_after(self, row_id: int) -> list[tuple[int, dict[str, object]]]:
        with self._lock:
            found = self._connection.execute("SELECT id, body FROM rows WHERE id > ? ORDER BY id", (row_id,)).fetchall()
        return [(number, json.loads(body)) for number, body in found]

    def _channel(self, name: str) -> Channel:
        row = self._connection.execute(
            "SELECT name, token, continuation, created_ms, inserted, errors, error_offset, error_message, error_ms "
            "FROM channels WHERE name = ?",
            (name,),
        ).fetchone()
        if row is None:
            raise UnknownChannel(name)
        return Channel(*row)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")


def _fault_of(row: dict[str, object]) -> str | None:
    """Why the table cannot take the row. Unknown columns are ignored, as the default pipe does (MATCH_BY_COLUMN_NAME)."""
    for name in NOT_NULL:
        if row.get(name) is None:
            return f"NULL result in a non-nullable column: {name}"
    features = row.get("FEATURE_JSON")
    if isinstance(features, dict) and features.get("reject_me"):
        return "Numeric value 'reject_me' is not recognized"
    return None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
