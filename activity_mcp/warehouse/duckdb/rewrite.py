"""Rewriting the embedded warehouse without some of its rows, so that the file's bytes no longer hold them.

A DELETE leaves what it deletes in the file, in free blocks and in the lists derived from it. So a second file is made beside
the first: its stream receives the remaining rows batch by batch as any flush would send them, with the refresh sequence after
each, and everything derived comes out as if the others had never been. What is not derived is carried over. Then the new file
takes the place of the old one by one rename; until then nothing has changed, and a leftover is removed by the next attempt.

To be called by the holder of the lease: nobody else writes meanwhile, and readers have the old file until they open it again.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from ... import fs
from ...clock import SYSTEM_CLOCK
from ...errors import BatchTooLarge, WarehouseUnavailable
from ..base import COLUMNS, Batch, Row
from ..batch_size import BatchSize, weight
from .folding import MAX_ROWS
from .warehouse import MEMORY_WITH_ROOM, DuckDBWarehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ...clock import Clock
    from ..base import Statements

ENDING = ".rewriting"
_CHANNEL = "rewrite"
_CHUNK_ROWS = 5000
_CHUNK_BYTES = 4 << 20
_DEADLINE_S = 3600.0
_STREAM = "CLAUDE_STREAM_V2"
_V1_STREAM = "ACTIVITY_STREAM"
DERIVED = (
    "SUPERSEDED", "EXPORTED_CALLS", "INSIGHT_ATOMS", "ARTIFACTS", "SCHEMA_DRIFT", "CONTEXT_COUNTS", "CONTEXT_HOURS",
    "CONTEXT_ITEMS", "REREAD_HOURS", "CONTEXT_CACHE", "CLAUDE_STREAM_V2_UNFOLDED",
)  # fmt: skip
"""Rebuilt from the rows that remain."""
DEPLOYED = ("ACTIVITY_SCHEMA_VERSION", "DEPLOYED_FILES", "SCHEMA_FIELDS")
"""The same in every file of this version."""
_TS = "STRFTIME(ts, '%Y-%m-%dT%H:%M:%S.%fZ')"
_COLUMNS = ", ".join(_TS if name == "ts" else name for name in COLUMNS)


class Rewritten(NamedTuple):
    """How many rows of the stream remained and were removed, and how many a legal hold kept though they were selected."""

    kept: int
    removed: int
    held: int


def rewrite(
    path: str,
    matches: Callable[[Mapping[str, Any]], bool],
    *,
    clock: Clock = SYSTEM_CLOCK,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Rewritten:
    """Rewrite the file at ``path`` without the rows that ``matches`` is true of and no legal hold keeps.

    Raises what a warehouse raises; the old file is then in its place, unchanged.
    """
    old = DuckDBWarehouse(path, clock=clock, timeout_s=_DEADLINE_S)
    old.committed(_CHANNEL)  # brings an older layout up to date
    old.fold()  # an expired row shows only by its absence, so none may be absent for another reason
    _close(old)  # and takes in its log, which would be taken for the new file's
    if os.path.exists(f"{path}.wal"):
        raise WarehouseUnavailable(f"{path}.wal is still in use; nothing was forgotten", hint="close what has the file open")
    made = f"{path}{ENDING}"
    remove_leftovers(path)
    new = DuckDBWarehouse(made, clock=clock, timeout_s=_DEADLINE_S, memory=MEMORY_WITH_ROOM)
    try:
        rewritten, removed_ids = _copy_stream(new, matches, on_progress)
        with _beside(new) as statements:
            _carry_over(statements, matches, removed_ids)
    except BaseException:
        _close(new)
        remove_leftovers(path)
        raise
    _close(new)
    fs.put_in_place(made, path)
    return rewritten


def count_matching(path: str, matches: Callable[[Mapping[str, Any]], bool], *, clock: Clock = SYSTEM_CLOCK) -> dict[str, int]:
    """How many rows of the stream are selected, by event_name, and those a legal hold keeps under ``held``; changes nothing."""
    warehouse = DuckDBWarehouse(path, clock=clock, timeout_s=_DEADLINE_S, memory=MEMORY_WITH_ROOM)
    counts: dict[str, int] = {}
    try:
        with warehouse.transaction() as statements:
            holds = _holds(statements, "")
            for rows in _chunks(statements, ""):
                for row in rows:
                    members = _members(row)
                    if matches(members):
                        name = "held" if _is_held(members, holds) else row.event_name
                        counts[name] = counts.get(name, 0) + 1
    finally:
        _close(warehouse)
    return counts


def remove_leftovers(path: str) -> None:
    """What an attempt that was killed has left beside the file."""
    for ending in (ENDING, f"{ENDING}.wal"):
        if os.path.exists(f"{path}{ending}"):
            os.unlink(f"{path}{ending}")


# --- the stream


def _copy_stream(
    new: DuckDBWarehouse, matches: Callable[[Mapping[str, Any]], bool], on_progress: Callable[[int, int], None]
) -> tuple[Rewritten, set[str]]:
    with _beside(new) as statements:
        total = statements.execute(f"SELECT COUNT(*) FROM old.{_STREAM}")[0][0]  # noqa: S608 - our own name
        holds = _holds(statements, "old.")
    kept = removed = held = at = folded = 0
    removed_ids: set[str] = set()
    token: str | None = None
    size = BatchSize(new.batch_weight)
    while True:
        with _beside(new) as statements:
            rows, at = _chunk(statements, "old.", at)
        if not rows:
            break
        remaining = []
        for row in rows:
            members = _members(row)
            if not matches(members):
                remaining.append(row)
            elif _is_held(members, holds):
                remaining.append(row)
                held += 1
            else:
                removed += 1
                removed_ids.add(row.activity_id)
        if remaining:
            token = _append(new, token, kept, remaining, size)
            kept += len(remaining)
        on_progress(kept + removed, total)
        if kept - folded >= MAX_ROWS:
            new.fold()
            folded = kept
    new.fold()
    return Rewritten(kept, removed, held), removed_ids


def _append(new: DuckDBWarehouse, token: str | None, kept: int, rows: list[Row], size: BatchSize) -> str | None:
    """Store the rows behind the ``kept`` ones that are there, in parts that the engine has the memory for; the token then."""
    weights, start = [weight(row) for row in rows], 0
    while start < len(rows):
        end = size.end(weights, start)
        following = f"{kept + end:012d}"
        try:
            new.append(Batch(_CHANNEL, token, following, rows[start:end]))
        except BatchTooLarge:
            if end - start == 1:
                raise
            size.failed(weights[start:end])
        else:
            size.passed()
            token, start = following, end
    return token


@contextlib.contextmanager
def _beside(new: DuckDBWarehouse) -> Iterator[Statements]:
    """A transaction with the old file beside the new one, which an engine loses when a batch fails."""
    path = new.path.removesuffix(ENDING)
    with new.transaction() as statements:
        statements.execute("ATTACH IF NOT EXISTS '{}' AS old (READ_ONLY)".format(path.replace("'", "''")))
        yield statements


def _chunks(statements: Statements, catalog: str) -> Any:
    at = 0
    while True:
        rows, at = _chunk(statements, catalog, at)
        if not rows:
            return
        yield rows


def _chunk(statements: Statements, catalog: str, at: int) -> tuple[list[Row], int]:
    """The next rows in the order in which they were stored, and where to go on."""
    sizes = statements.execute(
        f"SELECT rowid, STRLEN(feature_json) FROM {catalog}{_STREAM} WHERE rowid >= ? ORDER BY rowid LIMIT {_CHUNK_ROWS}",  # noqa: S608
        [at],
    )
    count, total = 0, 0
    while count < len(sizes) and (total := total + sizes[count][1]) <= _CHUNK_BYTES:
        count += 1
    found = statements.execute(
        f"SELECT rowid, {_COLUMNS} FROM {catalog}{_STREAM} WHERE rowid >= ? ORDER BY rowid LIMIT ?",  # noqa: S608
        [at, max(1, count)],
    )
    return [_row(values) for _, *values in found], found[-1][0] + 1 if found else at


def _row(values: list[Any]) -> Row:
    row = Row(*values)
    return row._replace(revenue_impact=float(row.revenue_impact) if row.revenue_impact is not None else None)


def _members(row: Row) -> dict[str, Any]:
    return {**row._asdict(), "feature_json": orjson.loads(row.feature_json or "{}")}


# --- legal holds

_HOLD = (
    "SELECT customer, org_id, project, session_id, {from_ts}, {until_ts} FROM {catalog}LEGAL_HOLDS WHERE released_at IS NULL"
)


def _holds(statements: Statements, catalog: str) -> list[tuple[Any, ...]]:
    times = {name: _TS.replace("ts", name, 1) for name in ("from_ts", "until_ts")}
    return statements.execute(_HOLD.format(catalog=catalog, **times))


def _is_held(members: Mapping[str, Any], holds: list[tuple[Any, ...]]) -> bool:
    """As APPLY_RETENTION in sql/05 decides it: each condition that is not set means "any"."""
    found = [members.get(name) for name in ("customer", "org_id", "project", "session_id")]
    for *wanted, from_ts, until_ts in holds:
        if (
            all(want is None or want == have for want, have in zip(wanted, found, strict=True))
            and (from_ts is None or from_ts <= members["ts"])
            and (until_ts is None or until_ts > members["ts"])
        ):
            return True
    return False


# --- everything else

_DECIDED = (
    """
    UPDATE CLAUDE_STREAM_V2 SET loaded_at = known.loaded_at FROM old.CLAUDE_STREAM_V2 AS known
    WHERE CLAUDE_STREAM_V2.ts = known.ts
        AND CLAUDE_STREAM_V2.channel_id = known.channel_id
        AND CLAUDE_STREAM_V2.stream_offset = known.stream_offset
    """,
    """
    UPDATE SCHEMA_DRIFT SET accepted_at = known.accepted_at FROM old.SCHEMA_DRIFT AS known
    WHERE SCHEMA_DRIFT.drift_id = known.drift_id
    """,
    """
    UPDATE INSIGHT_ATOMS
    SET is_quarantined = TRUE, quarantine_reason = known.quarantine_reason, quarantined_at = known.quarantined_at
    FROM old.INSIGHT_ATOMS AS known
    WHERE INSIGHT_ATOMS.insight_id = known.insight_id
        AND known.is_quarantined
        AND NOT STARTS_WITH(COALESCE(known.quarantine_reason, ''), 'schema drift: ')
    """,
    """
    UPDATE ARTIFACTS SET pinned = known.pinned FROM old.ARTIFACTS AS known WHERE ARTIFACTS.artifact_id = known.artifact_id
    """,
    # A reader that compares versions sees that every context has changed.
    "UPDATE CONTEXT_CACHE SET row_version = row_version + (SELECT COALESCE(MAX(row_version), 0) FROM old.CONTEXT_CACHE)",
)
"""What the rows of the stream do not say: when they were loaded, and what a person has decided since."""
_OUTLIVED = """
    SELECT * REPLACE ({ts_text} AS {ts}) FROM old.{table} AS known
    WHERE NOT EXISTS (SELECT 1 FROM {table} AS made WHERE made.{key} = known.{key})
        AND NOT EXISTS (
            SELECT 1 FROM old.CLAUDE_STREAM_V2 AS event
            WHERE event.channel_id = known.channel_id AND event.stream_offset = known.stream_offset
        )
