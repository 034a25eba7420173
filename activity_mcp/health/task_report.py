"""``tasks.json`` beside the queue: the states of the warehouse's own tasks, written by the leader after a flush.

So ``status`` and ``health`` have them without asking the warehouse. On the embedded warehouse it is absent: nothing runs there
but the leader itself.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .. import fs
from ..activity import dump_json
from ..clock import SYSTEM_CLOCK, iso
from ..errors import WarehouseError
from ..plain_json import loads

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..clock import Clock
    from ..warehouse.base import TaskState
    from .document import TasksState

VERSION = 1
INTERVAL_S = 600.0
"""How often the states are read at most: a suspended task is a matter of hours."""


class TaskReport:
    """Keeps ``tasks.json`` in ``directory`` equal to what ``tasks`` answers. Driven by the leader."""

    def __init__(self, directory: str, tasks: Callable[[], list[TaskState]], clock: Clock = SYSTEM_CLOCK) -> None:
        self._path = _path(directory)
        self._tasks = tasks
        self._clock = clock
        self._next = clock.monotonic()

    def look(self) -> None:
        """Write the states, if they were not read for a while. What fails is tried again after the same while."""
        now = self._clock.monotonic()
        if now < self._next:
            return
        self._next = now + INTERVAL_S
        try:
            states = [state._asdict() for state in self._tasks()]
            document = {"version": VERSION, "at": iso(self._clock.time_us()), "tasks": states}
            fs.publish(self._path, dump_json(document) + b"\n", durable=False)
        except (WarehouseError, OSError):
            pass


def read_task_report(directory: str) -> TasksState | None:
    """The states and when they were read; None where none were."""
    try:
        with fs.reader(_path(directory)) as file:
            document = loads(file.read())
        found: TasksState | None = None
        if document["version"] == VERSION:
            found = {"at": document["at"], "tasks": document["tasks"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found


def _path(directory: str) -> str:
    return os.path.join(directory, "tasks.json")
