"""Calls that may take seconds: each on a thread of its own, a few at a time, with progress, and stopped when nobody waits.

A call that is cancelled tells its job so (``cancelled()`` turns true) and does not wait for it: the job ends its child process
and stores nothing. The threads are daemons, so a warehouse that hangs keeps neither the event loop nor the process.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from .spec import Report

    T = TypeVar("T")

AT_A_TIME = 4
"""Each may hold a gigabyte in its child; the others wait for their turn."""
PROGRESS_EVERY_S = 1.0


class SlowCalls:
    def __init__(self, at_a_time: int = AT_A_TIME, *, progress_every_s: float = PROGRESS_EVERY_S) -> None:
        self._turns = asyncio.Semaphore(at_a_time)
        self._every_s = progress_every_s

    async def run(
        self, job: Callable[[Callable[[], bool]], T], report: Report, *, message: str, total_s: float | None = None
    ) -> T:
        """What ``job(cancelled)`` returns or raises. While it runs the client is told ``message`` and the seconds so far."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with self._turns:
            gone = threading.Event()
            future: Future[T] = Future()
            threading.Thread(target=_work, args=(job, gone, future), name="activity-slow", daemon=True).start()
            waiting = asyncio.wrap_future(future)
            try:
                while not (await asyncio.wait({waiting}, timeout=self._every_s))[0]:
                    await report(round(loop.time() - began, 1), total_s, message)
                return waiting.result()
            finally:
                gone.set()


def _work(job: Callable[[Callable[[], bool]], Any], gone: threading.Event, future: Future[Any]) -> None:
    try:
        result = job(gone.is_set)
    except BaseException as error:  # whatever it is belongs to the caller
        _settle(future, error=error)
    else:
        _settle(future, result=result)


def _settle(future: Future[Any], *, result: Any = None, error: BaseException | None = None) -> None:
    if not future.set_running_or_notify_cancel():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