"""


def _carry_over(statements: Statements, matches: Callable[[Mapping[str, Any]], bool], removed_ids: set[str]) -> None:
    """The tables that are not rebuilt, the times of loading, and what a person or the clock has decided."""
    tables = statements.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'old' AND NOT temporary")
    for (table,) in tables:
        if table not in (*DERIVED, *DEPLOYED, _STREAM):
            statements.execute(f'DELETE FROM "{table}"')  # noqa: S608
            statements.execute(f'INSERT INTO "{table}" BY NAME SELECT * FROM old."{table}"')  # noqa: S608
    for decided in _DECIDED:
        statements.execute(decided)
    for table, key, ts in (("INSIGHT_ATOMS", "insight_id", "recorded_at"), ("ARTIFACTS", "artifact_id", "stored_at")):
        _match_ages(statements, table, key, ts, matches)
    _drop_version_1(statements, matches, removed_ids)


def _match_ages(statements: Statements, table: str, key: str, ts: str, matches: Callable[[Mapping[str, Any]], bool]) -> None:
    """What has expired stays gone, and what has outlived its event in the stream is carried over."""
    statements.execute(f"DELETE FROM {table} WHERE {key} NOT IN (SELECT {key} FROM old.{table})")  # noqa: S608
    outlived = _OUTLIVED.format(table=table, key=key, ts=ts, ts_text=_TS.replace("ts", ts, 1))
    names = [name for (name,) in statements.execute(f"SELECT column_name FROM (DESCRIBE {table})")]  # noqa: S608
    for values in statements.execute(outlived):
        columns = dict(zip(names, values, strict=True))
        if not matches({**columns, "ts": columns[ts], "feature_json": columns}):
            statements.execute(f"INSERT INTO {table} BY NAME SELECT * FROM old.{table} WHERE {key} = ?", [columns[key]])  # noqa: S608


def _drop_version_1(statements: Statements, matches: Callable[[Mapping[str, Any]], bool], removed_ids: set[str]) -> None:
    """Rows of the version 1 stream that are copies of a removed activity, or are selected themselves."""
    names = ("activity_id", "customer", "activity", "feature_1", "feature_2", "feature_3", "link")
    rows = statements.execute(f"SELECT rowid, {_TS}, {', '.join(names)} FROM {_V1_STREAM}")  # noqa: S608
    for rowid, ts, *values in rows:
        members = {"ts": ts, **dict(zip(names, values, strict=True))}
        if members["activity_id"] in removed_ids or matches(members):
            statements.execute(f"DELETE FROM {_V1_STREAM} WHERE rowid = ?", [rowid])  # noqa: S608


def _close(warehouse: DuckDBWarehouse) -> None:
    warehouse.release()
    close = getattr(warehouse, "close", None)
    if close is not None:
        close()
