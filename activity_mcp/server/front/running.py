"""The calls that the front is answering on their lanes: each is answered, cancelled, or gets an error at the end of the
connection."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from ..calls import Answer, Call
    from ..lanes import Lanes

PROGRESS_EVERY_S = 1.0


class Running:
    """``answer`` is called once for each call that ends, on the thread that ran it."""

    def __init__(self, lanes: Lanes, *, timer: Callable[[], float] = time.monotonic) -> None:
        self._lanes = lanes
        self._timer = timer
        self._lock = threading.Lock()
        self._calls: dict[str | int, _Run] = {}

    def start(self, request_id: str | int, call: Call, token: str | int | None, answer: Callable[[Answer], None]) -> None:
        run = _Run(call, token, self._timer)
        with self._lock:
            self._calls[request_id] = run

        def done(future: Future[Answer]) -> None:
            with self._lock:
                waited_for = self._calls.get(request_id) is run and self._calls.pop(request_id) is run
            if waited_for and not future.cancelled():
                answer(future.result())

        run.future = self._lanes.submit(call.spec.lane, run)
        run.future.add_done_callback(done)

    def cancel(self, request_id: object) -> bool:
        """Whether the request was one of these; it will not be answered."""
        with self._lock:
            found = next((key for key in self._calls if str(key) == str(request_id)), None)
            run = self._calls.pop(found) if found is not None else None
        if run is not None:
            run.stop()
        return run is not None

    def cancel_all(self) -> list[str | int]:
        """The ids of what was still being answered, and will not be."""
        with self._lock:
            left, self._calls = self._calls, {}
        for run in left.values():
            run.stop()
        return list(left)

    def progress(self) -> list[bytes]:
        """The progress to report now, as lines: of each slow call whose client asked for it, once in ``PROGRESS_EVERY_S``."""
        with self._lock:
            runs = [run for run in self._calls.values() if run.token is not None and run.call.spec.progress is not None]
        return [line for run in runs for line in run.report()]


class _Run:
    """One call on its lane."""

    def __init__(self, call: Call, token: str | int | None, timer: Callable[[], float]) -> None:
        self.call = call
        self.token = token
        self.future: Future[Answer] | None = None
        self._timer = timer
        self._gone = threading.Event()
        self._began: float | None = None
        self._reported = 0

    def __call__(self) -> Answer:
        self._began = self._timer()
        return self.call.run(self._gone.is_set)

    def stop(self) -> None:
        self.call.abandon()
        self._gone.set()
        if self.future is not None:
            self.future.cancel()

    def report(self) -> list[bytes]:
        progress = self.call.spec.progress
        if self._began is None or progress is None:
            return []
        elapsed_s = self._timer() - self._began
        if elapsed_s < (self._reported + 1) * PROGRESS_EVERY_S:
            return []
        self._reported = int(elapsed_s / PROGRESS_EVERY_S)
        params: dict[str, Any] = {"progressToken": self.token, "progress": round(elapsed_s, 1)}
        if progress.total_s is not None:
            params["total"] = progress.total_s
        params["message"] = progress.message
        message = {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}
        return [orjson.dumps(message, option=orjson.OPT_APPEND_NEWLINE)]
