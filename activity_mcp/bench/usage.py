"""What it costs to know what it cost: a batch of the exporter until it is durable, the receiver at rest, the sums of a year.

Each as processor time and as elapsed time: the first is the program's, the second the machine's as well. The batches are
what Claude Code sends; the receiver is the server's own, over a queue on this disk. The sums are those of the whole command
``activity-mcp usage daily``, over a year of which two fifths are requests to models.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from statistics import median
from typing import TYPE_CHECKING, Any

from ..clock import SYSTEM_CLOCK
from ..config import read_config
from ..service import ActivityService
from .loop import SERVER
from .measured import Measured, bounded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ACTIVITIES = 1_000_000
RECORDS = 1_000
TYPICAL_RECORDS = 10
EVERY_S = 5.0
_CHUNK = 50_000
_CUSTOMER = "bench@example.com"
_FILL = """
    INSERT INTO CLAUDE_STREAM_V2 (
        activity_id, ts, customer, activity, event_name, session_id, project, source, channel_id, stream_offset, loaded_at,
        hour_start, feature_json
    )
    SELECT
        CAST(uuid() AS VARCHAR), happened_at, 'bench@example.com', IF(n % 5 < 2, 'called_llm', 'used_tool'),
        IF(n % 5 < 2, 'llm_event', 'tool_event'), 'session-' || (n // 200), '/work/p' || (n // 200 % 7),
        IF(n % 10 < 2, 'otel', 'import'), 'filled', printf('%012d:%012d:%08x', 1, n, 0), utc_now(),
        DATE_TRUNC('hour', happened_at),
        IF(n % 5 < 2, json_object(
            'model', 'claude-' || ['opus', 'sonnet', 'haiku'][1 + n % 3], 'prompt_tokens', n % 50, 'completion_tokens', n % 900,
            'total_tokens', n % 5000 + 950, 'cache_read_tokens', n % 100000, 'cache_creation_tokens', n % 5000,
            'request_id', 'req_' || md5(CAST(n AS VARCHAR)), 'prompt_id', CAST(uuid() AS VARCHAR), 'git_branch', 'main',
            'query_source', 'repl_main_thread', 'request_kind', 'main', 'cli_version', '2.1.332',
            'cost_usd', (n % 9973) / 100000.0, 'cost_source', IF(n % 10 < 2, 'otel', 'estimated')
        ), json_object('tool_name', 'Bash', 'success', n % 17 <> 0, 'parameters', json_object('command', 'ls ' || n)))
    FROM (
        SELECT $start + i AS n, utc_now() - to_microseconds(CAST(($total - $start - i) * 31000000 AS BIGINT)) AS happened_at
        FROM range($end - $start) AS numbers (i)
    )
"""


def measure(
    environ: Mapping[str, str], *, records: int = RECORDS, activities: int = ACTIVITIES, rounds: int = 5
) -> list[Measured]:
    return [*batches(environ, records, rounds), *sums(environ, activities, rounds)]


# --- the receiver


def batches(environ: Mapping[str, str], records: int, rounds: int) -> list[Measured]:
    """Medians of batches of which each request is new; the first one, which loads what the others need, is not counted."""
    service = ActivityService.from_environ(environ)
    try:
        receiver = service.make_receiver("the-token-of-this-benchmark")

        def take(count: int, number: int) -> Callable[[], None]:
            body = _batch(count, number)
            return lambda: _expect_taken(receiver.take("/v1/logs", "application/json", body).status)

        _timed(take(TYPICAL_RECORDS, 0))
        large = [_timed(take(records, number)) for number in range(1, rounds + 1)]
        typical = [_timed(take(TYPICAL_RECORDS, number)) for number in range(rounds + 1, 4 * rounds + 1)]
    finally:
        service.close()
    share = 100 * median(cpu for cpu, _ in typical) / 1000 / EVERY_S
    name = f"{records:,} log records in one request, durable"
    return [
        bounded(f"{name}: processor time", median(cpu for cpu, _ in large), "ms", below=250),
        bounded(f"{name}: elapsed", median(elapsed for _, elapsed in large), "ms", below=250),
        bounded(f"a batch of {TYPICAL_RECORDS} every {EVERY_S:g} s, of a core", share, "%", below=1),
    ]


def _expect_taken(status: int) -> None:
    if status != 200:
        raise RuntimeError(f"the receiver answered {status}")


def _timed(work: Callable[[], None]) -> tuple[float, float]:
    """Milliseconds of this process's processor time, and of the clock."""
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return (time.process_time() - cpu) * 1000, (time.perf_counter() - began) * 1000


def _batch(count: int, number: int) -> bytes:
    now_ns = SYSTEM_CLOCK.time_us() * 1000
    records = [_record(now_ns, number * RECORDS + nth) for nth in range(count)]
    resource_of = {"attributes": [_pair("service.name", "claude-code"), _pair("service.version", "2.1.332")]}
    return json.dumps({"resourceLogs": [{"resource": resource_of, "scopeLogs": [{"logRecords": records}]}]}).encode()


def _record(now_ns: int, number: int) -> dict[str, Any]:
    """An ``api_request`` with the attributes that 2.1.332 gives it."""
    attributes = {
        "event.name": "api_request", "event.sequence": number, "session.id": f"5f0c1d52-8e4b-4c37-9a61-{number % 7:012x}",
        "prompt.id": f"0b8f2c1e-6a51-4a0e-9c76-{number % 31:012x}", "user.id": "5f" * 32, "terminal.type": "xterm-256color",
        "request_id": f"req_{number:026d}", "model": "claude-opus-4-6", "query_source": "repl_main_thread", "speed": "normal",
        "effort": "high", "input_tokens": 5, "output_tokens": 100, "cache_read_tokens": 40_000, "cache_creation_tokens": 900,
        "cache_creation_5m_tokens": 900, "cost_usd": 0.0301, "cost_usd_micros": 30_100, "duration_ms": 4_200, "ttft_ms": 900,
    }  # fmt: skip
    pairs = [_pair(name, value) for name, value in attributes.items()]
    return {"timeUnixNano": str(now_ns), "body": {"stringValue": "claude_code.api_request"}, "attributes": pairs}


def _pair(name: str, value: Any) -> dict[str, Any]:
    kind = {str: "stringValue", int: "intValue", float: "doubleValue"}[type(value)]
    return {"key": name, "value": {kind: value}}


# --- the sums


def sums(environ: Mapping[str, str], activities: int, rounds: int) -> list[Measured]:
    """Medians of the whole command, the query's process included; the first one, which reads the file from disk, is not
    counted."""
    home = {**environ, "ACTIVITY_HOME": f"{environ['ACTIVITY_HOME']}/sums", "ACTIVITY_CUSTOMER": _CUSTOMER}
    _fill(home, activities)
    taken = [_command(home) for _ in range(rounds + 1)][1:]
    name = f"usage daily over {activities:,} activities"
    return [
        bounded(f"{name}: processor time", median(cpu for cpu, _ in taken), "s", below=1),
        bounded(f"{name}: elapsed", median(elapsed for _, elapsed in taken), "s", below=1),
    ]


def _fill(environ: Mapping[str, str], total: int) -> None:
    from ..warehouse.duckdb.warehouse import DuckDBWarehouse

    os.makedirs(environ["ACTIVITY_HOME"], mode=0o700, exist_ok=True)
    warehouse = DuckDBWarehouse(read_config(environ).db, timeout_s=600, memory="1GB")
    try:
        for start in range(0, total, _CHUNK):
            with warehouse.transaction() as statements:
                statements.execute(_FILL, {"total": total, "start": start, "end": min(start + _CHUNK, total)})
    finally:
        warehouse.close()


def _command(environ: Mapping[str, str]) -> tuple[float, float]:
    """Seconds of the command's processor time, its children's included, and of the clock."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", SERVER, "usage", "daily", "--json"]
    subprocess.run(command, env=dict(environ), check=True, capture_output=True)
    elapsed, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, elapsed
