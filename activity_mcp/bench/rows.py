"""From lines of the queue to rows of the warehouse: how much of it is DuckDB's own work, and how long it can go on.

flush    1,000 and 10,000 events, the file opened and closed, beside DuckDB's appender alone on as many rows; lines validated by
         their writer, and lines as a hook writes them, which the flusher validates; and what such a flush consists of
record   redact, build, validate and write as a line, beside the same by a redactor that forgets
drain    100,000 events that wait, contexts folded: events a second
ingest   a process that appends as fast as it is let, and one that flushes, for a minute: events a second, and the memory of
         the one that flushes; and what an event costs each of the two in processor time, part by part
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

import orjson

from ..activity import derived_id
from ..clock import iso
from ..config import read_config
from ..operations.drain import Drainer
from ..pipeline.plain_rows import rows_of_lines
from ..queue import QueueReader
from ..recording.recorder import Recorder
from ..service import ActivityService
from ..warehouse.base import COLUMNS, Batch
from .measured import Measured, against, bounded
from .queue_process import peak_mb
from .stopwatch import Stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


EVENTS = (1_000, 10_000)
WAITING = 100_000
_MAX_RATIOS = {True: (1.5, 2.3), False: (2.0, 3.0)}
"""A flush beside DuckDB's appender: of few and of many lines, validated by their writer or not."""
GROUP = 500
ENOUGH_WAITING = 20_000_000
"""Bytes in the queue at which the writer rests: it must not run into the cap."""


def measure(
    environ: Mapping[str, str],
    *,
    events: tuple[int, int] = EVENTS,
    rounds: int = 5,
    waiting: int = WAITING,
    ingest_s: float = 60.0,
) -> list[Measured]:
    return [
        *(row for number, size in enumerate(events) for row in flushes(environ, size, rounds, number)),
        *parts(environ, events[-1], rounds),
        recording(environ, events[-1]),
        drain(environ, waiting),
        *ingest(environ, ingest_s),
    ]


def flushes(environ: Mapping[str, str], events: int, rounds: int, size: int) -> list[Measured]:
    """Medians, in turn, each round into the same warehouse and the same bare table. What was appended is folded in between."""
    home = f"{environ['ACTIVITY_HOME']}/{events}"
    service = ActivityService.from_environ({**environ, "ACTIVITY_HOME": home}, source="cli")
    bare_path = f"{home}/bare.duckdb"
    taken: dict[bool, list[float]] = {True: [], False: []}
    bare: list[float] = []
    try:
        for number in range(rounds + 1):  # the first one also imports DuckDB, and learns where the queue is
            for is_validated, times in taken.items():
                _append(service, events, 2 * number + is_validated, is_validated=is_validated)
                times.append(Drainer(service).drain(120, verify=False).elapsed_ms)
                Drainer(service).drain(120)
            bare.append(_appender_alone(bare_path, _rows(service, events, number)))
    finally:
        service.close()
    names = {True: "lines validated by their writer", False: "lines of hooks"}
    return [
        against(
            f"flush of {events:,} {names[is_validated]}; floor: DuckDB's appender alone",
            median(times[1:]),
            median(bare[1:]),
            "ms",
            at_most=_MAX_RATIOS[is_validated][size],
        )
        for is_validated, times in taken.items()
    ]


