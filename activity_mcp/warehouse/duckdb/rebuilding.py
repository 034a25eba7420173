"""Rebuilding the contexts from the whole stream, as an upgrade does whose layout has other tables of contexts.

The statements are those of the refresh sequence, so what is rebuilt is what folds would have made. They run in another order
than in a fold: no row is new here, and a fold would write each context again for every few rows. Of as many customers at a time
as have a thousand contexts:

1. Counts and hours: over the rows of the days that are counted.
2. Lists: hour by hour, from the newest back. A list keeps its newest entries only. Once these are found, older rows that feed
   nothing but full lists are left out; of a long history that is most of them.
3. Contexts: once, for one row of each customer, project and channel.

Each statement reads the tables that it adds to. So those of these customers are apart, in temporary tables of the same names:
what is rebuilt of others costs nothing. What a transaction has changed stays in memory until it ends, and a statement takes up
to a hundred times the memory of the JSON text that it reads: hence the portions.
"""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

from .refresh import CONTEXT_TABLES, STREAM, refresh_sequence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    import duckdb

    from .refresh import Step

MEMORY = "256MB"
"""What the engine may hold meanwhile: enough for ordinary activities, most of which it spills."""
MEMORY_WITH_ROOM = "2GB"
"""The same after that has failed."""
FEEDS: dict[str, tuple[str, ...]] = {
    "tool_event": ("recent_sessions", "attempts", "failed_commands", "recent_errors"),
    "llm_event": ("recent_sessions",),
    "file_event": ("recent_sessions", "recent_files", "session_files", "recent_errors"),
    "sql_event": ("recent_sessions", "recent_queries", "recent_errors"),
    "session_event": ("recent_sessions", "conclusions"),
    "mcp_event": ("recent_sessions", "recent_errors"),
    "system_event": ("recent_sessions", "recent_errors"),
}
"""Kind of event → the sections of CONTEXT_ITEMS that it may have an entry in (REFRESH_ITEMS)."""

_MAX_ROWS = 30_000
_MAX_BYTES = 4 << 20
"""Of a portion, in JSON text."""
_MAX_CONTEXTS = 1_000
"""Of the customers that are rebuilt together; one alone may have more."""
_MAX_ENTRIES = 20_000
"""About how many entries of lists one statement makes contexts of."""
_GROWTH = 20_000
"""How many entries, and half of those there are, are added before the lists are cut to their limits again."""

