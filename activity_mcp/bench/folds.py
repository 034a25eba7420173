"""What folding costs besides itself: calls that are answered meanwhile, and contexts rebuilt.

Both over a warehouse that is filled already (``growth``). A call is beside a fold if it overlaps one in REFRESH_RUNS.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from ..config import read_config
from ..queue import QueueReader, is_folded
from ..service import ActivityService
from .loop import SERVER
from .measured import Measured, against, bounded, percentile
from .peaks import peaks
from .raw_client import RawClient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

EVENTS = 10_000
"""What a round appends at once, so that its fold takes long enough for many calls."""
REST_S, BUSY_S, MAX_BUSY_S = 1.5, 5.0, 120.0
ARGUMENTS: dict[str, object] = {"customer": "customer-3", "max_bytes": 2048}
_RUNS = "SELECT started_at, duration_ms FROM REFRESH_RUNS WHERE started_at >= ?"
_AS_IF_OLDER = ("ALTER TABLE CONTEXT_ITEMS DROP COLUMN refreshed_at", "DELETE FROM DEPLOYED_FILES")
"""What makes the next command that opens the file rebuild its contexts, as after an upgrade."""


class _Call(NamedTuple):
    began: datetime
    ended: datetime
    ms: float


def asking_while_folding(environ: Mapping[str, str], many: int, rounds: int) -> list[Measured]:
    """get_context beside folds, of the server that leads and of one that does not; the floor is the same server at rest."""
    service = ActivityService.from_environ({**environ, "ACTIVITY_DURABILITY": "interval:100"}, source="cli")
    began = datetime.now(UTC).replace(tzinfo=None)
    try:
        with RawClient(SERVER, ["serve"], environ=environ) as first:
            _asked([first], BUSY_S)  # until it leads, and has folded what it found
            with RawClient(SERVER, ["serve"], environ=environ) as second:
                clients = {"of the server that leads": first, "of another server": second}
                resting, busy = _rounds(list(clients.values()), service, rounds)
    finally:
        service.close()
    folds = _folds(environ, began)
    found: list[Measured] = []
    for whose, at_rest, calls in zip(clients, resting, busy, strict=True):
        beside = [call.ms for call in calls if any(call.began <= end and call.ended >= start for start, end in folds)]
        found += _beside(f"{EVENTS:,} events are folded over {many:,}, {whose}", beside, [call.ms for call in at_rest])
    return found


def _beside(what: str, beside: Sequence[float], resting: Sequence[float]) -> list[Measured]:
    return [
        against(
            f"get_context {name} while {what}; floor: at rest",
            percentile(beside, share),
            percentile(resting, share),
            "ms",
            at_most=1.3,
        )
        for name, share in (("p50", 0.5), ("p95", 0.95))
    ]


def _rounds(clients: Sequence[RawClient], service: ActivityService, rounds: int) -> tuple[list[list[_Call]], list[list[_Call]]]:
    """The calls of each client at rest, and those after so many events were logged."""
    resting: list[list[_Call]] = [[] for _ in clients]
    busy: list[list[_Call]] = [[] for _ in clients]
    for number in range(rounds):
        for calls, more in zip(resting, _asked(clients, REST_S), strict=True):
            calls += more
        _log(service, number)
        for calls, more in zip(busy, _asked(clients, BUSY_S, _until_folded(service)), strict=True):
            calls += more
    return resting, busy


def _until_folded(service: ActivityService) -> Callable[[], bool]:
    """Whether all that is queued now is in the contexts."""
    service.writer.sync()
    target = QueueReader(service.queue.directory).end()
    return is_folded(service.lease, target) if target is not None else lambda: True


def _asked(clients: Sequence[RawClient], seconds: float, is_over: Callable[[], bool] = lambda: True) -> list[list[_Call]]:
    """The calls of each, one after the other in turn: for so long, and until ``is_over`` where that takes longer."""
    calls: list[list[_Call]] = [[] for _ in clients]
    began_at = time.monotonic()
    while time.monotonic() < began_at + seconds or not (is_over() or time.monotonic() > began_at + MAX_BUSY_S):
        for client, taken in zip(clients, calls, strict=True):
            began = datetime.now(UTC).replace(tzinfo=None)
            ms = client.timed("get_context", dict(ARGUMENTS))
            taken.append(_Call(began, began + timedelta(milliseconds=ms), ms))
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
        Measured(f"contexts rebuilt over {many:,} activities, the whole command", seconds, "s"),
        bounded("   and its processor time, of one thread", used, "s", below=20),
        bounded("   and the peak memory of its process", peak, "MB", below=400),
    ]
