"""Background load: appends so many events a second to this environment's queue until stdin closes. ``python -m`` runs it."""

from __future__ import annotations

import sys
import threading
import time

from ..service import ActivityService


def pace(per_second: float) -> None:
    """Append until stdin closes; the events are tool events of their own session."""
    service = ActivityService.from_environ(source="cli")
    closed = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        closed.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    number, due = 0, time.monotonic()
    while not closed.wait(max(0.0, due - time.monotonic())):
        features = {"tool_name": "Pacer", "success": True, "latency_ms": number % 97}
        service.log("tool_event", features, project="/work/pacer")
        number, due = number + 1, due + 1 / per_second
    service.close()


if __name__ == "__main__":
    pace(float(sys.argv[1]))