_KEY = "SELECT 'rebuilt ' || CAST(utc_now() AS VARCHAR)"
"""The name of this run; no batch's, or what that batch outranked would be taken back."""
_CUSTOMERS = """
    SELECT customer, COUNT(DISTINCT project) + 1 FROM CLAUDE_STREAM_V2 GROUP BY customer ORDER BY customer
"""
_NAME_FIRST, _NAME_LAST = "SET VARIABLE first_customer = $1", "SET VARIABLE last_customer = $1"
_OF_THESE = "customer BETWEEN GETVARIABLE('first_customer') AND GETVARIABLE('last_customer')"
_HOURS = f"""
    SELECT DATE_TRUNC('hour', ts) AS hour, COUNT(*), COALESCE(SUM(STRLEN(feature_json)), 0)
    FROM CLAUDE_STREAM_V2 WHERE {_OF_THESE} GROUP BY hour ORDER BY hour DESC
"""  # noqa: S608 - our own names, here and below
_COUNTED_SINCE = "SELECT DATE_TRUNC('hour', utc_now()) - INTERVAL 9 DAY"
"""REFRESH_COUNTS leaves out what is older than eight days itself."""
_SHOW = f"CREATE OR REPLACE TEMP VIEW {STREAM} AS SELECT event.* FROM CLAUDE_STREAM_V2 AS event WHERE "  # noqa: S608
"""A view and no table: one that is dropped holds its memory until the transaction ends."""
_IN_SPAN = f"""
    event.{_OF_THESE}
    AND event.ts >= '{{first}}' AND event.ts < TIMESTAMP '{{last}}' + INTERVAL 1 HOUR
    AND event.rowid % {{parts}} = {{part}}
    AND NOT EXISTS (
        SELECT 1 FROM SUPERSEDED AS outranked
        WHERE outranked.ts >= '{{first}}' AND outranked.ts < TIMESTAMP '{{last}}' + INTERVAL 1 HOUR
            AND outranked.channel_id = event.channel_id AND outranked.stream_offset = event.stream_offset
            AND outranked.ts = event.ts
    ) AND NOT EXISTS (
        SELECT 1 FROM CLAUDE_STREAM_V2_UNFOLDED AS waiting
        WHERE waiting.channel_id = event.channel_id AND waiting.stream_offset = event.stream_offset
            AND waiting.ts = event.ts
    )
"""  # noqa: S608 - our own names
_FEEDS_A_LIST = """
    AND NOT EXISTS (
        SELECT 1 FROM FULL_SINCE AS lists
        WHERE lists.customer = event.customer AND lists.project = COALESCE(event.project, '*')
            AND lists.event_name = event.event_name AND event.ts < lists.hour_start
    )
"""
_SHOWN = f"SELECT COUNT(*), COALESCE(SUM(STRLEN(feature_json)), 0) FROM {STREAM}"  # noqa: S608
_APART = ("CONTEXT_COUNTS", "CONTEXT_HOURS", "CONTEXT_ITEMS")
"""The tables that a rebuild reads as well as writes, large ones."""
_CUT = "DELETE FROM CONTEXT_ITEMS AS kept"
_ENTRIES = "SELECT COUNT(*) FROM CONTEXT_ITEMS"
_NO_LIST_IS_FULL = """
    CREATE OR REPLACE TEMP TABLE FULL_SINCE (customer VARCHAR, project VARCHAR, event_name VARCHAR, hour_start TIMESTAMP)
"""
_FIND_FULL = """
    INSERT INTO FULL_SINCE
    SELECT lists.customer, lists.project, feeds.event_name, MIN(lists.hour_start)
    FROM (
        SELECT customer, project, section, MIN(hour_start) AS hour_start
        FROM CONTEXT_ITEMS GROUP BY customer, project, section HAVING COUNT(*) >= LIST_LIMIT(section)
    ) AS lists
    INNER JOIN (VALUES {}) AS feeds (event_name, section, sections) USING (section)
    GROUP BY lists.customer, lists.project, feeds.event_name
    HAVING COUNT(*) = MAX(feeds.sections)
""".format(", ".join(f"('{name}', '{section}', {len(sections)})" for name, sections in FEEDS.items() for section in sections))  # noqa: S608
"""A list of all projects is full no later than one of a project: so this looks at the row's project alone."""
_MAKE_LAST_ROWS = """
    CREATE OR REPLACE TEMP TABLE LAST_ROWS AS
    SELECT ARG_MAX(rowid, stream_offset) AS id, customer, DENSE_RANK() OVER (ORDER BY customer, project) AS nth
    FROM CLAUDE_STREAM_V2 AS event
    WHERE NOT IS_OWN_EVENT(event_name, feature_json) AND NOT EXISTS (
        SELECT 1 FROM CLAUDE_STREAM_V2_UNFOLDED AS waiting
        WHERE waiting.channel_id = event.channel_id AND waiting.stream_offset = event.stream_offset
            AND waiting.ts = event.ts
    )
    GROUP BY customer, project, channel_id
"""
_SCOPES = f"SELECT COALESCE(MIN(nth), 1), COALESCE(MAX(nth), 0) FROM LAST_ROWS WHERE {_OF_THESE}"  # noqa: S608
_LAST_ROWS_OF = "rowid IN (SELECT id FROM LAST_ROWS WHERE nth > {after} AND nth <= {after} + {count})"


class Customers(NamedTuple):
    """Those that are rebuilt together, by their order: the ``first`` to the ``last``."""

    first: str
    last: str


class Hour(NamedTuple):
    """How much the stream has of an hour, of these customers."""

    start: datetime
    rows: int
    bytes: int


class Span(NamedTuple):
    """Hours of the stream, from the ``first`` to the ``last``; of one hour with many rows the ``part`` of ``parts``."""

    first: datetime
    last: datetime
    parts: int
    part: int


def rebuild_contexts(connection: duckdb.DuckDBPyConnection, memory: str = MEMORY) -> None:
    """Rebuild CONTEXT_TABLES from the stream and SUPERSEDED, without what is not folded yet. To be run inside a transaction.

    The engine's limit of ``memory`` cannot be lowered again before the memory is free: so the engine is to be closed
    afterwards. ``row_version`` starts again: a reader that compares it with an earlier one must forget that one.
    """
    connection.execute(f"SET memory_limit = '{memory}'")
    for table in CONTEXT_TABLES:
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own name
    database, key = _one(connection, "SELECT current_database()"), _one(connection, _KEY)
    connection.execute(f"DROP TABLE IF EXISTS temp.{STREAM}")
    connection.execute(_MAKE_LAST_ROWS)
    for customers in customers_together(connection.execute(_CUSTOMERS).fetchall()):
        connection.execute(_NAME_FIRST, [customers.first])
        connection.execute(_NAME_LAST, [customers.last])
        _rebuild(connection, database, key)
    connection.execute(f"DROP VIEW IF EXISTS {STREAM}")


def customers_together(contexts: Iterable[tuple[str, int]]) -> Iterator[Customers]:
    """Of (customer, number of contexts) in order: each customer once, with its neighbours as far as _MAX_CONTEXTS allow."""
    held, count = list[str](), 0
    for customer, more in contexts:
        if held and count + more > _MAX_CONTEXTS:
            yield Customers(held[0], held[-1])
            held, count = [], 0
        held, count = [*held[:1], customer], count + more
    if held:
        yield Customers(held[0], held[-1])


