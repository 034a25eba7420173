"""The state of one state directory as one document: what ``activity-mcp status --json`` and the ``health`` tool print.

Read from the files, without leading and without opening the warehouse, so that it always answers.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Protocol

from ..clock import iso, parse_iso
from ..context import ALL_PROJECTS
from ..errors import ActivityError
from ..fs import LOCAL
from ..queue import Lease, QueueReader, dead_letters, foreign_files, read_commit, read_queue
from ..recording.dropped import count_drops
from ..warehouse.base import LEFT_OUT, REJECTED
from . import drift_report
from .assessment import of_document, worst

if TYPE_CHECKING:
    from ..clock import Clock
    from ..config import Config
    from ..context import SnapshotStore
    from ..identity import Identity
    from ..queue import QueueInfo, QueueWriter
    from ..recall.cache import ContextCache

_DRIFT_TOLD = ("drift_id", "event_name", "field", "drift_kind", "occurrences", "last_seen_at", "quarantines")
_TOLD = ("pid", "since", "last_progress", "offset", "flushed_at", "error", "backpressure", "degraded")


class Examined(Protocol):
    """The parts of ``ActivityService`` that are looked at."""

    @property
    def config(self) -> Config: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def identity(self) -> Identity: ...
    @property
    def queue(self) -> QueueInfo: ...
    @property
    def writer(self) -> QueueWriter: ...
    @property
    def lease(self) -> Lease: ...
    @property
    def cache(self) -> ContextCache: ...
    @property
    def snapshots(self) -> SnapshotStore: ...
    @property
    def own_project(self) -> str | None: ...

    def recording(self, project: str | None) -> bool: ...


def status_of(service: Examined) -> dict[str, Any]:
    """queue, leader, warehouse and context, and what they mean (see ``health``).

    ``health`` is the worst of ``checks`` (name → ok, warn, fail); ``problems`` has a line for each that is not ok.
    """
    queue = _queue(service)
    leader = leader_of(service)
    document = {
        "version": 1,
        "at": iso(service.clock.time_us()),
        "home": service.config.home,
        "recording": service.recording(service.own_project),
        "queue": queue,
        "other_queues": _other_queues(service),
        "leader": leader,
        "warehouse": _warehouse(service, leader, queue.pop("rejected")),
        "context": _context(service),
        "hooks": _hooks(service),
        "drift": _drift(service),
        "degraded": queue["pressure"] != "ok" or bool(leader.get("backpressure")),
    }
    judged = list(of_document(document))
    document["health"] = worst(check.status for check in judged)
    document["checks"] = {check.name: check.status for check in judged}
    document["problems"] = [check.describe() for check in judged if check.status != "ok"]
    return document


def _drift(service: Examined) -> dict[str, Any]:
    """Where events differ from their schemas, as the last flush told it; null where nobody tells (see ``drift_watch``)."""
    found = drift_report.told(service.queue.directory)
    if found is None:
        return {"open": None, "quarantining": None, "newest": []}
    newest = [{name: drift[name] for name in _DRIFT_TOLD} for drift in found[:5]]
    return {"open": len(found), "quarantining": sum(drift["quarantines"] for drift in found), "newest": newest}


def _hooks(service: Examined) -> dict[str, Any]:
    """What hooks could not record and the queue did not count as refused, ever."""
    reasons = count_drops(service.config.queue_root)
    return {"dropped": sum(reasons.values()), "reasons": reasons}


def _queue(service: Examined) -> dict[str, Any]:
    directory = service.queue.directory
    reader = QueueReader(directory)
    commit = read_commit(directory)
    backlog = reader.backlog(commit.offset if commit else None)
    now, buried = service.clock.time_us(), dead_letters(directory)
    return {
        "directory": directory,
        "queue_id": service.queue.queue_id,
        "depth_events": backlog.events,
        "depth_bytes": backlog.bytes,
        "oldest_age_s": round(max(0, now - backlog.oldest_us) / 1e6, 1) if backlog.oldest_us is not None else None,
        "committed_offset": str(commit.offset) if commit else None,
        "last_commit": commit.at if commit else None,
        "refused": service.writer.refused(),
        "refused_unreported": service.writer.unreported_refusals(),
        "disk_full": LOCAL.is_full(directory),
        "foreign_files": foreign_files(directory, LOCAL),
        "own_sync_failures": service.writer.sync_failures,  # of this process: a command has none, a server may
        "quarantined": sum(not letter.reason.startswith((REJECTED, LEFT_OUT)) for letter in buried),
        "rejected": sum(_rejected_in(letter.reason) for letter in buried),
        "pressure": service.writer.pressure(),
        "max_bytes": service.config.max_queue_bytes,
    }


def _other_queues(service: Examined) -> list[dict[str, Any]]:
    """Queues of other warehouses in the same place that hold events and that nobody ships."""
    found = []
    root, own = service.config.queue_root, os.path.basename(service.queue.directory)
    for name in sorted(LOCAL.names(root)):
        directory = os.path.join(root, name)
        try:
            info = read_queue(directory) if name != own else None
            if info is None or Lease(directory).is_held():
                continue
            commit = read_commit(directory)
            waiting = QueueReader(directory).backlog(commit.offset if commit else None).events
        except (ActivityError, OSError):  # a newer version's, or somebody else's: not ours to judge
            continue
        if waiting:
            found.append({"directory": directory, "sink": info.sink, "depth_events": waiting})
    return found


def _rejected_in(reason: str) -> int:
    """How many events a dead letter says the warehouse did not take: the one it holds, or some of a range it holds."""
    if found := re.match(LEFT_OUT + r", (\d+)", reason):
        return int(found[1])
    return int(reason.startswith(REJECTED))


def leader_of(service: Examined) -> dict[str, Any]:
    """Who leads and how far it got, by what it told and by what the kernel knows of it."""
    told = service.lease.holder()
    if told is None:
        return {"present": False}
    leader: dict[str, Any] = {"present": True} | {name: told.get(name) for name in _TOLD}
    leader["pid"] = pid = service.lease.holder_pid() or told.get("pid")
    leader["stopped"] = _is_stopped(pid)
    leader["last_progress_age_s"] = _progress_age_s(service.clock, told)
    return leader


def _progress_age_s(clock: Clock, told: dict[str, Any]) -> float | None:
    """By the monotonic clock, which is one for all processes of a boot: the wall clock may have jumped either way."""
    at, last = told.get("monotonic"), told.get("last_progress")
    if isinstance(at, (int, float)) and at <= (now := clock.monotonic()):
        return round(now - at, 1)
    try:
        return round(max(0, clock.time_us() - parse_iso(str(last))) / 1e6, 1)
    except ValueError:
        return None


def _is_stopped(pid: object) -> bool:
    """Whether that process was stopped by a signal (Linux tells; elsewhere the missing progress does)."""
    try:
        return LOCAL.read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[0] in (b"T", b"t")
    except (OSError, IndexError):
        return False


def _warehouse(service: Examined, leader: dict[str, Any], rejected: int) -> dict[str, Any]:
    if service.config.snow_connection:
        return {
            "kind": "snowflake",
            "connection": service.config.snow_connection,
            "rejected": rejected,
            "error": leader.get("error"),
        }
    path = service.config.db
    size = os.path.getsize(path) if os.path.exists(path) else None
    return {"kind": "duckdb", "path": path, "size_bytes": size, "rejected": rejected, "error": leader.get("error")}


def _context(service: Examined) -> dict[str, Any]:
    entry = service.cache.peek(service.identity.customer, ALL_PROJECTS)
    return {
        "customer": service.identity.customer,
        "freshness": entry.freshness if entry else "missing",
        "age_ms": entry.age_ms if entry else None,
        "as_of": iso(entry.snapshot.as_of_us) if entry and entry.snapshot else None,
        "snapshots": len(service.snapshots.known()),
    }
