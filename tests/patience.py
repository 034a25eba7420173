"""How long tests wait for other threads and processes: as long as a slow machine may need, for all of them in one place."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

PATIENCE_S = 300.0
"""What takes longer hangs. On an idle machine nothing takes a twentieth of it."""
TRIES = 5


def until(condition: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    """Wait for other threads or processes, looking often; what never comes true fails."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def takes_less_than(seconds: float, attempt: Callable[[], float]) -> bool:
    """Whether one of five tries does: ``attempt`` begins anew each time, and returns the seconds that it took.

    A machine with other work holds some of them up, a product that is too slow all. What the product gives only to those who
    leave it time, an attempt asserts where it had that time.
    """
    return any(attempt() < seconds for _ in range(TRIES))


def places_in(directory: Path) -> Iterator[Path]:
    """An empty directory for each try."""
    for number in itertools.count(1):
        made = directory / f"try-{number}"
        made.mkdir()
        yield made
