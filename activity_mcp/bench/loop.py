"""What the whole loop costs: the measurements that ``activity-mcp demo`` prints as well.

get_context p50/p95   a raw client against a server with flusher and background load, interleaved with the floor
visible               log_event through one server until get_context of another one shows it: by the overlay, and then out of
                      the warehouse's context, with nothing pending any more
flush                 1,000 events from the queue into the warehouse, as ``activity-mcp flush`` does it
"""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from ..operations.drain import Drainer
from ..service import ActivityService
from .measured import Measured, against, bounded, percentile
from .raw_client import RawClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SERVER = "activity_mcp"
FLOOR = "activity_mcp.bench.floor_server"


def measure(environ: Mapping[str, str], *, calls: int = 400, events_seen: int = 25, flushes: int = 5) -> list[Measured]:
    """All three, one after the other in the same home."""
    return [
        *measure_context(environ, calls=calls),
        *measure_visibility(environ, rounds=events_seen),
        measure_flush(environ, rounds=flushes),
    ]


def measure_context(environ: Mapping[str, str], *, calls: int = 400, load: float = 100.0) -> list[Measured]:
    """get_context against the no-op floor, interleaved, with ``load`` events a second appended meanwhile."""
    with (
        pacing(environ, load),
        RawClient(SERVER, ["serve"], environ=environ) as ours,
        RawClient(FLOOR, environ=environ) as floor,
    ):
        arguments = {"max_bytes": 2048}
        _settle(ours, arguments)
        times: list[float] = []
        floors: list[float] = []
        for _ in range(calls):
            times.append(ours.timed("get_context", arguments))
            floors.append(floor.timed("nothing", {}))
            time.sleep(0.004)  # a client that thinks between calls; back to back the load would get no turn
    return [_compared("get_context p50", times, floors, 0.5), _compared("get_context p95", times, floors, 0.95)]


@contextmanager
def pacing(environ: Mapping[str, str], load: float = 100.0) -> Iterator[None]:
    """A process appends ``load`` events a second meanwhile."""
    command = [sys.executable, "-m", "activity_mcp.bench.pacer", str(load)]
    pacer = subprocess.Popen(command, stdin=subprocess.PIPE, env=dict(environ))
    try:
        yield
    finally:
        if pacer.stdin is not None:
            pacer.stdin.close()
        pacer.wait(10)


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
    at_most, below = (1.5, 25) if share == 0.95 else (1.0, None)
    return against(f"{what}, 2 KB, 100 events/s beside it", mine, floor, "ms", at_most=at_most, below=below)


def measure_visibility(environ: Mapping[str, str], *, rounds: int = 25) -> list[Measured]:
    """An event logged through one server, until another server's get_context shows it, and until its snapshot holds it."""
    seen: list[float] = []
    stored: list[float] = []
    with RawClient(SERVER, ["serve"], environ=environ) as writer, RawClient(SERVER, ["serve"], environ=environ) as reader:
        _settle(reader, {"max_bytes": 8192})
        for number in range(rounds):
            name = f"visible-{number}-{time.monotonic_ns()}"
            features = {"tool_name": name, "success": False, "error": "made up, to be seen"}
            before = _context(reader).get("watermark")
            began = time.perf_counter()
            writer.call("log_event", {"event_name": "tool_event", "feature_json": features, "project": "/work/visible"})
            seen.append(_until(reader, partial(_shows, name), began))
            stored.append(_until(reader, partial(_has_moved, before), began))  # nothing else is logged that could move it
    return [
        bounded("log_event here → get_context there, p95", percentile(seen, 0.95) * 1000, "ms", below=5000),
        bounded("   and out of the warehouse's context, p95", percentile(stored, 0.95) * 1000, "ms", below=5000),
    ]


def _until(reader: RawClient, condition: Callable[[dict[str, Any]], bool], began: float) -> float:
    """Seconds from ``began`` until the context is as expected; half a minute at the most."""
    while not condition(_context(reader)) and time.perf_counter() - began < 30:
        time.sleep(0.002)
    return time.perf_counter() - began


def _shows(name: str, context: dict[str, Any]) -> bool:
    return any(error.get("name") == name for error in context.get("recent_errors", []))


def _has_moved(before: object, context: dict[str, Any]) -> bool:
    return context.get("watermark") != before


def _context(reader: RawClient) -> dict[str, Any]:
    answer = reader.call("get_context", {"project": "/work/visible", "context_type": "engineer"})["structuredContent"]
    context: dict[str, Any] = answer["context"]
    return context


def measure_flush(environ: Mapping[str, str], *, events: int = 1000, rounds: int = 5) -> Measured:
    """Queue to warehouse, the opening and closing of the file and the refresh of the contexts included; the median.

    In a process that has flushed before, as a server has: the first flush also imports DuckDB and parses the refresh sequence.
    What this process has imported is out of the collector's sight, as it is in a server.
    """
    service = ActivityService.from_environ(environ, source="cli")
    gc.collect()
    gc.freeze()
    try:
        origin = service.recorder.origin("cli", project="/work/flush", session_id="flush")
        took = []
        for number in range(rounds + 1):
            made = [
                service.recorder.prepare("tool_event", {"tool_name": "Flush", "success": True, "latency_ms": n % 83}, origin)
                for n in range(events if number else 1)
            ]
            service.recorder.append(made)
            took.append(Drainer(service).drain(30).elapsed_ms)
    finally:
        gc.unfreeze()
        service.close()
    what = f"flush of {events:,} events, median of {rounds}, by a process that has flushed before"
    return bounded(what, percentile(took[1:], 0.5), "ms", below=250)
