"""What grows with the record, and what must not: warehouses of different sizes, side by side.

get_context   the same question to a server over 1 thousand, 100 thousand and 1 million activities
flush         10 events into a file of 10 thousand and one of 1 million activities, beside the same with its fold
fold          of 50 events of one customer over 10 thousand and over 1 million activities
metrics       VW_PRODUCT_METRICS of the last 24 hours, the same hours in tables of 100 thousand and of 1 million
beside folds  get_context over 1 million while folds run, beside the same server at rest
rebuilding    the contexts of 1 million activities anew: time and memory

The activities are put into the stream by SQL, the last day's the same in each, the others over the sixty days before; the
contexts are derived from them by the refresh sequence, and the search index is built, as ever. All of it takes about four
minutes on two cores at rest, and says on stderr how far it is.
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from ..config import read_config
from ..operations.drain import Drainer
from ..service import ActivityService
from .folds import asking_while_folding, rebuilding
from .loop import SERVER
from .measured import Measured, against, percentile
from .raw_client import RawClient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..warehouse.duckdb.warehouse import DuckDBWarehouse

RECENT = 5_000
"""Activities of the last 24 hours; a table smaller than this holds only such."""
SIZES = (1_000, 10_000, 100_000, 1_000_000)
METRICS = "SELECT * FROM VW_PRODUCT_METRICS WHERE hour >= DATE_TRUNC('HOUR', utc_now() - INTERVAL 24 HOUR)"
_OLDEST_DAYS = 60
_CHUNK = 50_000
_FILL = f"""
    INSERT INTO CLAUDE_STREAM_V2 (
        activity_id, ts, customer, activity, event_name, session_id, project, source, channel_id, stream_offset, loaded_at,
        hour_start, feature_json
    )
    SELECT
        CAST(uuid() AS VARCHAR), happened_at, 'customer-' || (n % 20), 'used_tool', 'tool_event', 'session-' || (n // 200),
        '/work/p' || (n % 7), 'hook', 'filled', printf('%012d:%012d:%08x', 1, n, 0), happened_at,
        DATE_TRUNC('hour', happened_at),
        json_object('tool_name', 'Tool' || (n % 9), 'success', n % 17 <> 0, 'latency_ms', n % 900)
    FROM (
        SELECT n, utc_now() - to_microseconds(CAST(CASE
            WHEN n < $recent THEN n * 86400000000 // $recent
            ELSE 86400000000 + (n - $recent) * {_OLDEST_DAYS} * 86400000000 // greatest($total - $recent, 1)
        END AS BIGINT)) AS happened_at
        FROM (SELECT $total - 1 - i AS n FROM range($start, $end) AS numbers (i))
    )
"""  # noqa: S608 - our own number


def measure(environ: Mapping[str, str], *, sizes: Sequence[int] = SIZES, calls: int = 1000, rounds: int = 7) -> list[Measured]:
    """All of them. ``sizes`` ascending: get_context over all but the second, flush and fold over the second and the last."""
    homes = {size: {**environ, "ACTIVITY_HOME": f"{environ['ACTIVITY_HOME']}/{size}"} for size in sizes}
    few, ten, hundred, million = sizes
    parts: dict[str, Callable[[], list[Measured]]] = {
        **{f"filling {size:,} activities": partial(_filled, home, size) for size, home in homes.items()},
        "asking": lambda: asking({size: homes[size] for size in (few, hundred, million)}, calls),
        "flushing": lambda: flushing({size: homes[size] for size in (ten, million)}, rounds),
        "folding": lambda: [folding(homes[ten], homes[million], ten, million, rounds)],
        "metrics": lambda: [metrics(homes[hundred], homes[million], hundred, million, rounds)],
        "rebuilding": lambda: rebuilding(homes[million], million),
        # the last: it leaves a backlog where the machine is slow
        "asking beside folds": lambda: asking_while_folding(homes[million], million, rounds),
    }
    return [row for name, part in parts.items() for row in _timed(name, part)]


def _timed(name: str, part: Callable[[], list[Measured]]) -> list[Measured]:
    """What it measures, and on stderr how long that took: the whole takes minutes."""
    began, used = time.monotonic(), time.process_time()
    rows = part()
    spent = f"{time.monotonic() - began:.0f} s, of the processor {time.process_time() - used:.0f} s"
    sys.stderr.write(f"  {name}: {spent}; load {os.getloadavg()[0]:.1f}\n")
    return rows


def _filled(environ: Mapping[str, str], size: int) -> list[Measured]:
    fill(environ, size)
    _index(environ)
    return []


def _index(environ: Mapping[str, str]) -> None:
    """Its search index, as a server builds it in slices: of a large record these would stand beside the calls."""
    service = ActivityService.from_environ(environ, source="cli")
    try:
        feed = service.finding.feed
        while feed is not None and feed.read_slice():
            pass
    finally:
        service.warehouse.release()  # the servers need its file
        service.close()


def fill(environ: Mapping[str, str], total: int, *, with_contexts: bool = True) -> None:
    """A warehouse with ``total`` activities of twenty customers over sixty days, and their contexts."""
    warehouse = _warehouse(environ)
    try:
        for start in range(0, total, _CHUNK):  # the oldest first, and no more at a time than DuckDB may hold
            with warehouse.transaction() as statements:
                end = min(start + _CHUNK, total)
                statements.execute(_FILL, {"total": total, "recent": min(RECENT, total), "start": start, "end": end})
        if with_contexts:
            with warehouse.transaction() as statements:
                statements.rebuild_contexts()
    finally:
        warehouse.close()


def _warehouse(environ: Mapping[str, str]) -> DuckDBWarehouse:
    from ..warehouse.duckdb.warehouse import DuckDBWarehouse

    return DuckDBWarehouse(read_config(environ).db, timeout_s=600)


def asking(homes: Mapping[int, Mapping[str, str]], calls: int) -> list[Measured]:
    """Medians of get_context of one customer, the servers asked in turn; the smallest is the floor."""
    clients = {size: RawClient(SERVER, ["serve"], environ=environ) for size, environ in homes.items()}
    times: dict[int, list[float]] = {size: [] for size in homes}
    arguments = {"customer": "customer-3", "max_bytes": 2048}
    try:
        for client in clients.values():
            _settle(client, arguments)
        for _ in range(calls):
            for size, client in clients.items():
                times[size].append(client.timed("get_context", arguments))
            time.sleep(0.004)
    finally:
        for client in clients.values():
            client.__exit__(None, None, None)
    floor = next(iter(times))
    return [
        against(
            f"get_context {name} over {size:,} activities; floor: {floor:,}",
            percentile(times[size], share),
            percentile(times[floor], share),
            "ms",
            at_most=1.1,
        )
        for size in list(times)[1:]
        for name, share in (("p50", 0.5), ("p95", 0.95))
    ]


def _settle(client: RawClient, arguments: dict[str, object]) -> None:
    deadline = time.monotonic() + 60
    while client.call("get_context", arguments)["structuredContent"]["freshness"] != "fresh":
        if time.monotonic() > deadline:
            raise RuntimeError("the context did not get fresh within a minute")
        time.sleep(0.1)
    for _ in range(30):
        client.call("get_context", arguments)


def flushing(homes: Mapping[int, Mapping[str, str]], rounds: int) -> list[Measured]:
    """Milliseconds of a flush of 10 events, file opened and closed, beside the same and its fold, as if each flush folded."""
    taken: dict[int, list[tuple[float, float]]] = {size: [] for size in homes}
    services = {size: ActivityService.from_environ(environ, source="cli") for size, environ in homes.items()}
    try:
        for number in range(rounds + 1):
            for size, service in services.items():
                _log(service, 10, f"ten-{number}")
                flush_ms = Drainer(service).drain(60, verify=False).elapsed_ms
                taken[size].append((flush_ms, flush_ms + Drainer(service).drain(60).elapsed_ms))
    finally:
        for service in services.values():
            service.close()
    few = next(iter(homes))
    return [
        against(
            f"flush of 10 events into a file of {size:,} activities; floor: flush and fold",
            median(flush for flush, _ in times[1:]),
            median(both for _, both in times[1:]),
            "ms",
            at_most=0.25 if size == few else 0.15,
        )
        for size, times in taken.items()
    ]


def folding(small: Mapping[str, str], large: Mapping[str, str], few: int, many: int, rounds: int) -> Measured:
    """Milliseconds of a fold of 50 events, the file opened and closed; in turn."""
    services = [ActivityService.from_environ(environ, source="cli") for environ in (small, large)]
    times: list[list[float]] = [[], []]
    try:
        for number in range(rounds + 1):
            for service, taken in zip(services, times, strict=True):
                _log(service, 50, f"fold-{number}")
                Drainer(service).drain(60, verify=False)
                began = time.perf_counter()
                service.warehouse.fold()
                service.warehouse.release()
                taken.append((time.perf_counter() - began) * 1000)
    finally:
        for service in services:
            service.close()
    what = f"fold of one customer's 50 events over {many:,} activities; floor: {few:,}"
    return against(what, median(times[1][1:]), median(times[0][1:]), "ms", at_most=2)


def _log(service: ActivityService, events: int, session_id: str) -> None:
    origin = service.recorder.origin("cli", customer="customer-3", project="/work/p3", session_id=session_id)
    features = {"tool_name": "Bash", "success": True, "latency_ms": 5}
    service.recorder.append([service.recorder.prepare("tool_event", features, origin) for _ in range(events)])


def metrics(small: Mapping[str, str], large: Mapping[str, str], few: int, many: int, rounds: int) -> Measured:
    """Milliseconds of the view alone, each warehouse open; in turn."""
    times: list[list[float]] = [[], []]
    for _ in range(rounds + 1):
        for environ, taken in zip((small, large), times, strict=True):
            warehouse = _warehouse(environ)
            try:
                with warehouse.transaction() as statements:
                    began = time.perf_counter()
                    statements.execute(METRICS)
                    taken.append((time.perf_counter() - began) * 1000)
            finally:
                warehouse.close()
    what = f"VW_PRODUCT_METRICS, last 24 h, {many:,} activities; floor: {few:,}"
    return against(what, median(times[1][1:]), median(times[0][1:]), "ms", at_most=1.2, below=500)
