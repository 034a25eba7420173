"""The processes of the queue's benchmark. ``python -m activity_mcp.bench.queue_process WHAT DIRECTORY …`` runs one.

append DIRECTORY N MS   prints that it is up, waits for a line, appends N events with ``interval:MS``, prints its span
crash DIRECTORY N       appends N events and kills itself in the middle of the next, append.lock held
recover DIRECTORY T     appends one event durably and prints how long that took since T (monotonic: one clock for all processes)
ship DIRECTORY          ships all there is, in a server's batches, to a sink that keeps nothing; prints its rows and peak memory
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from ..activity import Origin, build
from ..fs import LOCAL, FileSystem
from ..queue import QueueReader, QueueWriter, read_queue
from ..warehouse.base import UNBOUNDED

if TYPE_CHECKING:
    from ..warehouse import Batch, LeftOut
    from ..warehouse.base import Folded

MAX_BYTES = 1 << 40
"""No cap: what is measured is the appends, not the refusals."""
GROUP = 100
_ORIGIN = Origin(
    "ada@example.com", "hook", anonymous_customer_id="host_0123456789", session_id="5d6f0c1e", project="/work/shop"
)


def line(number: int) -> bytes:
    """One event as the queue holds it, about 480 bytes."""
    features = {"tool_name": "Bash", "success": True, "latency_ms": number % 97, "parameters": {"command": "pytest -q tests"}}
    return build("tool_event", features, _ORIGIN, now_us=1_800_000_000_000_000 + number).line()


def append(directory: str, events: int, interval_ms: float) -> None:
    event = line(0)
    writer = QueueWriter(directory, sink="bench", max_bytes=MAX_BYTES, durability=("interval", interval_ms), lock_timeout=30)
    _tell(up=True)
    sys.stdin.readline()
    began = time.monotonic()
    for _ in range(events):
        writer.append([event])
    _tell(start=began, end=time.monotonic())
    writer.close()


def crash(directory: str, events: int) -> None:
    disk = _Torn()
    writer = QueueWriter(directory, sink="bench", max_bytes=MAX_BYTES, durability="none", fs=disk)
    for start in range(0, events, GROUP):
        writer.append([line(number) for number in range(start, min(start + GROUP, events))])
    disk.tears = True
    writer.append([line(events)])


class _Torn(FileSystem):
    """The real disk; once it ``tears``, the process dies in the middle of its next write."""

    tears = False

    def write(self, fd: int, data: bytes) -> int:
        if self.tears:
            super().write(fd, data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return super().write(fd, data)


def recover(directory: str, since: float) -> None:
    event, began = line(0), time.monotonic()
    writer = QueueWriter(directory, sink="bench", max_bytes=MAX_BYTES)
    writer.append([event])
    now = time.monotonic()
    _tell(ms=(now - since) * 1000, append_ms=(now - began) * 1000)
    writer.close()


def ship(directory: str) -> None:
    from ..pipeline.flusher import Flusher

    info = read_queue(directory)
    if info is None:
        raise RuntimeError(f"there is no queue in {directory}")
    sink = _Nowhere()
    flusher = Flusher(directory, info.queue_id, sink, _ORIGIN)
    while flusher.step().more:
        pass
    if QueueReader(directory).backlog(flusher.offset).events > 1:  # the torn line of the live segment waits for its end
        raise RuntimeError("not everything was shipped")
    _tell(rows=sink.rows, peak_mb=peak_mb())


class _Nowhere:
    """A sink that counts and keeps nothing, so that what grows is the queue's."""

    batch_weight = UNBOUNDED

    def __init__(self) -> None:
        self.rows = 0
        self._offset: str | None = None

    def committed(self, channel_id: str) -> str | None:
        return self._offset

    def highest_offset(self, channel_id: str) -> str | None:
        return self._offset

    def append(self, batch: Batch) -> None:
        self.rows += len(batch.rows)
        self._offset = batch.offset

    def fold(self) -> Folded:
        from ..warehouse.base import Folded

        return Folded()

    def left_out(self, channel_id: str) -> LeftOut:
        from ..warehouse import LeftOut

        return LeftOut(0, "")

    def release(self) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """Nothing is held."""


def peak_mb() -> float:
    """The most memory this process ever had resident. Linux's own high-water mark: ``ru_maxrss`` begins with the parent's."""
    try:
        status = LOCAL.read("/proc/self/status").decode("ascii", "replace")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    except (OSError, ValueError, IndexError):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def _tell(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)  # noqa: T201 - the benchmark reads it


def main(arguments: list[str]) -> None:
    what, directory, *rest = arguments
    if what == "append":
        append(directory, int(rest[0]), float(rest[1]))
    elif what == "crash":
        crash(directory, int(rest[0]))
    elif what == "recover":
        recover(directory, float(rest[0]))
    else:
        ship(directory)


if __name__ == "__main__":
    main(sys.argv[1:])
