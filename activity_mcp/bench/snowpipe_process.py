"""What ``bench snowpipe`` measures in a process of its own: the writer alone, with the stand-in as another process."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from ..activity import Origin, build
from ..clock import SYSTEM_CLOCK
from ..fs import LOCAL
from ..pipeline.flusher import Flusher
from ..queue import QueueWriter, open_queue
from ..service import ActivityService
from ..warehouse.snowflake.adapter import SnowflakeAdapter
from ..warehouse.snowflake.warehouse import SnowflakeWarehouse
from .measured import percentile
from .queue_process import GROUP, MAX_BYTES, peak_mb

if TYPE_CHECKING:
    from ..warehouse import Batch

_TURN_S = 0.2
_ORIGIN = Origin("ada@example.com", "mcp", session_id="5d6f0c1e", project="/work/shop")


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
    first, sink = _Timed(service, "FIRST"), _Timed(service, "DRAIN")
    _flusher(first, f"{home}/first").step()
    first.close()
    flusher = _flusher(sink, queue)
    sdk_mb = _resident_mb()
    _forget_peak()
    began = time.perf_counter()
    while flusher.step(max_rows=SnowflakeAdapter.capabilities.batch_rows).more:
        pass
    elapsed, peak = time.perf_counter() - began, peak_mb()
    sink.close()
    return {
        "stored": len(service.rows("DRAIN")),
        "elapsed_s": elapsed,
        "in_sink_s": sink.spent_s,
        "sdk_mb": sdk_mb,
        "grown_mb": max(0.0, peak - sdk_mb),
    }


def outage(service: Any, events: int, outage_s: float) -> dict[str, Any]:
    """A leader's turns through the simulated time, an append now and then; then the service returns."""
    clock = _Simulated()
    errors: list[BaseException] = []
    environ = dict(os.environ) | {"SNOW_CONNECTION": "bench", "BACKPRESSURE_THRESHOLD": "120000"}
    named = service.connection("OUTAGE")
    adapter = SnowflakeAdapter(lambda: named, clock=clock)
    recorder = ActivityService.from_environ(environ, clock=clock, on_error=errors.append, adapter=adapter)
    recorder.prepare_leader()
    leader = recorder.leader
    if leader is None:
        raise RuntimeError("there is no leader")
    service.kill()
    turns, cpu = round(outage_s / _TURN_S), 0.0
    every = max(1, turns // events)
    appends: list[float] = []
    bare: list[float] = []
    LOCAL.publish(f"{recorder.config.home}/bare", b"")
    fd = LOCAL.open_append(f"{recorder.config.home}/bare")
    for turn in range(turns):
        if turn % every == 0 and len(appends) < events:
            bare.append(_bare_write(fd))
            appends.append(_append(recorder, len(appends)))
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
    stored = sum(row["EVENT_NAME"] == "tool_event" for row in service.rows("OUTAGE"))
    recorder.close()
    LOCAL.close(fd)
    return {
        "cpu_s": cpu,
        "attempts": attempts,
        "append_ms": percentile(appends, 0.5) * 1000,
        "bare_write_ms": percentile(bare, 0.5) * 1000,
        "stored": stored,
    }


def _append(recorder: ActivityService, number: int) -> float:
    """Seconds until one event is on disk."""
    began = time.perf_counter()
    recorder.log("tool_event", {"tool_name": "Bash", "success": True}, activity_id=f"id-{number}")
    return time.perf_counter() - began


def _bare_write(fd: int) -> float:
    """Seconds for the same number of bytes without our code: the floor, in turn with each append."""
    began = time.perf_counter()
    LOCAL.write(fd, b"x" * 500)
    LOCAL.sync(fd)
    return time.perf_counter() - began


class _Timed(SnowflakeWarehouse):
    """The warehouse, with the time spent in ``append``."""

    def __init__(self, service: Any, database: str) -> None:
        named = service.connection(database)
        super().__init__(lambda: named)
        self.spent_s = 0.0

    def append(self, batch: Batch) -> None:
        began = time.perf_counter()
        super().append(batch)
        self.spent_s += time.perf_counter() - began


def _flusher(sink: SnowflakeWarehouse, directory: str) -> Flusher:
    return Flusher(directory, open_queue(directory, sink="bench").queue_id, sink, _ORIGIN)


def _fill(directory: str, events: int) -> None:
    """Events of a tool call each, validated as those of a server are."""
    features = {"tool_name": "Bash", "success": True, "latency_ms": 12.5, "parameters": {"command": "pytest -q " + "x" * 200}}
    activity = build("tool_event", features, _ORIGIN, now_us=SYSTEM_CLOCK.time_us())
    activity.validated = True
    event = activity.line()
    writer = QueueWriter(directory, sink="bench", max_bytes=MAX_BYTES, durability="none")
    for start in range(0, events, GROUP):
        writer.append([event] * min(GROUP, events - start))
    writer.close()


def _resident_mb() -> float:
    text = LOCAL.read("/proc/self/status").decode("ascii", "replace")
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024


def _forget_peak() -> None:
    """Reset the kernel's high-water mark of this process (Linux)."""
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))), flush=True)  # noqa: T201 - the benchmark reads it
