"""How long tests wait for other threads and processes: as long as a slow machine may need, for all of them in one place."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 120.0
"""What takes longer hangs. On an idle machine nothing takes a tenth of it."""


def until(condition: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    """Wait for other threads or processes, looking often; what never comes true fails."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)
