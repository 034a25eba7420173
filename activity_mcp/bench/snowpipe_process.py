"""What ``bench snowpipe`` measures in a process of its own: the writer alone, with the stand-in as another process."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from ..clock import SYSTEM_CLOCK
from ..fs import LOCAL
from ..queue import QueueWriter, open_queue
from ..service import ActivityService
from ..warehouse.snowflake import SnowflakeWarehouse
from .queue_process import GROUP, MAX_BYTES, line, peak_mb

if TYPE_CHECKING:
    from ..flusher import Flusher

_TURN_S = 0.2


class _Simulated:
    """The system's clock, moved forward at will."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def time_us(self) -> int:
        return SYSTEM_CLOCK.time_us() + round(self.ahead_s * 1e6)

    def monotonic(self) -> float:
        return SYSTEM_CLOCK.monotonic() + self.ahead_s


def main(request: dict[str, Any]) -> dict[str, Any]:
    LOCAL.ensure_directory(request["home"])
    started = importlib.import_module("standins.started")
    service = started.StandIn(started.Path(request["home"]))
    os.environ["SSL_CERT_FILE"] = str(service.authority)  # before the SDK makes its first client
    try:
        if request["what"] == "drain":
            return drain(service, request["home"], request["events"])
        return outage(service, request["events"], request["outage_s"])
    finally:
        service.kill()


def drain(service: Any, home: str, events: int) -> dict[str, Any]:
    queue = f"{home}/queue"
    _fill(f"{home}/first", 100)
    _fill(queue, events)
    first, flusher = _flusher(service, f"{home}/first", "FIRST"), _flusher(service, queue, "DRAIN")
    first.step()
    sdk_mb = _resident_mb()
    _forget_peak()
    began = time.perf_counter()
    while flusher.step(max_rows=SnowflakeWarehouse.batch_rows).more:
        pass
    elapsed = time.perf_counter() - began
    return {
        "stored": len(service.rows("DRAIN")),
        "elapsed_s": elapsed,
        "sdk_mb": sdk_mb,
        "grown_mb": peak_mb_since(sdk_mb),
    }


def outage(service: Any, events: int, outage_s: float) -> dict[str, Any]:
    """A leader's turns through the simulated time, an append now and then; then the service returns."""
    clock = _Simulated()
    errors: list[BaseException] = []
    environ = dict(os.environ) | {"SNOW_CONNECTION": "bench", "BACKPRESSURE_THRESHOLD": "120000"}
    recorder = ActivityService.from_environ(environ, clock=clock, on_error=errors.append)
    named = service.connection("OUTAGE")
    recorder.__dict__["warehouse"] = SnowflakeWarehouse(lambda: named, clock=clock)
    recorder.prepare_leader()
    leader = recorder.leader
    if leader is None:
        raise RuntimeError("there is no leader")
    service.kill()
    turns = round(outage_s / _TURN_S)
    every, slowest, logged, cpu = max(1, turns // events), 0.0, 0, 0.0
    for turn in range(turns):
        if turn % every == 0 and logged < events:
            began = time.perf_counter()
            recorder.log("tool_event", {"tool_name": "Bash", "success": True}, activity_id=f"id-{logged}")
            slowest, logged = max(slowest, time.perf_counter() - began), logged + 1
        began = time.process_time()
        leader.turn()
        cpu += time.process_time() - began
        clock.ahead_s += _TURN_S
    attempts = len(errors)
    service.start()
    for _ in range(600):
        leader.turn()
        if not recorder.writer.uncommitted_bytes():
            break
        clock.ahead_s += _TURN_S
    recorder.close()
    stored = sum(row["EVENT_NAME"] == "tool_event" for row in service.rows("OUTAGE"))
    return {"cpu_s": cpu, "attempts": attempts, "slowest_append_ms": slowest * 1000, "stored": stored}


def _flusher(service: Any, directory: str, database: str) -> Flusher:
    from ..activity import Origin
    from ..flusher import Flusher

    named = service.connection(database)
    channel = open_queue(directory, sink="bench").queue_id
    return Flusher(directory, channel, SnowflakeWarehouse(lambda: named), Origin("ada@example.com", "mcp"))


def _fill(directory: str, events: int) -> None:
    event = line(0)
    writer = QueueWriter(directory, sink="bench", max_bytes=MAX_BYTES, durability="none")
    for start in range(0, events, GROUP):
        writer.append([event] * min(GROUP, events - start))
    writer.close()


def _resident_mb() -> float:
    text = LOCAL.read("/proc/self/status").decode("ascii", "replace")
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024


def _forget_peak() -> None:
    """Begin the kernel's high-water mark of this process anew (Linux)."""
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def peak_mb_since(before_mb: float) -> float:
    return max(0.0, peak_mb() - before_mb)


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))), flush=True)  # noqa: T201 - the benchmark reads it
