"""What the warehouse said: asked in the background, kept, and given out at once with its age.

A statement that was answered is answered again without asking while nothing was committed since (``stamp``). Else the kept
answer is given out as stale, and asked for again in the background, no more often than it is worth: the pause is ten times what
the statement took. Where nobody looks, nothing is asked.

On the embedded engine a statement runs in ``query``'s child, read-only and bounded. Where a flush waits for the file, the
statement is ended at once and begun again behind it: a page never makes a flush wait.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import ActivityError, QueryCancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..clock import Clock
    from ..warehouse.adapter import Adapter

    Row = dict[str, Any]

TIMEOUT_S = 20.0
MAX_ROWS, MAX_BYTES = 20_000, 4 << 20
MAX_KEPT = 48
WORKERS = 2
PATIENCE_S = 0.35
"""How long a page waits for an answer that there is none of yet, before it is sent without it."""
MAX_AGE_S = 600.0
"""An answer that nothing seems to have changed is asked for again all the same: another machine may have written."""
MIN_PAUSE_S, PAUSE_FACTOR = 1.0, 10.0
PAID_PAUSE_S, PAID_AGE_S = 60.0, 300.0
"""The same two where reading costs money."""
_WRITER_STEP_S, _WRITER_PATIENCE_S = 0.05, 15.0


class Answer(NamedTuple):
    """``rows``: one object each, by lower-case column. ``state``: fresh, stale (rows of before), pending (none yet), failed."""

    rows: Sequence[Row]
    state: str
    age_s: float | None = None
    truncated: bool = False
    problem: str | None = None
    hint: str = ""
    columns: Sequence[str] = ()
    """The names of the result, in its order; one that comes again bears its number."""


class Cost(NamedTuple):
    """What was asked since the page started: statements, and the seconds they took."""

    statements: int
    seconds: float


class _Entry:
    __slots__ = (
        "answered_at",
        "asked_at",
        "columns",
        "done",
        "hint",
        "is_running",
        "problem",
        "rows",
        "stamp",
        "took_s",
        "truncated",
    )

    def __init__(self) -> None:
        self.rows: list[Row] | None = None
        self.columns: list[str] = []
        self.truncated = False
        self.problem: str | None = None
        self.hint = ""
        self.stamp: object = None
        self.answered_at = self.asked_at = float("-inf")
        self.took_s = 0.0
        self.is_running = False
        self.done = threading.Event()


class Answers:
    """Thread-safe. ``stamp()`` differs when something was committed; ``on_answer()`` is called on a worker's thread."""

    def __init__(self, adapter: Adapter, stamp: Callable[[], object], clock: Clock) -> None:
        self.on_answer: Callable[[], None] = lambda: None
        self._adapter = adapter
        self._stamp = stamp
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Entry] = OrderedDict()
        self._waiting: queue.SimpleQueue[tuple[str, _Entry] | None] = queue.SimpleQueue()
        self._workers: list[threading.Thread] = []
        self._statements, self._seconds = 0, 0.0
        self._is_closed = False

    @property
    def reads_are_free(self) -> bool:
        return self._adapter.capabilities.reads_are_free

    def cost(self) -> Cost:
        with self._lock:
            return Cost(self._statements, self._seconds)

    def ask(self, sql: str, wait_s: float = PATIENCE_S) -> Answer:
        """What is known of this statement now; where nothing is, it is waited for so long."""
        if not self._adapter.exists():
            return Answer((), "fresh", 0.0)  # nothing was ever stored: there is nothing to ask
        with self._lock:
            entry = self._kept.setdefault(sql, _Entry())
            self._kept.move_to_end(sql)
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
            if not self._is_fresh(entry) and not entry.is_running and self._is_due(entry):
                self._send(sql, entry)
        if entry.rows is None and entry.is_running:
            entry.done.wait(wait_s)
        return self._answer_of(entry)

    def _answer_of(self, entry: _Entry) -> Answer:
        if entry.rows is None:
            state = "failed" if entry.problem else "pending"
            return Answer((), state, problem=entry.problem, hint=entry.hint)
        age_s = max(0.0, self._clock.monotonic() - entry.answered_at)
        state = "fresh" if self._is_fresh(entry) else "stale"
        return Answer(entry.rows, state, age_s, entry.truncated, entry.problem, entry.hint, entry.columns)

    def _is_fresh(self, entry: _Entry) -> bool:
        most = MAX_AGE_S if self.reads_are_free else PAID_AGE_S
        return entry.rows is not None and entry.stamp == self._stamp() and self._clock.monotonic() - entry.answered_at < most

    def _is_due(self, entry: _Entry) -> bool:
        pause = max(MIN_PAUSE_S, PAUSE_FACTOR * entry.took_s) if self.reads_are_free else PAID_PAUSE_S
        return self._clock.monotonic() - entry.asked_at >= pause

    def _send(self, sql: str, entry: _Entry) -> None:
        """To be called with the lock held."""
        entry.is_running = True
        entry.done.clear()
        entry.asked_at = self._clock.monotonic()
        self._waiting.put((sql, entry))
        if len(self._workers) < WORKERS and not self._is_closed:
            worker = threading.Thread(target=self._work, name="activity-page", daemon=True)
            self._workers.append(worker)
            worker.start()

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None:
            sql, entry = item
            began = time.monotonic()
            stamp = self._stamp()
            try:
                names, rows, truncated = self._asked(sql)
                entry.columns, entry.rows, entry.truncated, entry.stamp = names, rows, truncated, stamp
                entry.problem, entry.hint = None, ""
                entry.answered_at = self._clock.monotonic()
            except ActivityError as error:
                entry.problem, entry.hint = error.message, error.hint
            except Exception as error:  # whatever a driver raises: the page says it, and goes on
                entry.problem, entry.hint = f"{type(error).__name__}: {error}", ""
            entry.took_s = time.monotonic() - began
            with self._lock:
                self._statements += 1
                self._seconds += entry.took_s
            entry.is_running = False
            entry.done.set()
            self.on_answer()

    def _asked(self, sql: str) -> tuple[list[str], list[Row], bool]:
        deadline = time.monotonic() + _WRITER_PATIENCE_S
        while True:
            while self._adapter.writer_waits() and time.monotonic() < deadline and not self._is_closed:
                time.sleep(_WRITER_STEP_S)
            try:
                found = self._adapter.queries.query(
                    sql, max_rows=MAX_ROWS, max_bytes=MAX_BYTES, timeout_s=TIMEOUT_S, cancelled=self._gives_way
                )
            except QueryCancelled:
                if self._is_closed or time.monotonic() >= deadline:
                    raise
                continue
            names = _apart(name.lower() for name in found.columns)
            return names, [dict(zip(names, row, strict=True)) for row in found.rows], found.truncated

    def _gives_way(self) -> bool:
        return self._is_closed or self._adapter.writer_waits()

    def forget(self) -> None:
        """Everything is asked for again: what is kept, and what is on its way."""
        with self._lock:
            self._kept.clear()

    def close(self) -> None:
        """Ends what is running. Idempotent."""
        self._is_closed = True
        for _ in self._workers:
            self._waiting.put(None)


def _apart(names: Iterable[str]) -> list[str]:
    """The names, each once: two columns of one name are two members of a row all the same."""
    found: list[str] = []
    for name in names:
        again = sum(other == name or (other.startswith(f"{name}_") and other[len(name) + 1 :].isdigit()) for other in found)
        found.append(name if name not in found else f"{name}_{again + 1}")
    return found
