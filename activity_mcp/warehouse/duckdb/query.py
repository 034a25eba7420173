"""Read-only SQL on the embedded warehouse, run in a short-lived child that is killed at its deadline.

A query cannot run beside a writer in one process, and its file must not be opened by anything but DuckDB; so each query is a
process of its own: read-only, one thread, bounded memory and nothing on disk, no file, network or extension access,
configuration locked, exactly one statement that passes ``query_guard``. The child reads its request as JSON on stdin and
answers JSON on stdout.

    request   {"db", "sql", "max_rows", "max_bytes", "timeout_s"}
    answer    {"columns", "rows", "truncated", "as_of", "elapsed_ms"} or {"error", "kind"}, kind ∈ refused, unavailable, newer

While a writer has the file the parent tries again, with jitter, until the deadline. A child whose parent is gone ends by an
alarm of its own, a second after the deadline.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from ...clock import SYSTEM_CLOCK, iso
from ...errors import QueryCancelled, QueryRefused, WarehouseNewer, WarehouseUnavailable
from ..base import QueryResult
from ..values import plain
from .query_guard import first_lines, refusal_of

if TYPE_CHECKING:
    from collections.abc import Callable

_CONFIG: dict[str, str | int | float | list[str]] = {
    "threads": 1,
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "memory_limit": "1GB",
    "temp_directory": "",  # what does not fit in memory fails, instead of filling the disk that the queue needs
}
_FETCHED_AT_ONCE = 1000
_LISTENS_S = 0.05
"""How long a running child is waited for before the parent looks whether it is still wanted."""


class DuckDBQueries:
    """``QueryEngine`` over the file at ``path``."""

    def __init__(self, path: str) -> None:
        self.path = path

    def query(
        self,
        sql: str,
        *,
        max_rows: int | None = None,
        max_bytes: int | None = None,
        timeout_s: float = 30.0,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> QueryResult:
        """Run one read-only statement; ``max_rows`` and ``max_bytes`` (of the rows as JSON) None mean all of them.

        Raises QueryRefused (not one SELECT, wrong SQL, too much memory), QueryCancelled (``cancelled`` said so: the child is
        dead), WarehouseUnavailable (nothing flushed yet, locked or too slow until the deadline), WarehouseNewer.
        """
        if not os.path.isfile(self.path):
            raise WarehouseUnavailable(
                f"there is no warehouse at {self.path} yet: nothing was flushed into it", hint="run `activity-mcp flush`"
            )
        deadline = time.monotonic() + timeout_s
        request = {"db": self.path, "sql": sql, "max_rows": max_rows, "max_bytes": max_bytes}
        while True:
            answer = _run_child(request, deadline - time.monotonic(), cancelled)
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


def _run_child(request: dict[str, Any], timeout_s: float, cancelled: Callable[[], bool]) -> dict[str, Any]:
    timeout_s = max(timeout_s, 0.1)
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG", "TMPDIR", "SYSTEMROOT") if name in os.environ}
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "activity_mcp.warehouse.duckdb.query"],  # -P: import nothing from where the user stands
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=kept,
    ) as child:
        try:
            ended = _talk(child, json.dumps({**request, "timeout_s": timeout_s}).encode(), timeout_s, cancelled)
        finally:
            if child.poll() is None:
                child.kill()
    if ended is None:
        return {"error": "the query was stopped at its deadline", "kind": "unavailable"}
    out, err = ended
    if child.returncode != 0:
        lines = err.decode("utf-8", "replace").strip().splitlines()
        return {
            "error": f"the query's process ended with {child.returncode}: {lines[-1] if lines else ''}",
            "kind": "unavailable",
        }
    try:
        answer: dict[str, Any] = json.loads(out)
    except ValueError:
        return {"error": "the query's process gave no answer", "kind": "unavailable"}
    return answer


def _talk(
    child: subprocess.Popen[bytes], request: bytes, timeout_s: float, cancelled: Callable[[], bool]
) -> tuple[bytes, bytes] | None:
    """What the child wrote to stdout and stderr; None at the deadline. Raises QueryCancelled."""
    deadline = time.monotonic() + timeout_s
    to_send: bytes | None = request
    while True:
        if cancelled():
            raise QueryCancelled("the query was cancelled; nothing was stored")
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        try:
            return child.communicate(to_send, timeout=min(left, _LISTENS_S))
        except subprocess.TimeoutExpired:
            to_send = None  # it was taken over by the first call, which goes on where it was


# --- the child


def answer_request(request: dict[str, Any]) -> dict[str, Any]:
    """What the child answers; errors of the engine are part of the answer."""
    import duckdb

    started = time.monotonic()
    try:
        connection = duckdb.connect(request["db"], read_only=True, config=dict(_CONFIG))
    except duckdb.Error as error:
        kind = "newer" if "newer" in str(error).lower() else "unavailable"
        return {"error": first_lines(error), "kind": kind}
    with connection:
        try:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET lock_configuration = true")
            refusal = refusal_of(connection, request["sql"])
            if refusal is not None:
                return {"error": refusal, "kind": "refused"}
            result = connection.execute(request["sql"])
            columns = [column[0] for column in result.description or []]
            rows, truncated = _fetch(result, request["max_rows"], request.get("max_bytes"))
        except duckdb.Error as error:
            return {"error": first_lines(error), "kind": "refused"}
    return {
        "columns": columns,
        "rows": rows,
        "truncated": truncated,
        "as_of": iso(SYSTEM_CLOCK.time_us()),
        "elapsed_ms": round((time.monotonic() - started) * 1000, 3),
    }


def _fetch(result: Any, max_rows: int | None, max_bytes: int | None) -> tuple[list[list[Any]], bool]:
    """The rows up to the limits, and whether there were more."""
    rows: list[list[Any]] = []
    size = 0
    while fetched := result.fetchmany(_FETCHED_AT_ONCE):
        for values in fetched:
            row = [plain(value) for value in values]
            if max_bytes is not None:
                size += len(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace"))
            if (max_rows is not None and len(rows) == max_rows) or (max_bytes is not None and size > max_bytes):
                return rows, True
            rows.append(row)
    return rows, False


def _bound_itself(timeout_s: float) -> None:
    """End by the kernel's alarm soon after the deadline, whatever the engine does and whether or not the parent lives."""
    import signal

    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, timeout_s + 1.0)


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    _bound_itself(asked["timeout_s"])
    json.dump(answer_request(asked), sys.stdout)
