"""Search over a large record: through MCP with a warm server, by command from nothing, and what the index costs.

The index's part is its processor time beside the rest's, measured twice: inside a flush, which appends; and wherever it works,
beside all that a thousand events cost the leader (rows appended, folded, contexts published).

The activities have one to a dozen words of a vocabulary in which few words are everywhere and most are rare; the index is built
from the warehouse, as after it was lost. Questions have one to five words of every rarity, prefixes, filters, and typing
mistakes.
"""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
import time
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from ..config import read_config
from ..operations.drain import Drainer
from ..service import ActivityService
from .loop import SERVER
from .measured import Measured, bounded, percentile
from .raw_client import RawClient
from .stopwatch import Stopwatch

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
        shares = {f"over {activities:,} activities": _shares(service, vocabulary, flushes)}
    finally:
        service.close()
    shares["in an empty record"] = _shares_in_empty_record(environ, vocabulary, flushes)
    asked = list(itertools.islice(_questions(vocabulary), questions))
    return [
        bounded(f"search p95 through MCP, {activities:,} activities", percentile(_warm(environ, asked), 0.95), "ms", below=100),
        bounded("search p95 by command, from nothing", percentile(_cold(environ, asked[:commands]), 0.95), "ms", below=400),
        *(row for where, parts in shares.items() for row in _shown(where, *parts)),
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


class _Part(NamedTuple):
    """Seconds of this process's processor time: the index's, and all others'."""

    own: float
    rest: float


def _shown(where: str, flush: _Part, whole: _Part) -> Iterator[Measured]:
    added = f"what the index adds to a flush of {FLUSH_ROWS:,}, {where}"
    yield bounded(added, 100 * flush.own / flush.rest, "%", below=MAX_SHARE)
    yield bounded("   and with its fold, wherever it works", 100 * whole.own / whole.rest, "%", below=MAX_SHARE)
    yield Measured(
        "   its processor time beside that of both", whole.own * 1000, "ms", whole.rest * 1000, whole.own / whole.rest
    )


def _shares_in_empty_record(environ: Mapping[str, str], vocabulary: list[str], rounds: int) -> tuple[_Part, _Part]:
    service = ActivityService.from_environ({**environ, "ACTIVITY_HOME": f"{environ['ACTIVITY_HOME']}/empty"}, source="cli")
    try:
        return _shares(service, vocabulary, rounds)
    finally:
        service.close()


def _shares(service: ActivityService, vocabulary: list[str], rounds: int) -> tuple[_Part, _Part]:
    """The index's part of a flush, and of a flush with its fold; medians, in turn."""
    rng, watch = random.Random(5), Stopwatch()  # noqa: S311 - the same texts each time
    watch.time("index", service.finding.feed, "take", "hide_quarantined", "turn")
    taken: dict[bool, list[_Part]] = {False: [], True: []}
    for number in range(2 * rounds):
        folds = number % 2 > 0
        Drainer(service).drain(60)  # what the last flush left to be folded
        _append(service, [" ".join(rng.choices(vocabulary, k=7)) for _ in range(FLUSH_ROWS)], f"flush-{number}")
        began, before = time.process_time(), watch.seconds["index"]
        Drainer(service).drain(60, verify=folds)
        own = watch.seconds["index"] - before
        taken[folds].append(_Part(own, time.process_time() - began - own))
    flush, whole = (_Part(median(part.own for part in parts), median(part.rest for part in parts)) for parts in taken.values())
    return flush, whole


def _append(service: ActivityService, texts: list[str], session_id: str) -> None:
    origin = service.recorder.origin("cli", session_id=session_id, project="/work/p1")
    features = [{"tool_name": "Bash", "success": True, "parameters": {"command": text}} for text in texts]
    service.recorder.append([service.recorder.prepare("tool_event", given, origin) for given in features])


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
