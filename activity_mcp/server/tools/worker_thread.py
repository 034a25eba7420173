"""One thread for the calls that block on the disk, so that the event loop never does.

Appends of one server run here one after the other, in the order in which they were asked for. The thread starts with the
first of them and is a daemon: a disk that hangs does not keep the process. A call cancelled before its turn is not run.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")


class AppendThread:
    def __init__(self, name: str = "activity-append") -> None:
        self._name = name
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def run(self, job: Callable[[], T]) -> T:
        """What ``job`` returns or raises, run on the thread."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        future: Future[T] = Future()
        self._jobs.put((future, partial(copy_context().run, job)))  # what it logs bears the call's id
        return await asyncio.wrap_future(future)

    def _work(self) -> None:
        while True:
            future, job = self._jobs.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(job())
            except BaseException as error:  # whatever it is belongs to the caller; the thread goes on
                future.set_exception(error)
            del future, job  # else the last event stays in memory until the next one
