"""What the whole loop costs: the measurements that ``activity-mcp demo`` prints as well.

get_context p50/p95   a raw client against a server with flusher and background load, interleaved with the floor
visible               log_event through one server until get_context of another one shows it
flush                 1,000 events from the queue into the warehouse, as ``activity-mcp flush`` does it
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

from ..draining import Drainer
from ..service import ActivityService
from .measured import Measured, against, bounded, percentile
from .raw_client import RawClient

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVER = "activity_mcp"
FLOOR = "activity_mcp.bench.floor_server"


def measure(environ: Mapping[str, str]) -> list[Measured]:
    """All three, one after the other in the same home."""
    return [*measure_context(environ), measure_visibility(environ), measure_flush(environ)]


def measure_context(environ: Mapping[str, str], *, calls: int = 400, load: float = 100.0) -> list[Measured]:
    """get_context against the no-op floor, interleaved, with ``load`` events a second appended meanwhile."""
    pacer = subprocess.Popen(
        [sys.executable, "-m", "activity_mcp.bench.pacer", str(load)], stdin=subprocess.PIPE, env=dict(environ)
    )
    try:
        with RawClient(SERVER, ["serve"], environ=environ) as ours, RawClient(FLOOR, environ=environ) as floor:
            arguments = {"max_bytes": 2048}
            _settle(ours, arguments)
            times: list[float] = []
            floors: list[float] = []
            for _ in range(calls):
                times.append(ours.timed("get_context", arguments))
                floors.append(floor.timed("nothing", {}))
                time.sleep(0.004)  # a client that thinks between calls; back to back the load would get no turn
    finally:
        if pacer.stdin is not None:
            pacer.stdin.close()
        pacer.wait(10)
    return [_compared("get_context p50", times, floors, 0.5), _compared("get_context p95", times, floors, 0.95)]


def _settle(client: RawClient, arguments: dict[str, int]) -> None:
    """Until the server answers from a verified snapshot and has been through its first flush."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        answer = client.call("get_context", arguments)["structuredContent"]
        if answer["freshness"] == "fresh":
            break
        time.sleep(0.05)
    for _ in range(50):
        client.call("get_context", arguments)


def _compared(what: str, times: list[float], floors: list[float], share: float) -> Measured:
    mine, floor = percentile(times, share), percentile(floors, share)
    below = 25 if share == 0.95 else None
    return against(f"{what}, 2 KB, 100 events/s beside it", mine, floor, "ms", at_most=1.5, below=below)


def measure_visibility(environ: Mapping[str, str], *, rounds: int = 25) -> Measured:
    """An event logged through one server, until another server's get_context shows it."""
    waits = []
    with RawClient(SERVER, ["serve"], environ=environ) as writer, RawClient(SERVER, ["serve"], environ=environ) as reader:
        _settle(reader, {"max_bytes": 8192})
        for number in range(rounds):
            name = f"visible-{number}-{time.monotonic_ns()}"
            features = {"tool_name": name, "success": False, "error": "made up, to be seen"}
            began = time.perf_counter()
            writer.call("log_event", {"event_name": "tool_event", "feature_json": features, "project": "/work/visible"})
            while not _shows(reader, name):
                if time.perf_counter() - began > 30:
                    break
                time.sleep(0.002)
            waits.append(time.perf_counter() - began)
    return bounded("log_event here → get_context there, p95", percentile(waits, 0.95) * 1000, "ms", below=5000)


def _shows(reader: RawClient, name: str) -> bool:
    answer = reader.call("get_context", {"project": "/work/visible", "context_type": "engineer"})["structuredContent"]
    return any(error.get("name") == name for error in answer["context"].get("recent_errors", []))


def measure_flush(environ: Mapping[str, str], *, events: int = 1000) -> Measured:
    """Queue to warehouse, the opening and closing of the file and the refresh of the contexts included.

    In a process that has flushed before, as a server has: the first flush also imports DuckDB and parses the refresh sequence.
    """
    service = ActivityService.from_environ(environ, source="cli")
    try:
        service.log("tool_event", {"tool_name": "Flush", "success": True}, project="/work/flush")
        Drainer(service).drain(30)
        origin = service.recorder.origin("cli", project="/work/flush", session_id="flush")
        made = [
            service.recorder.prepare("tool_event", {"tool_name": "Flush", "success": True, "latency_ms": n % 83}, origin)
            for n in range(events)
        ]
        service.recorder.append(made)
        drained = Drainer(service).drain(30)
    finally:
        service.close()
    return bounded(f"flush of {drained.rows} events, by a process that has flushed before", drained.elapsed_ms, "ms", below=250)
