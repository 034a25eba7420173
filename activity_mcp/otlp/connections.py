"""The places for connections to the port of the exporter, and who gives up one where all are taken.

A new connection always gets a place, unless every other one is being recorded at this moment: a client that fills the port,
with the token or without, shuts no exporter out. What has waited longest goes first, in this order: what has never shown the
token; a request that shows it, and whose body does not come; a connection between two requests, which its exporter opens
again.
"""

from __future__ import annotations

import threading
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable


class Stage(IntEnum):
    """Where a connection is, those that give up their place first first."""

    UNKNOWN = 0
    """It has not shown the token."""
    HALF_SENT = 1
    """It has shown the token; the body of the request is still to come."""
    RESTING = 2
    """Its last request was answered."""
    RECORDED = 3
    """Its request is being recorded and answered: it keeps its place."""


class Connections:
    """At most ``places`` connections. ``end`` wakes the thread that reads from the one that has to go. Thread-safe."""

    def __init__(self, places: int, end: Callable[[socket.socket], None]) -> None:
        self._places = places
        self._end = end
        self._stages: dict[socket.socket, Stage] = {}
        """The one that came to its stage first is first."""
        self._lock = threading.Lock()

    def takes(self, connection: socket.socket) -> bool:
        """Whether there is a place for a new connection; another one is ended where there was none."""
        with self._lock:
            if len(self._stages) >= self._places:
                leaving = min(self._stages, key=self._stages.__getitem__)
                if self._stages[leaving] is Stage.RECORDED:
                    return False
                del self._stages[leaving]
                self._end(leaving)
            self._stages[connection] = Stage.UNKNOWN
        return True

    def comes_to(self, connection: socket.socket, stage: Stage) -> None:
        """Note where the connection is now, if it still has its place."""
        with self._lock:
            if self._stages.pop(connection, None) is not None:
                self._stages[connection] = stage

    def leaves(self, connection: socket.socket) -> None:
        """The connection has ended."""
        with self._lock:
            self._stages.pop(connection, None)
