"""The threads on which calls block, so that the reader of the client's messages never does.

    appends   one thread: the events of a server are on disk in the order in which they were asked for
    reads     local files, and a first miss that waits some milliseconds
    slow      calls that may take seconds and start processes, a few at a time: each may hold a gigabyte in its child

A job that is cancelled before its turn is not run. The threads keep no process: every server leaves by ``os._exit``.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from typing import TypeVar

    from .tools import Lane

    T = TypeVar("T")

THREADS: dict[Lane, int] = {"appends": 1, "reads": 4, "slow": 4}


class Lanes:
    """The threads of one server. Each is started by the first job that needs it."""

    def __init__(self) -> None:
        self._pools = {lane: ThreadPoolExecutor(count, f"activity-{lane}") for lane, count in THREADS.items()}

    def submit(self, lane: Lane, job: Callable[[], T]) -> Future[T]:
        """Run the job on the lane, with the caller's context variables: what it logs bears the call's id."""
        return self._pools[lane].submit(copy_context().run, job)
