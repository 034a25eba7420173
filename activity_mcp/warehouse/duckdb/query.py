"""Read-only SQL on the embedded warehouse, run in a short-lived child that is killed at its deadline.

A query cannot run beside a writer in one process, and its file must not be opened by anything but DuckDB; so each query is a
process of its own (``query_child``). The child reads its request as JSON on stdin and answers JSON on stdout.

    request   {"db", "sql", "max_rows", "max_bytes", "timeout_s"}
    answer    {"columns", "rows", "truncated", "as_of", "elapsed_ms"} or {"error", "kind"}, kind ∈ refused, unavailable, newer

While a writer has the file, or waits for it, the parent tries again, with jitter, until the deadline; a query that runs for
long while a writer waits is stopped and begun again (``file_turns``). A child whose parent is gone ends by an
alarm of its own, a second after the deadline.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from ...errors import QueryCancelled, QueryRefused, WarehouseNewer, WarehouseUnavailable
from ..base import QueryResult
from .file_turns import GIVES_WAY_S, WriterMark
from .place import check_files

if TYPE_CHECKING:
    from collections.abc import Callable

_CHILD = "activity_mcp.warehouse.duckdb.query_child"
_OUT_OF_MEMORY = (
    "the query's process was ended ({how}): it needed more memory than a query may have, or the machine is short of it"
)
_ASKS_FOR_LAG = re.compile(r"\bV_STREAM_LAG\b", re.IGNORECASE)
_LISTENS_S = 0.05
"""How long a running child is waited for before the parent looks whether it is still wanted."""

_HINT = (
    "send one SELECT in DuckDB's SQL on the views: VW_ACTIVITY_STREAM, VW_TOOL_EVENTS, VW_FILE_EVENTS, VW_SQL_EVENTS, "
    "VW_LLM_EVENTS, VW_SESSION_EVENTS, VW_MCP_EVENTS, VW_SYSTEM_EVENTS; DESCRIBE names the columns of one"
)


class DuckDBQueries:
    """``QueryEngine`` over the file at ``path``."""

    def __init__(self, path: str, waiting: Callable[[], tuple[int, int]] = lambda: (0, 0)) -> None:
        """``waiting`` gives V_STREAM_LAG what is not in the file: events in the queue, and the age of the oldest in ms."""
        self.path = path
        self._waiting = waiting

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

        Raises QueryRefused (not one SELECT, wrong SQL, too much memory), QueryCancelled (``cancelled`` returned True: the child
        is dead), WarehouseUnavailable (nothing flushed yet, locked or too slow until the deadline), WarehouseRefused (what is
        there is no file), WarehouseNewer.
        """
        check_files(self.path)
        if not os.path.isfile(self.path):
            raise WarehouseUnavailable(
                f"there is no warehouse at {self.path} yet: nothing was flushed into it", hint="run `activity-mcp flush`"
            )
        deadline = time.monotonic() + timeout_s
        request: dict[str, Any] = {"db": self.path, "sql": sql, "max_rows": max_rows, "max_bytes": max_bytes}
        if _ASKS_FOR_LAG.search(sql):
            request["waiting_rows"], request["waiting_ms"] = self._waiting()
        writer = WriterMark(self.path)
        while True:
            if writer.waited_s() is None:
                answer = _run_child(request, deadline - time.monotonic(), cancelled, writer)
            else:
                answer = {"error": "a flush waits for the file", "kind": "unavailable"}
                if cancelled():
                    raise QueryCancelled("the query was cancelled; nothing was stored")
            if "error" not in answer:
                return QueryResult(**answer)
            if answer["kind"] == "refused":
                raise QueryRefused(answer["error"], hint=_HINT)
            if answer["kind"] == "newer":
                raise WarehouseNewer(answer["error"], hint="upgrade activity-mcp")
            pause = random.uniform(0.02, 0.1)  # noqa: S311 - spreads readers, guards nothing
            if time.monotonic() + pause >= deadline:
                raise WarehouseUnavailable(f"the warehouse did not answer within {timeout_s:g} s: {answer['error']}")
            time.sleep(pause)


def start_child() -> subprocess.Popen[bytes]:
    """The process of one query, which reads its request from stdin."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG", "TMPDIR", "SYSTEMROOT") if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", _CHILD],  # -P: import nothing from the working directory
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=kept,
    )


def _run_child(request: dict[str, Any], timeout_s: float, cancelled: Callable[[], bool], writer: WriterMark) -> dict[str, Any]:
    timeout_s = max(timeout_s, 0.1)
    with start_child() as child:
        try:
            ended = _talk(child, json.dumps({**request, "timeout_s": timeout_s}).encode(), timeout_s, cancelled, writer)
        finally:
            if child.poll() is None:
                child.kill()
    if ended is None:
        return {"error": "the query was stopped at its deadline, or because a flush waited for the file", "kind": "unavailable"}
    out, err = ended
    if child.returncode != 0:
        return _without_answer(child.returncode, err)
    try:
        answer: dict[str, Any] = json.loads(out)
    except ValueError:
        return {"error": "the query's process gave no answer", "kind": "unavailable"}
    return answer


def _without_answer(code: int, err: bytes) -> dict[str, Any]:
    """What a process that did not answer is reported as. Trying again does not help one that ran out of memory."""
    last = (err.decode("utf-8", "replace").strip().splitlines() or [""])[-1][:200]
    if (code < 0 and code != -signal.SIGALRM) or last.startswith("MemoryError"):
        how = f"signal {-code}" if code < 0 else "MemoryError"
        return {"error": _OUT_OF_MEMORY.format(how=how), "kind": "refused"}
    return {"error": f"the query's process ended with {code}: {last}", "kind": "unavailable"}


def _talk(
    child: subprocess.Popen[bytes], request: bytes, timeout_s: float, cancelled: Callable[[], bool], writer: WriterMark
) -> tuple[bytes, bytes] | None:
    """What the child wrote to stdout and stderr; None at the deadline, or when it has to give way. Raises QueryCancelled."""
    deadline = time.monotonic() + timeout_s
    to_send: bytes | None = request
    while True:
        if cancelled():
            raise QueryCancelled("the query was cancelled; nothing was stored")
        left = deadline - time.monotonic()
        if left <= 0 or (writer.waited_s() or 0) > GIVES_WAY_S:
            return None
        try:
            return child.communicate(to_send, timeout=min(left, _LISTENS_S))
        except subprocess.TimeoutExpired:
            to_send = None  # it was taken over by the first call, which goes on where it was
