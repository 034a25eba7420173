"""What the whole loop costs: the measurements that ``activity-mcp demo`` prints.

get_context p50/p95   a raw client against a server with flusher and background load, interleaved with the floor
visible               log_event through one server until get_context of another one shows it
flush                 1,000 events from the queue into the warehouse, as ``activity-mcp flush`` does it
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..draining import Drainer
from ..service import ActivityService
from .raw_client import RawClient, percentile

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVER = "activity_mcp"
FLOOR = "activity_mcp.bench.floor_server"


@dataclass(frozen=True, slots=True)
class Measured:
    """One line of the table: what, the value, its floor in the same run (if it has one), the target, and whether it is met."""

    what: str
    value: str
    floor: str
    target: str
    met: bool


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
    met = mine <= 1.5 * floor and mine < 25 if share == 0.95 else mine <= 1.5 * floor
    target = "≤ 1.5 × floor, < 25 ms" if share == 0.95 else "≤ 1.5 × floor"
    beside = f"{floor:.2f} ms, {mine / floor:.2f} ×"
    return Measured(f"{what}, 2 KB, 100 events/s beside it", f"{mine:.2f} ms", beside, target, met)


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
    worst = percentile(waits, 0.95)
    return Measured("log_event here → get_context there, p95", f"{worst * 1000:.0f} ms", "", "< 5 s", worst < 5)


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
    return Measured(
        f"flush of {drained.rows} events, by a process that has flushed before",
        f"{drained.elapsed_ms:.0f} ms",
        "",
        "< 250 ms",
        drained.elapsed_ms < 250,
    )
