"""Starting and resting: what a server costs before its first answer, at its first answer, and while idle.

handshake     from the start of the process to its first answers (``handshake``), in turn with two other servers
first call    the first ``get_context`` of a new process, from the snapshot on disk, beside the bare server's first call
calls         get_context beside a call of the TypeScript memory server (``memory_calls``)
log_event     durable, beside a round trip of the bare server plus 1.3 times a write and fdatasync of as many bytes
idle          processor and memory of a server that leads and of one that does not, beside the bare server (Linux)
"""

from __future__ import annotations

import os
import time
from statistics import median
from typing import TYPE_CHECKING

from ..fs import LOCAL
from .handshake import measure_handshake
from .loop import FLOOR, SERVER
from .measured import Measured, against
from .memory_calls import measure_calls
from .queue_process import line
from .raw_client import RawClient

if TYPE_CHECKING:
    from collections.abc import Mapping

SYNC_SHARE = 1.3
_EVENT = {"event_name": "tool_event", "feature_json": {"tool_name": "Bash", "success": True, "latency_ms": 12}}


def measure(environ: Mapping[str, str], *, starts: int = 10, calls: int = 300, idle_s: float = 20.0) -> list[Measured]:
    """All of it, in one home whose snapshot an earlier server has left."""
    _leave_a_snapshot(environ)
    return [
        *measure_handshake(environ, starts),
        *starting(environ, starts),
        *measure_calls(environ, calls),
        log_event(environ, calls),
        *idle(environ, idle_s),
    ]


def _leave_a_snapshot(environ: Mapping[str, str]) -> None:
    with RawClient(SERVER, ["serve"], environ=environ) as server:
        for number in range(20):
            features = {"operation": "edit", "file_path": f"/work/shop/part_{number}.py"}
            server.call("log_event", {"event_name": "file_event", "feature_json": features})
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            answer = server.call("get_context", {})["structuredContent"]
            if answer["freshness"] == "fresh" and not answer["pending_local"] and answer["context"].get("watermark"):
                break
            time.sleep(0.05)


def starting(environ: Mapping[str, str], starts: int) -> list[Measured]:
    """Medians from the start to the end of the first call, each in turn with the floor."""
    first: list[float] = []
    bare_first: list[float] = []
    for _ in range(starts):
        with RawClient(SERVER, ["serve"], environ=environ) as server:
            first.append(server.start_ms + server.timed("get_context", {"max_bytes": 2048}))
        with RawClient(FLOOR, environ=environ) as floor:
            bare_first.append(floor.start_ms + floor.timed("nothing", {}))
    return [
        against(
            "start → first get_context, 2 KB from the disk; floor: start → the bare server's first call",
            median(first),
            median(bare_first),
            "ms",
            at_most=0.2,
        ),
    ]


def log_event(environ: Mapping[str, str], calls: int) -> Measured:
    """Medians, in turn: the durable tool, the tool that does nothing, the bare write with its sync."""
    event, path = line(0), f"{environ['ACTIVITY_HOME']}/bare"
    LOCAL.publish(path, b"")
    fd = LOCAL.open_append(path)
    ours: list[float] = []
    trips: list[float] = []
    syncs: list[float] = []
    try:
        with RawClient(SERVER, ["serve"], environ=environ) as server, RawClient(FLOOR, environ=environ) as floor:
            for _ in range(calls):
                ours.append(server.timed("log_event", dict(_EVENT)))
                trips.append(floor.timed("nothing", {}))
                began = time.perf_counter()
                LOCAL.write(fd, event)
                LOCAL.sync(fd)
                syncs.append((time.perf_counter() - began) * 1000)
                time.sleep(0.002)
    finally:
        LOCAL.close(fd)
    floor_ms = median(trips) + SYNC_SHARE * median(syncs)
    what = f"durable log_event; floor: the bare round trip + {SYNC_SHARE} × (write + fdatasync)"
    return against(what, median(ours), floor_ms, "ms", at_most=1)


def idle(environ: Mapping[str, str], seconds: float) -> list[Measured]:
    """A server that leads, one that is ready, and the bare one, side by side, all idle."""
    with (
        RawClient(SERVER, ["serve"], environ=environ) as leads,
        RawClient(FLOOR, environ=environ) as bare,
    ):
        leads.call("get_context", {})
        bare.call("nothing", {})
        _wait_for_a_flush(leads)
        with RawClient(SERVER, ["serve"], environ=environ) as ready:
            ready.call("get_context", {})
            time.sleep(0.75 * seconds)  # at rest: ten seconds after the last flush it looks less often
            before = [_cpu_s(client.pid) for client in (leads, ready)]
            time.sleep(seconds)
            used = [100 * (_cpu_s(client.pid) - was) / seconds for client, was in zip((leads, ready), before, strict=True)]
            memory = [_memory_mb(client.pid) for client in (leads, ready, bare)]
    rows = []
    for name, share, megabytes in (("that leads", used[0], memory[0]), ("that does not", used[1], memory[1])):
        rows.append(
            Measured(f"idle server {name}: processor, over {seconds:g} s", share, "%", target="≤ 0.5 %", met=share <= 0.5)
        )
        limit = memory[2] + 100 if name == "that leads" else memory[2] / 2
        target, met = ("≤ floor + 100 MB" if name == "that leads" else "≤ 0.5 × floor"), megabytes <= limit
        what = f"idle server {name}: memory; floor: the bare server"
        rows.append(Measured(what, megabytes, "MB", memory[2], megabytes / memory[2], target, met))
    return rows


def _wait_for_a_flush(server: RawClient) -> None:
    """Until the server has led through a flush, so that all it loads for it is loaded."""
    server.call("log_event", dict(_EVENT))
    before = server.call("get_context", {})["structuredContent"]["context"].get("watermark")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if server.call("get_context", {})["structuredContent"]["context"].get("watermark") != before:
            return
        time.sleep(0.1)


def _cpu_s(pid: int) -> float:
    """Seconds of processor that all threads of a process have used: schedstat, for a tick of stat is too coarse at rest."""
    tasks = f"/proc/{pid}/task"
    return sum(int(LOCAL.read(f"{tasks}/{task}/schedstat").split()[0]) for task in os.listdir(tasks)) / 1e9


def _memory_mb(pid: int) -> float:
    lines = LOCAL.read(f"/proc/{pid}/status").splitlines()
    return next(int(text.split()[1]) for text in lines if text.startswith(b"VmRSS")) / 1024
