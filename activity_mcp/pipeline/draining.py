"""The drain loop: batch after batch until nothing waits behind the last one. The leader, ``flush`` and ``forget`` run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .flusher import FlushStep


def drain(
    ship: Callable[[], FlushStep],
    *,
    on_step: Callable[[FlushStep], None] = lambda step: None,
    goes_on: Callable[[], bool] = lambda: True,
) -> int:
    """Call ``ship`` until it leaves nothing; the rows it committed.

    ``on_step`` sees each step. ``goes_on`` is asked before each: False ends the loop early.
    Raises what ``ship`` and ``on_step`` raise; the queue then still holds what was not committed.
    """
    rows = 0
    while goes_on():
        step = ship()
        rows += step.rows
        on_step(step)
        if not step.more:
            break
    return rows
