"""Read-only SQL on the embedded warehouse, run in a short-lived child that is killed at its deadline.

A query cannot run beside a writer in one process, and its file must not be opened by anything but DuckDB; so each query is a
process of its own: read-only, one thread, no file, network or extension access, configuration locked, exactly one statement
that DuckDB's own parser calls a SELECT. The child reads its request as JSON on stdin and answers JSON on stdout.

    request   {"db", "sql", "max_rows"}
    answer    {"columns", "rows", "truncated", "as_of", "elapsed_ms"} or {"error", "kind"}, kind ∈ refused, unavailable, newer

While a writer has the file the parent tries again, with jitter, until the deadline.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from typing import Any

from ..clock import SYSTEM_CLOCK, iso
from ..errors import QueryRefused, WarehouseNewer, WarehouseUnavailable
from .base import QueryResult
from .values import plain

_CONFIG: dict[str, str | int | float | list[str]] = {
    "threads": 1,
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "memory_limit": "1GB",
}


class DuckDBQueries:
    """``QueryEngine`` over the file at ``path``."""

    def __init__(self, path: str) -> None:
        self.path = path

    def query(self, sql: str, *, max_rows: int | None = None, timeout_s: float = 30.0) -> QueryResult:
        """Run one read-only statement; ``max_rows`` None means all of them.

        Raises QueryRefused (not one SELECT, wrong SQL), WarehouseUnavailable (nothing flushed yet, locked or too slow until
        the deadline), WarehouseNewer.
        """
        if not os.path.isfile(self.path):
            raise WarehouseUnavailable(
                f"there is no warehouse at {self.path} yet: nothing was flushed into it", hint="run `activity-mcp flush`"
            )
        deadline = time.monotonic() + timeout_s
        while True:
            answer = _run_child({"db": self.path, "sql": sql, "max_rows": max_rows}, deadline - time.monotonic())
            if "error" not in answer:
                return QueryResult(**answer)
            if answer["kind"] == "refused":
                raise QueryRefused(answer["error"], hint="send one SELECT on the tables and views of the warehouse")
            if answer["kind"] == "newer":
                raise WarehouseNewer(answer["error"], hint="upgrade activity-mcp")
            pause = random.uniform(0.02, 0.1)  # noqa: S311 - spreads readers, guards nothing
            if time.monotonic() + pause >= deadline:
                raise WarehouseUnavailable(f"the warehouse did not answer within {timeout_s:g} s: {answer['error']}")
            time.sleep(pause)


def _run_child(request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG", "TMPDIR", "SYSTEMROOT") if name in os.environ}
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-m", "activity_mcp.warehouse.query"],  # -P: import nothing from where the user stands
            input=json.dumps(request).encode(),
            capture_output=True,
            timeout=max(timeout_s, 0.1),
            env=kept,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"error": "the query was stopped at its deadline", "kind": "unavailable"}
    if child.returncode != 0:
        lines = child.stderr.decode("utf-8", "replace").strip().splitlines()
        return {
            "error": f"the query's process ended with {child.returncode}: {lines[-1] if lines else ''}",
            "kind": "unavailable",
        }
    try:
        answer: dict[str, Any] = json.loads(child.stdout)
    except ValueError:
        return {"error": "the query's process gave no answer", "kind": "unavailable"}
    return answer


# --- the child


def answer_request(request: dict[str, Any]) -> dict[str, Any]:
    """What the child answers; errors of the engine are part of the answer."""
    import duckdb

    started = time.monotonic()
    try:
        statements = duckdb.extract_statements(request["sql"])
    except duckdb.Error as error:
        return {"error": _first_lines(error), "kind": "refused"}
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        found = ", ".join(str(statement.type).rsplit(".", 1)[-1] for statement in statements) or "nothing"
        return {"error": f"only one SELECT is run here, this is: {found}; nothing was run", "kind": "refused"}
    try:
        connection = duckdb.connect(request["db"], read_only=True, config=dict(_CONFIG))
    except duckdb.Error as error:
        kind = "newer" if "newer" in str(error).lower() else "unavailable"
        return {"error": _first_lines(error), "kind": kind}
    with connection:
        try:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET lock_configuration = true")
            result = connection.execute(statements[0])
            columns = [column[0] for column in result.description or []]
            limit = request["max_rows"]
            rows = result.fetchall() if limit is None else result.fetchmany(limit + 1)
        except duckdb.Error as error:
            return {"error": _first_lines(error), "kind": "refused"}
    truncated = limit is not None and len(rows) > limit
    return {
        "columns": columns,
        "rows": [[plain(value) for value in row] for row in (rows[:limit] if truncated else rows)],
        "truncated": truncated,
        "as_of": iso(SYSTEM_CLOCK.time_us()),
        "elapsed_ms": round((time.monotonic() - started) * 1000, 3),
    }


def _first_lines(error: Exception) -> str:
    return " ".join(line.strip() for line in str(error).splitlines()[:3] if line.strip())[:500]


if __name__ == "__main__":
    json.dump(answer_request(json.load(sys.stdin)), sys.stdout)
