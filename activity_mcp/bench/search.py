"""Search over a large record: through MCP with a warm server, by command from nothing, and what the index costs.

A flush is all of it: rows appended, folded, contexts published; the index's part is its processor time beside the rest's.

The activities have one to a dozen words of a vocabulary in which few words are everywhere and most are rare; the index is built
from the warehouse, as after it was lost. Questions have one to five words of every rarity, prefixes, filters, and typing
mistakes.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
import time
from statistics import median
from typing import TYPE_CHECKING

from ..clock import iso
from ..config import read_config
from ..operations.drain import Drainer
from ..service import ActivityService
from ..warehouse import Row
from .loop import SERVER
from .measured import Measured, bounded, percentile
from .raw_client import RawClient

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ACTIVITIES = 1_000_000
FLUSH_ROWS = 1_000
MAX_SHARE = 10.0
_VOCABULARY = 20_000
_CHUNK = 50_000
_FILL = """
    INSERT INTO CLAUDE_STREAM_V2 (
        activity_id, ts, customer, activity, event_name, session_id, project, source, channel_id, stream_offset, loaded_at,
        hour_start, feature_json
    )
    SELECT
        CAST(uuid() AS VARCHAR), happened_at, 'bench@example.com',
        'used_tool', 'tool_event', 'session-' || (n // 200), '/work/p' || (n // 200 % 7), 'hook', 'filled',
        printf('%012d:%012d:%08x', 1, n, 0), utc_now(), DATE_TRUNC('hour', happened_at),
        json_object('tool_name', 'Bash', 'success', n % 17 <> 0, 'parameters', json_object('command', array_to_string(
            list_transform(range(2 + n % 11), lambda k:
                $vocabulary[CAST(1 + floor(($words - 1) * pow((hash(n * 16 + k) % 1000003) / 1000003.0, 4)) AS BIGINT)]), ' ')))
    FROM (
        SELECT $start + i AS n, utc_now() - to_microseconds(CAST(($total - $start - i) * 5000000 AS BIGINT)) AS happened_at
        FROM range($end - $start) AS numbers (i)
    )
"""


def measure(
    environ: Mapping[str, str], *, activities: int = ACTIVITIES, questions: int = 200, commands: int = 10, flushes: int = 7
) -> list[Measured]:
    vocabulary = list(_vocabulary())
    _fill(environ, activities, vocabulary)
    service = ActivityService.from_environ(environ, source="cli")
    try:
        feed = service.finding.feed
        if feed is None:
            raise RuntimeError("this warehouse has no index")
        began = time.perf_counter()
        while feed.read_slice():
            pass
        built_s = time.perf_counter() - began
        service.warehouse.release()
        size = sum(os.path.getsize(feed.path + ending) for ending in ("", "-wal") if os.path.exists(feed.path + ending))
        shares = {f"over {activities:,} activities": _share_of_flush(service, vocabulary, flushes)}
    finally:
        service.close()
    shares["in an empty record"] = _share_in_empty_record(environ, vocabulary, flushes)
    asked = list(itertools.islice(_questions(vocabulary), questions))
    return [
        bounded(f"search p95 through MCP, {activities:,} activities", percentile(_warm(environ, asked), 0.95), "ms", below=100),
        bounded("search p95 by command, from nothing", percentile(_cold(environ, asked[:commands]), 0.95), "ms", below=400),
        *(
            bounded(f"what the index adds to a flush of {FLUSH_ROWS:,}, {where}", 100 * own / rest, "%", below=MAX_SHARE)
            for where, (own, rest) in shares.items()
        ),
        *(
            Measured(f"   the index's part {where}, processor time", own * 1000, "ms", rest * 1000, own / rest)
            for where, (own, rest) in shares.items()
        ),
        Measured("the index, per activity", size / activities, "bytes"),
        Measured("building the index anew", built_s, "s"),
    ]


def _fill(environ: Mapping[str, str], total: int, vocabulary: list[str]) -> None:
    from ..warehouse.duckdb.warehouse import DuckDBWarehouse

    warehouse = DuckDBWarehouse(read_config(environ).db, timeout_s=600, memory="1GB")
    given = {"total": total, "vocabulary": vocabulary, "words": len(vocabulary)}
    try:
        for start in range(0, total, _CHUNK):
            with warehouse.transaction() as statements:
                statements.execute(_FILL, {**given, "start": start, "end": min(start + _CHUNK, total)})
    finally:
        warehouse.close()


def _warm(environ: Mapping[str, str], questions: list[str]) -> list[float]:
    with RawClient(SERVER, ["serve"], environ=environ) as client:
        client.timed("search", {"query": questions[0]})
        return [client.timed("search", {"query": question}) for question in questions]


def _cold(environ: Mapping[str, str], questions: list[str]) -> list[float]:
    times = []
    for question in questions:
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", SERVER, "search", question, "--json"], env=dict(environ), check=True, capture_output=True
        )
        times.append((time.perf_counter() - began) * 1000)
    return times


def _share_in_empty_record(environ: Mapping[str, str], vocabulary: list[str], rounds: int) -> tuple[float, float]:
    service = ActivityService.from_environ({**environ, "ACTIVITY_HOME": f"{environ['ACTIVITY_HOME']}/empty"}, source="cli")
    try:
        return _share_of_flush(service, vocabulary, rounds)
    finally:
        service.close()


def _share_of_flush(service: ActivityService, vocabulary: list[str], rounds: int) -> tuple[float, float]:
    """The index's part of a flush, and the rest of it: seconds of this process's processor time; medians."""
    feed, rng = service.finding.feed, random.Random(5)  # noqa: S311
    whole, own = [], []
    for number in range(rounds):
        origin = service.recorder.origin("cli", session_id=f"flush-{number}", project="/work/p1")
        texts = [" ".join(rng.choices(vocabulary, k=7)) for _ in range(FLUSH_ROWS)]
        features = [{"tool_name": "Bash", "success": True, "parameters": {"command": text}} for text in texts]
        service.recorder.append([service.recorder.prepare("tool_event", given, origin) for given in features])
        began = time.process_time()
        Drainer(service).drain(60)
        whole.append(time.process_time() - began)
        rows = [_row(service, f"{number}-{place}", given) for place, given in enumerate(features)]
        began = time.process_time()
        if feed is not None:
            feed.shipped("measured", None, str(number), rows)
        own.append(time.process_time() - began)
    return median(own), max(1e-9, median(whole) - median(own))


def _row(service: ActivityService, name: str, features: dict[str, object]) -> Row:
    now = iso(service.clock.time_us())
    text = json.dumps(features)
    return Row(
        name,
        now,
        "bench@example.com",
        "used_tool",
        None,
        text,
        None,
        None,
        "tool_event",
        "s",
        "/work/p1",
        None,
        "hook",
        "1",
        "c",
        "o",
    )


def _vocabulary() -> Iterator[str]:
    rng = random.Random(7)  # noqa: S311 - the same texts each time
    for _ in range(_VOCABULARY):
        yield "".join(rng.choices("etaoinshrdlucmfwypvbgkqjxz", weights=range(26, 0, -1), k=rng.randint(4, 10)))


def _questions(vocabulary: list[str]) -> Iterator[str]:
    rng = random.Random(3)  # noqa: S311 - the same texts each time
    while True:
        words = [rng.choice(vocabulary[: rng.choice((10, 200, 5_000, _VOCABULARY))]) for _ in range(rng.randint(1, 5))]
        kind = rng.randrange(6)
        if kind == 0:
            words[0] = f"{words[0][:4]}*"
        elif kind == 1:
            words.append("failed:")
        elif kind == 2:
            words[-1] = f"{words[-1][:-1]}q"
        yield " ".join(words)
