"""The outbox: system events that wait for room in the queue, oldest first."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..activity import Activity

MAX_WAITING = 100


class Outbox:
    """System events of this process until the queue has taken them. Beyond ``MAX_WAITING`` the oldest are dropped."""

    def __init__(self) -> None:
        self._waiting: deque[Activity] = deque(maxlen=MAX_WAITING)

    def add(self, activity: Activity) -> None:
        """Keep the event until ``deliver`` hands it over."""
        self._waiting.append(activity)

    def deliver(self, append: Callable[[Activity], object]) -> None:
        """Hand them to ``append``, until it raises: the rest keeps waiting."""
        while self._waiting:
            append(self._waiting[0])
            self._waiting.popleft()
