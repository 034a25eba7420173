"""What views read from: taken from a service once, the same for every request."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from ..operations.doctor import checks_of
from ..operations.pause import Pause
from .answers import Answers
from .live import NewestEvents

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..clock import Clock
    from ..config import Config
    from ..context import SnapshotStore
    from ..health.check import Check
    from ..health.document import StatusDocument
    from ..provenance.artifacts import Artifacts
    from ..search.answers import SearchAnswer
    from ..service import ActivityService

T = TypeVar("T")
STATUS_FOR_S = 1.5
CHECKS_FOR_S = 15.0


class KeptFor(Generic[T]):
    """A value that is expensive to find, found again once it is older than some seconds; for several threads."""

    def __init__(self, seconds: float, find: Callable[[], T]) -> None:
        self._seconds, self._find = seconds, find
        self._found: tuple[float, T] | None = None
        self._lock = threading.Lock()

    def __call__(self) -> T:
        with self._lock:
            now = time.monotonic()
            if self._found is None or now - self._found[0] > self._seconds:
                self._found = (now, self._find())
            return self._found[1]

    def forget(self) -> None:
        """Find it again the next time: something was changed on purpose."""
        with self._lock:
            self._found = None


@dataclass(frozen=True, slots=True)
class Sources:
    """``customer`` is this process's own; ``status`` and ``checks`` are what the two commands say, some seconds old at most."""

    config: Config
    environ: Mapping[str, str]
    clock: Clock
    answers: Answers
    newest: NewestEvents
    snapshots: SnapshotStore
    pause: Pause
    status: KeptFor[StatusDocument]
    checks: KeptFor[list[Check]]
    customer: Callable[[], str]
    search: Callable[..., SearchAnswer]
    artifacts: Callable[[], Artifacts]


def sources_of(service: ActivityService) -> Sources:
    """Those of this service; what is not needed for every page is made when a view asks for it."""
    newest = NewestEvents(service.queue.directory)
    return Sources(
        config=service.config,
        environ=service.environ,
        clock=service.clock,
        answers=Answers(service.adapter, newest.committed, service.clock),
        newest=newest,
        snapshots=service.snapshots,
        pause=Pause(service.config.home, service.log, service.clock),
        status=KeptFor(STATUS_FOR_S, service.status),
        checks=KeptFor(CHECKS_FOR_S, partial(checks_of, service)),
        customer=lambda: service.recall.scope(None, None)[0],
        search=service.search,
        artifacts=lambda: service.artifacts,
    )
