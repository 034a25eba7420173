"""The process that runs one query: read-only, bounded by the kernel in memory and time, its configuration locked.

    before DuckDB is imported   an alarm a second after the deadline, which ends the process whatever the engine does and
                                whether or not the parent lives; limits on memory; the first to go where the machine lacks it
    the connection              read-only, one thread, no file, network or extension access, nothing spilled to the disk
    the statement               exactly one that passes ``query_guard``
    the answer                  rows are fetched by their size; a row larger than ``MAX_ROW_BYTES`` is refused

DuckDB's own ``memory_limit`` covers its buffers, neither the vectors and results of its functions nor what Python makes of
the rows. So ``MAX_MEMORY_BYTES`` bounds what the process may write to (RLIMIT_DATA, Linux 4.7), ``MAX_ADDRESSES_BYTES`` all
that it maps, code and reservations included (RLIMIT_AS; macOS enforces neither). What is over a limit ends the query alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from ...clock import SYSTEM_CLOCK, iso
from ..values import plain
from .dialect.errors import Untranslatable
from .dialect.marks import looks_like_snowflake
from .query_guard import first_lines, refusal_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

MAX_MEMORY_BYTES = 1 << 30
MAX_ADDRESSES_BYTES = 2 << 30
MAX_ROW_BYTES = 16 << 20
"""As JSON. An event has at most 256 KiB, an artifact 128 KB: what is larger was made by the query itself."""

_CONFIG: dict[str, str | int | float | list[str]] = {
    "threads": 1,
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "memory_limit": "700MB",  # the engine's own limit comes first, as it says best what was too much
    "temp_directory": "",  # what does not fit in memory fails, instead of filling the disk that the queue needs
}
_MAX_FETCHED_ROWS = 1000
_CALL = re.compile(r"\s*CALL\s+(\w+)", re.IGNORECASE)
_NO_CALLS = "procedures are Snowflake's; the embedded warehouse has none, and nothing was run"
_INSTEAD = {
    "SET_MIGRATION_FLAG": f"{_NO_CALLS}: `activity-mcp migrate dual-write on`, `migrate cutover` or `migrate rollback`",
    "BACKFILL_TO_V2": f"{_NO_CALLS}: `activity-mcp migrate backfill` does this",
    "BACKFILL_TO_V1": f"{_NO_CALLS}: `activity-mcp migrate rollback` does this",
    "VALIDATE_MIGRATION": f"{_NO_CALLS}: `activity-mcp migrate validate` does this",
    "ACCEPT_DRIFT": f"{_NO_CALLS}: `activity-mcp drift accept` does this",
    "REFRESH_CONTEXT": f"{_NO_CALLS}: `activity-mcp flush` does this",
}
_FETCHED_BYTES = 1 << 20
_TOO_LARGE = "the query needs more memory than the {megabytes} MB it may have; nothing was stored"


def answer_request(request: dict[str, Any], opened: list[duckdb.DuckDBPyConnection]) -> dict[str, Any]:
    """What the child answers; errors of the engine are part of the answer. Its connection is added to ``opened``."""
    import duckdb

    started = time.monotonic()
    try:
        connection = duckdb.connect(request["db"], read_only=True, config=dict(_CONFIG))
    except duckdb.Error as error:
        kind = "newer" if "newer" in str(error).lower() else "unavailable"
        return {"error": first_lines(error), "kind": kind}
    opened.append(connection)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")  # stdout is the answer's
        connection.execute("SET python_enable_replacements = false")
        for name in ("waiting_rows", "waiting_ms"):
            connection.execute(f"SET VARIABLE {name} = {int(request.get(name) or 0)}")
        connection.execute("SET lock_configuration = true")
        dialect, result = _run(connection, request["sql"])
        columns = [column[0] for column in result.description or []]
        rows, truncated = _fetch(result, request["max_rows"], request.get("max_bytes"))
    except (MemoryError, duckdb.OutOfMemoryException):
        return {"error": _TOO_LARGE.format(megabytes=MAX_MEMORY_BYTES >> 20), "kind": "refused"}
    except (duckdb.Error, _RowTooLarge, _Refused) as error:
        return {"error": first_lines(error), "kind": "refused"}
    return {
        "columns": columns,
        "rows": rows,
        "truncated": truncated,
        "as_of": iso(SYSTEM_CLOCK.time_us()),
        "elapsed_ms": round((time.monotonic() - started) * 1000, 3),
        "dialect": dialect,
    }


class _Refused(Exception):
    pass


def _run(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[str, Any]:
    """The dialect the statement was read in, and its result.

    What only Snowflake writes is read as Snowflake's first, anything else as DuckDB's; what cannot be read in one is read in
    the other. Raises _Refused or a duckdb.Error that says what is wrong in the dialect it was written for.
    """
    import duckdb

    if found := _CALL.match(sql):
        raise _Refused(_INSTEAD.get(found[1].upper(), _NO_CALLS))
    in_turn = ["snowflake", "duckdb"] if looks_like_snowflake(sql) else ["duckdb", "snowflake"]
    failed: Exception | None = None
    for dialect in in_turn:
        try:
            return dialect, _run_as(connection, sql, dialect)
        except (_Refused, Untranslatable, duckdb.Error) as error:
            if isinstance(error, (MemoryError, duckdb.OutOfMemoryException, duckdb.DataError)):
                raise
            failed = failed or error
    assert failed is not None
    raise _Refused(f"as {in_turn[0]}'s dialect: {failed}") if isinstance(failed, Untranslatable) else failed


def _run_as(connection: duckdb.DuckDBPyConnection, sql: str, dialect: str) -> Any:
    statement = sql
    if dialect == "snowflake":
        from .dialect.questions import from_snowflake

        statement = from_snowflake(sql)
    if refusal := refusal_of(connection, statement):
        raise _Refused(refusal)
    return connection.execute(statement)


class _RowTooLarge(Exception):
    pass


def _fetch(result: Any, max_rows: int | None, max_bytes: int | None) -> tuple[list[list[Any]], bool]:
    """The rows up to the limits, and whether there were more."""
    rows: list[list[Any]] = []
    total = 0
    for row, size in _sized_rows(result, max_rows):
        total += size
        if (max_rows is not None and len(rows) == max_rows) or (max_bytes is not None and total > max_bytes):
            return rows, True
        rows.append(row)
    return rows, False


def _sized_rows(result: Any, max_rows: int | None) -> Iterator[tuple[list[Any], int]]:
    """Each row with its bytes as JSON. The first is fetched alone, then as many at once as a megabyte seems to hold."""
    at_once, left = 1, max_rows + 1 if max_rows is not None else _MAX_FETCHED_ROWS
    while fetched := result.fetchmany(min(at_once, left)):
        total = 0
        for values in fetched:
            row = [plain(value) for value in values]
            size = len(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace"))
            if size > MAX_ROW_BYTES:
                raise _RowTooLarge(f"a row of {size >> 20} MB is too large, {MAX_ROW_BYTES >> 20} MB fit; nothing was stored")
            total += size
            yield row, size
        at_once = max(1, min(_MAX_FETCHED_ROWS, 2 * at_once, _FETCHED_BYTES * len(fetched) // max(total, 1)))
        left = left - len(fetched) if max_rows is not None else left


def _bound_itself(timeout_s: float) -> None:
    """Leave the bounds to the kernel, where it has them."""
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, timeout_s + 1.0)
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        for kind, most in ((resource.RLIMIT_DATA, MAX_MEMORY_BYTES), (resource.RLIMIT_AS, MAX_ADDRESSES_BYTES)):
            resource.setrlimit(kind, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")


def main() -> None:
    """Read the request from stdin, write the answer to stdout, and end the process.

    It only reads, so the kernel takes back what it holds: closing engine and interpreter costs a sixth of a small query.
    """
    asked = json.load(sys.stdin)
    _bound_itself(asked["timeout_s"])
    opened: list[duckdb.DuckDBPyConnection] = []
    json.dump(answer_request(asked, opened), sys.stdout)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
