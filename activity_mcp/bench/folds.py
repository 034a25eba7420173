"""What folding costs besides itself: calls that are answered meanwhile, and contexts made anew.

Both over a warehouse that is filled already (``growth``). A call is beside a fold if it overlaps one in REFRESH_RUNS.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from ..config import read_config
from ..service import ActivityService
from .loop import SERVER
from .measured import Measured, against, bounded, percentile
from .peaks import peaks
from .raw_client import RawClient

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EVENTS = 10_000
"""What a round appends at once, so that its fold takes long enough for many calls."""
REST_S, BUSY_S = 1.5, 5.0
ARGUMENTS: dict[str, object] = {"customer": "customer-3", "max_bytes": 2048}
_RUNS = "SELECT started_at, duration_ms FROM REFRESH_RUNS WHERE started_at >= ?"
_AS_IF_OLDER = ("ALTER TABLE CONTEXT_ITEMS DROP COLUMN refreshed_at", "DELETE FROM DEPLOYED_FILES")
"""What makes the next command that opens the file rebuild its contexts, as after an upgrade."""


class _Call(NamedTuple):
    began: datetime
    ended: datetime
    ms: float


def asking_while_folding(environ: Mapping[str, str], many: int, rounds: int) -> list[Measured]:
    """get_context of the server that leads, beside its folds; the floor is the same server at rest before each of them."""
    service = ActivityService.from_environ({**environ, "ACTIVITY_DURABILITY": "interval:100"}, source="cli")
    resting: list[_Call] = []
    busy: list[_Call] = []
    began = datetime.now(UTC).replace(tzinfo=None)
    try:
        with RawClient(SERVER, ["serve"], environ=environ) as client:
            _asked(client, BUSY_S)
            for number in range(rounds):
                resting += _asked(client, REST_S)
                _log(service, number)
                busy += _asked(client, BUSY_S)
    finally:
        service.close()
    folds = _folds(environ, began)
    beside = [call.ms for call in busy if any(call.began <= end and call.ended >= start for start, end in folds)]
    return [
        against(
            f"get_context {name} while {EVENTS:,} events are folded over {many:,}; floor: at rest",
            percentile(beside, share),
            percentile([call.ms for call in resting], share),
            "ms",
            at_most=1.3,
        )
        for name, share in (("p50", 0.5), ("p95", 0.95))
    ]


def _asked(client: RawClient, seconds: float) -> list[_Call]:
    calls, until = list[_Call](), time.monotonic() + seconds
    while time.monotonic() < until:
        began = datetime.now(UTC).replace(tzinfo=None)
        ms = client.timed("get_context", dict(ARGUMENTS))
        calls.append(_Call(began, began + timedelta(milliseconds=ms), ms))
        time.sleep(0.002)
    return calls


def _log(service: ActivityService, number: int) -> None:
    origin = service.recorder.origin("cli", customer="customer-3", project="/work/p3", session_id=f"beside-{number}")
    features = {"tool_name": "Bash", "success": True, "latency_ms": 5}
    service.recorder.append([service.recorder.prepare("tool_event", features, origin) for _ in range(EVENTS)], durable=False)


def _folds(environ: Mapping[str, str], since: datetime) -> Sequence[tuple[datetime, datetime]]:
    import duckdb

    with duckdb.connect(read_config(environ).db, read_only=True) as connection:
        found = connection.execute(_RUNS, [since]).fetchall()
    return [(started, started + timedelta(milliseconds=float(ms))) for started, ms in found]


def rebuilding(environ: Mapping[str, str], many: int) -> list[Measured]:
    """A command that finds contexts of another layout: seconds until it has ended, of the processor too, and its peak."""
    import resource

    import duckdb

    with duckdb.connect(read_config(environ).db) as connection:
        for statement in _AS_IF_OLDER:
            connection.execute(statement)
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    peak, _ = peaks(["flush", "--timeout", "600"], environ)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return [
        bounded(f"contexts rebuilt over {many:,} activities, the whole command", seconds, "s", below=20),
        Measured("   and its processor time", used, "s"),
        bounded("   and the peak memory of its process", peak, "MB", below=400),
    ]