def parts(environ: Mapping[str, str], events: int, rounds: int) -> list[Measured]:
    """What a flush and its fold consist of, one part after the other; medians. The transaction holds rows and offset."""
    home = {**environ, "ACTIVITY_HOME": f"{environ['ACTIVITY_HOME']}/parts"}
    service = ActivityService.from_environ(home, source="cli")
    taken: dict[str, list[float]] = {}

    def timed(part: str, work: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        made = work()
        taken.setdefault(part, []).append((time.perf_counter() - began) * 1000)
        return made

    reader, at, channel_id = QueueReader(service.queue.directory, loads=orjson.loads), None, "parts"
    try:
        for number in range(rounds + 1):  # the first one also imports DuckDB and parses the refresh sequence
            _append(service, events, 100 + number, is_validated=True)
            lines = timed("reading lines and checking them", partial(reader.read_plain, at, 1 << 30, events))
            rows = timed("making rows of them", partial(rows_of_lines, lines, channel_id))
            batch = Batch(
                channel_id, timed("opening the file", partial(service.warehouse.committed, channel_id)), str(lines.end), rows
            )
            timed("the transaction", partial(service.warehouse.append, batch))
            timed("closing the file", service.warehouse.release)
            if (feed := service.finding.feed) is not None:
                timed("taking them into the search index later", feed.take_unfolded)
            timed("folding them later", service.warehouse.fold)
            at = lines.end
    finally:
        service.close()
    return [Measured(f"   {part}, {events:,} lines", median(times[1:]), "ms") for part, times in taken.items()]


def recording(environ: Mapping[str, str], events: int) -> Measured:
    """Microseconds of processor time an event, the better of three turns each."""
    config = read_config(environ)
    taken: dict[bool, list[float]] = {True: [], False: []}
    service = ActivityService.from_environ(environ, source="cli")
    try:
        for remembers in (True, False) * 3:
            recorder = Recorder(
                service.writer,
                config.redactor(remembers=remembers),
                service.identity,
                org_id=None,
                clock=service.clock,
                dumps=orjson.dumps,
            )
            origin = recorder.origin("cli", project="/work/rows", session_id="rows")
            began = time.process_time()
            for number in range(events):
                recorder.prepare("tool_event", _features(number), origin).line(orjson.dumps)
            taken[remembers].append((time.process_time() - began) / events * 1e6)
    finally:
        service.close()
    what = "recording an event, redacted to line, processor time; floor: by a redactor that forgets"
    return against(what, min(taken[True]), min(taken[False]), "µs", at_most=0.5)


def drain(environ: Mapping[str, str], waiting: int) -> Measured:
    """Events a second of a queue that has gathered them, until all are in the contexts."""
    home = {**environ, "ACTIVITY_HOME": f"{environ['ACTIVITY_HOME']}/drain", "ACTIVITY_DURABILITY": "interval:100"}
    service = ActivityService.from_environ(home, source="cli")
    try:
        _append(service, 10, 0, is_validated=True)
        Drainer(service).drain(60)
        _append(service, waiting, 1, is_validated=True)
        rate = waiting / Drainer(service).drain(600).elapsed_ms * 1000
    finally:
        service.close()
    what = f"drain of {waiting:,} waiting events, contexts folded"
    return Measured(what, rate, "events/s", target="≥ 20,000 events/s", met=rate >= 2e4)


def _append(service: ActivityService, events: int, batch: int, *, is_validated: bool) -> None:
    origin = service.recorder.origin("cli", project="/work/rows", session_id=f"rows-{batch}")
    for start in range(0, events, GROUP):
        made = [service.recorder.prepare("tool_event", _features(n), origin) for n in range(start, min(start + GROUP, events))]
        for activity in made:
            activity.validated = is_validated
        service.recorder.append(made, durable=False)


def _features(number: int) -> dict[str, Any]:
    command = {"command": f"pytest -q tests/test_{number % 97}.py"}
    return {"tool_name": "Bash", "success": number % 11 > 0, "latency_ms": number % 83, "parameters": command}


def _rows(service: ActivityService, events: int, batch: int) -> list[tuple[Any, ...]]:
    now = service.clock.time_us()
    text = json.dumps(_features(5), separators=(",", ":"))
    columns = {"customer": "ada@example.com", "activity": "used_tool", "event_name": "tool_event", "source": "cli"}
    empty = dict.fromkeys(COLUMNS) | columns | {"session_id": "rows", "project": "/work/rows", "channel_id": "bare"}
    return [
        tuple({
            **empty,
            "activity_id": derived_id("tool_event", "bench", f"{batch}-{n}"),
            "ts": iso(now + n),
            "feature_json": text,
            "stream_offset": f"{batch:012d}:{n:012d}:00000000",
        }.values())
        for n in range(events)
    ]  # fmt: skip


def _appender_alone(path: str, rows: list[tuple[Any, ...]]) -> float:
    """Milliseconds to open, append, commit and close."""
    import duckdb

    began = time.perf_counter()
    connection = duckdb.connect(path, config={"threads": 1})
    kinds = ", ".join(f"{name} {'TIMESTAMP' if name == 'ts' else 'VARCHAR'}" for name in COLUMNS)
    connection.execute(f"CREATE TABLE IF NOT EXISTS bare ({kinds})")
    appender = connection.appender("bare")
    appender.append_rows(rows)
    appender.flush()
    connection.close()
    return (time.perf_counter() - began) * 1000


# --- a minute of it


def ingest(environ: Mapping[str, str], seconds: float) -> list[Measured]:
    """Events that reached the warehouse in a second, over the whole time, what was left waiting not counted."""
    home = {**environ, "ACTIVITY_HOME": f"{environ['ACTIVITY_HOME']}/ingest", "ACTIVITY_DURABILITY": "interval:100"}
    command = [sys.executable, "-m", f"{__package__}.rows"]
    shipper = subprocess.Popen([*command, "ship", str(seconds)], env=home, stdout=subprocess.PIPE)
    writer = subprocess.Popen([*command, "write", str(seconds)], env=home, stdout=subprocess.PIPE)
    try:
        shipped = json.loads(shipper.communicate(timeout=seconds + 300)[0])
        written = json.loads(writer.communicate(timeout=60)[0])
    finally:
        for process in (shipper, writer):
            process.kill()
            process.wait()
    rate = shipped["rows"] / shipped["seconds"]
    what = f"events a second into the warehouse for {seconds:g} s"
    return [
        Measured(what, rate, "events/s", target="≥ 18,000 events/s", met=rate >= 1.8e4),
        bounded("   peak memory of the process that flushes", shipped["peak_mb"], "MB", below=300),
        Measured("   processor time of an event where it is written", written["cpu_s"] / written["rows"] * 1e6, "µs"),
        *(
            Measured(f"   and where it is shipped: {part}", taken / shipped["rows"] * 1e6, "µs")
            for part, taken in shipped["cpu_s"].items()
        ),
    ]


def write(seconds: float) -> None:
    """Append groups of events, each with an id of its own, until the time is over; print how many, and their processor time."""
    service = ActivityService.from_environ(source="cli")
    origin = service.recorder.origin("cli", project="/work/rows", session_id="ingest")
    end, number, began = time.monotonic() + seconds, 0, time.process_time()
    while time.monotonic() < end:
        if service.writer.uncommitted_bytes() > ENOUGH_WAITING:
            time.sleep(0.02)
            continue
        group = [service.recorder.prepare("tool_event", _features(number + n), origin) for n in range(GROUP)]
        service.recorder.append(group)
        number += GROUP
    print(json.dumps({"rows": number, "cpu_s": time.process_time() - began}))  # noqa: T201 - this process's answer
    service.close()


def ship(seconds: float) -> None:
    """Flush the backlog until the time is over, and print rows, seconds, the peak memory, and the processor time by part."""

    service, watch = ActivityService.from_environ(source="cli"), Stopwatch()
    watch.time("appending", service.warehouse, "append")
    watch.time("folding", service.warehouse, "fold")
    watch.time("indexing", service.finding.feed, "take")
    watch.time("closing the file", service.warehouse, "release")
    rows, began, began_cpu = 0, time.monotonic(), time.process_time()
    while (now := time.monotonic()) < began + seconds:
        drained = Drainer(service).drain(120)
        rows += drained.rows
        if not drained.rows:
            time.sleep(0.05)
    cpu_s = time.process_time() - began_cpu
    service.close()
    parts = watch.seconds | {"reading lines, making rows, and all else": cpu_s - sum(watch.seconds.values())}
    answer = {"rows": rows, "seconds": now - began, "peak_mb": peak_mb(), "cpu_s": {**parts, "together": cpu_s}}
    print(json.dumps(answer))  # noqa: T201 - this process's answer


if __name__ == "__main__":
    {"write": write, "ship": ship}[sys.argv[1]](float(sys.argv[2]))