def _rebuild(connection: duckdb.DuckDBPyConnection, database: str, key: str) -> None:
    """All of these customers, in tables of their own; the file's tables get what is in them at the end."""
    for table in _APART:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT * FROM {database}.main.{table} LIMIT 0")  # noqa: S608
    connection.execute(_NO_LIST_IS_FULL)
    hours = [Hour(*found) for found in connection.execute(_HOURS).fetchall()]
    _count(connection, hours, key)
    _list(connection, hours, key)
    _write_contexts(connection, key)
    for table in _APART:
        connection.execute(f"INSERT INTO {database}.main.{table} SELECT * FROM {table}")  # noqa: S608
        connection.execute(f"DROP TABLE temp.{table}")


def _count(connection: duckdb.DuckDBPyConnection, hours: Sequence[Hour], key: str) -> None:
    since = _one(connection, _COUNTED_SINCE)
    for nth, span in enumerate(spans([hour for hour in hours if hour.start >= since])):
        connection.execute(_SHOW + _IN_SPAN.format_map(span._asdict()))
        for table in ("CONTEXT_COUNTS", "CONTEXT_HOURS"):  # the latter of what this key has changed in the former
            _run(connection, table, f"{key} {nth}")


def _list(connection: duckdb.DuckDBPyConnection, hours: Sequence[Hour], key: str) -> None:
    kept = 0
    left: Sequence[Span] = [*spans(hours)]
    while left:
        left = _show_portion(connection, left)
        _run(connection, "CONTEXT_ITEMS", key)
        is_in_an_hour = bool(left) and left[0].part > 0  # whose entries may be newer than they look now
        if not is_in_an_hour and _one(connection, _ENTRIES) > kept + kept // 2 + _GROWTH:
            _cut_lists(connection)
            kept = _one(connection, _ENTRIES)


def _show_portion(connection: duckdb.DuckDBPyConnection, spans: Sequence[Span]) -> Sequence[Span]:
    """Show the next ones, together as long as what they have for the lists fits into a portion. Returns those behind them."""
    shown, rows, size = spans[0], 0, 0
    for at, span in enumerate(spans):
        connection.execute(_SHOW + (_IN_SPAN + _FEEDS_A_LIST).format_map(span._asdict()))
        more_rows, more_size = connection.execute(_SHOWN).fetchall()[0]
        rows, size = rows + more_rows, size + more_size
        if at and (rows > _MAX_ROWS or size > _MAX_BYTES or shown.parts > 1 or span.parts > 1):
            break
        shown = shown._replace(first=span.first)
    else:
        at = len(spans)
    connection.execute(_SHOW + (_IN_SPAN + _FEEDS_A_LIST).format_map(shown._asdict()))
    return spans[at:]


def _cut_lists(connection: duckdb.DuckDBPyConnection) -> None:
    _step(_CUT).run(connection, {})
    connection.execute(_NO_LIST_IS_FULL)
    connection.execute(_FIND_FULL)


def _write_contexts(connection: duckdb.DuckDBPyConnection, key: str) -> None:
    first, last = connection.execute(_SCOPES).fetchall()[0]
    connection.execute(_SHOW + _LAST_ROWS_OF.format(after=first - 1, count=last + 1 - first))
    _step(_CUT).run(connection, {})
    at_once = max(1, (last + 1 - first) * _MAX_ENTRIES // max(1, _one(connection, _ENTRIES)))
    for after in range(first - 1, last, at_once):
        connection.execute(_SHOW + _LAST_ROWS_OF.format(after=after, count=min(at_once, last - after)))
        _run(connection, "CONTEXT_CACHE", key)


def _run(connection: duckdb.DuckDBPyConnection, table: str, key: str) -> None:
    _step(f"MERGE INTO {table} AS kept").run(connection, {"batch_key": key})


@functools.cache
def _step(start: str) -> Step:
    (step,) = (step for step in refresh_sequence() if _without_comment(step.statement.query).startswith(start))
    return step


def _without_comment(query: str) -> str:
    """The statement itself: DuckDB 2.0.1 gives back the comment before it as well, 2.0.0 did not."""
    lines = query.lstrip().splitlines()
    return "\n".join(itertools.dropwhile(lambda line: line.startswith("--"), lines))


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> Any:
    return connection.execute(query).fetchall()[0][0]


def spans(hours: Iterable[Hour]) -> Iterator[Span]:
    """The hours, newest first, put together as far as their rows fit into one portion; more rows than that are parted."""
    held: list[Hour] = []
    for hour in hours:
        if held and _parts([*held, hour]) > 1:
            yield from _spans_of(held)
            held = []
        held.append(hour)
    yield from _spans_of(held)


def _parts(hours: Sequence[Hour]) -> int:
    return max(-(-sum(hour.rows for hour in hours) // _MAX_ROWS), -(-sum(hour.bytes for hour in hours) // _MAX_BYTES))


def _spans_of(hours: Sequence[Hour]) -> Iterator[Span]:
    parts = _parts(hours) if hours else 0
    for part in range(parts):
        yield Span(hours[-1].start, hours[0].start, parts, part)
