"""The children of the kill loop that are no commands: ``python -m crash.child writer|flusher DIRECTORY …``."""

from __future__ import annotations

import itertools
import os
import random
import sys
import time
from collections.abc import Callable

from activity_mcp.activity import build
from activity_mcp.errors import OffsetConflict, QueueRefused
from activity_mcp.pipeline.flusher import Flusher
from activity_mcp.queue import QueueWriter, open_queue
from crash.remote import RemoteWarehouse
from rigs import ORIGIN


def write(directory: str, sink: str, who: str, durability: str) -> None:
    """Append for ever, and tell each id on stdout once it was acknowledged."""
    queue = QueueWriter(directory, sink=sink, durability="event" if durability == "event" else "none")
    for n in itertools.count():
        features = {"tool_name": "Bash", "success": True, "n": n, "pad": "x" * (n * 37 % 900)}
        activity = build("tool_event", features, ORIGIN, now_us=time.time_ns() // 1000, activity_id=f"{who}:{n}")
        activity.validated = True
        try:
            queue.append([activity.line()])
        except QueueRefused:
            continue
        os.write(1, f"{who}:{n}\n".encode())


def flush(directory: str, socket: str) -> None:
    """Ship for ever without asking anybody for the lease: only the compare-and-set keeps two of these exact."""
    sink, chance = RemoteWarehouse(socket), random.Random()
    channel = open_queue(directory, sink="memory").queue_id
    flusher = Flusher(directory, channel, sink, ORIGIN)
    while True:
        try:
            if not flusher.step(max_rows=chance.randint(1, 60)).more:
                time.sleep(0.002)
            if chance.random() < 0.3:
                committed = flusher.offset
                sink.fold()
                flusher.prune(committed)
        except OffsetConflict:
            flusher.forget_position()
        except QueueRefused:
            continue


if __name__ == "__main__":
    work: dict[str, Callable[..., None]] = {"writer": write, "flusher": flush}
    work[sys.argv[1]](*sys.argv[2:])
