"""Asking the leader for a flush, and waiting for what it does: the one way in which a process waits for another."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from .commit import read_commit

if TYPE_CHECKING:
    from collections.abc import Callable

    from .lease import Lease
    from .offset import Offset

Outcome = Literal["done", "unled", "cancelled", "late"]


def ask_leader(
    lease: Lease,
    is_done: Callable[[], bool],
    *,
    deadline: float,
    pause_s: float = 0.02,
    cancelled: Callable[[], bool] = lambda: False,
    needs_leader: bool = False,
    on_wait: Callable[[], None] = lambda: None,
) -> Outcome:
    """Request a flush and wait until ``is_done``: done, cancelled, late (``deadline``, of ``time.monotonic``), or unled.

    ``needs_leader``: give up (unled) when nobody leads, and repeat the request while the leader has taken it without getting
    there, as it may have failed. Else the next leader finds the request.
    """
    lease.request_flush()
    while True:
        if is_done():
            return "done"
        if cancelled():
            return "cancelled"
        if needs_leader:
            if not lease.is_held():
                return "unled"
            if not lease.is_flush_requested():
                lease.request_flush()
        on_wait()
        if time.monotonic() >= deadline:
            return "late"
        time.sleep(pause_s)


def is_committed(directory: str, target: Offset | None) -> Callable[[], bool]:
    """Whether the queue's commit has reached ``target``; None is reached by any commit."""

    def reached() -> bool:
        commit = read_commit(directory)
        return commit is not None and str(commit.offset) >= str(target or "")

    return reached


def is_folded(lease: Lease, target: Offset | None) -> Callable[[], bool]:
    """Whether the contexts hold the queue up to ``target`` as well, as its leader reports it."""
    committed = is_committed(lease.directory, target)
    return lambda: committed() and lease.folded() >= str(target or "")
