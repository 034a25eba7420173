"""The state of one state directory as one document: what ``activity-mcp status --json`` and the ``health`` tool print.

Read from the files, without leading and without opening the warehouse, so that it always answers.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from ..clock import iso, parse_iso
from ..context import ALL_PROJECTS
from ..errors import ActivityError
from ..fs import LOCAL
from ..queue import Lease, QueueReader, dead_letters, foreign_files, read_commit, read_queue
from ..recording.dropped import count_drops
from ..recording.pause import paused_since
from ..warehouse.base import LEFT_OUT, REJECTED
from .assessment import of_document, worst
from .drift_report import read_drift_report
from .exporter import exporter_state
from .task_report import read_task_report

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..clock import Clock
    from ..config import Config
    from ..context import SnapshotStore
    from ..queue import DeadLetter, QueueInfo, QueueWriter
    from ..recall.cache import ContextCache
    from ..warehouse.adapter import Adapter
    from ..warehouse.drift import DriftSummary, OpenDrift
    from .document import (
        ContextState,
        DriftState,
        ExporterState,
        HooksState,
        LeaderState,
        OtherQueue,
        QueueState,
        State,
        StatusDocument,
        WarehouseState,
    )


class StatusReader:
    """Reads the status document. ``customer`` and ``is_recording`` are those of this process."""

    def __init__(
        self,
        config: Config,
        queue: QueueInfo,
        writer: QueueWriter,
        lease: Lease,
        cache: ContextCache,
        snapshots: SnapshotStore,
        adapter: Adapter,
        *,
        customer: str,
        is_recording: Callable[[], bool],
        clock: Clock,
    ) -> None:
        self._config = config
        self._directory = queue.directory
        self._queue_id = queue.queue_id
        self._writer = writer
        self._lease = lease
        self._cache = cache
        self._snapshots = snapshots
        self._adapter = adapter
        self._customer = customer
        self._is_recording = is_recording
        self._clock = clock

    def read(self) -> StatusDocument:
        """queue, leader, warehouse and context, and what they mean (see ``assessment``).

        ``health`` is the worst of ``checks`` (name → ok, warn, fail); ``problems`` has a line for each that is not ok.
        """
        leader, buried = self.leader(), dead_letters(self._directory)
        queue, paused_us = self._queue(buried), paused_since(self._config.home)
        state: State = {
            "version": 1,
            "at": iso(self._clock.time_us()),
            "home": self._config.home,
            "recording": self._is_recording(),
            "paused_since": None if paused_us is None else iso(paused_us),
            "queue": queue,
            "other_queues": self._other_queues(),
            "leader": leader,
            "warehouse": self._warehouse(leader, buried),
            "context": self._context(),
            "hooks": self._hooks(),
            "drift": _drift(self._directory),
            "tasks": read_task_report(self._directory),
            "exporter": self._exporter(),
            "degraded": queue["pressure"] != "ok" or bool(leader.get("backpressure")),
        }
        judged = list(of_document(state))
        return {
            **state,
            "health": worst(check.status for check in judged),
            "checks": {check.name: check.status for check in judged},
            "problems": [check.describe() for check in judged if check.status != "ok"],
        }

    def _exporter(self) -> ExporterState:
        config = self._config
        return exporter_state(self._directory, config.home, config.otlp_port, is_asked=config.otlp_is_asked)

    def leader(self) -> LeaderState:
        """Who leads and how far it got, by its own report and by the kernel's."""
        return leader_of(self._lease, self._clock)

    def _queue(self, buried: list[DeadLetter]) -> QueueState:
        commit = read_commit(self._directory)
        backlog, now = QueueReader(self._directory).backlog(commit.offset if commit else None), self._clock.time_us()
        return {
            "directory": self._directory,
            "queue_id": self._queue_id,
            "depth_events": backlog.events,
            "depth_bytes": backlog.bytes,
            "oldest_age_s": round(max(0, now - backlog.oldest_us) / 1e6, 1) if backlog.oldest_us is not None else None,
            "committed_offset": str(commit.offset) if commit else None,
            "last_commit": commit.at if commit else None,
            "refused": self._writer.refused(),
            "refused_unreported": self._writer.unreported_refusals(),
            "disk_full": LOCAL.is_full(self._directory),
            "foreign_files": foreign_files(self._directory, LOCAL),
            "own_sync_failures": self._writer.sync_failures,  # of this process: a command has none, a server may
            "quarantined": sum(not letter.reason.startswith((REJECTED, LEFT_OUT)) for letter in buried),
            "pressure": self._writer.pressure(),
            "max_bytes": self._config.max_queue_bytes,
        }

    def _warehouse(self, leader: LeaderState, buried: list[DeadLetter]) -> WarehouseState:
        rejected = sum(_rejected_in(letter.reason) for letter in buried)
        return {**self._adapter.describe(), "rejected": rejected, "error": leader.get("error")}

    def _other_queues(self) -> list[OtherQueue]:
        """Queues of other warehouses in the same place that hold events and that nobody ships."""
        found: list[OtherQueue] = []
        root, own = self._config.queue_root, os.path.basename(self._directory)
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

    def _context(self) -> ContextState:
        entry = self._cache.peek(self._customer, ALL_PROJECTS)
        return {
            "customer": self._customer,
            "freshness": entry.freshness,
            "age_ms": entry.age_ms,
            "as_of": entry.snapshot.as_of if entry.snapshot else None,
            "snapshots": len(self._snapshots.known()),
        }

    def _hooks(self) -> HooksState:
        reasons = count_drops(self._config.queue_root)
        return {"dropped": sum(reasons.values()), "reasons": reasons}


def _drift(directory: str) -> DriftState:
    found = read_drift_report(directory)
    if found is None:
        return {"open": None, "quarantining": None, "newest": []}
    return {
        "open": len(found),
        "quarantining": sum(drift["quarantines"] for drift in found),
        "newest": [_summary(drift) for drift in found[:5]],
    }


def _summary(drift: OpenDrift) -> DriftSummary:
    return {
        "drift_id": drift["drift_id"],
        "event_name": drift["event_name"],
        "field": drift["field"],
        "drift_kind": drift["drift_kind"],
        "occurrences": drift["occurrences"],
        "last_seen_at": drift["last_seen_at"],
        "quarantines": drift["quarantines"],
    }


def _rejected_in(reason: str) -> int:
    """How many events a dead letter says the warehouse did not take: the one it holds, or some of a range it holds."""
    if found := re.match(LEFT_OUT + r", (\d+)", reason):
        return int(found[1])
    return int(reason.startswith(REJECTED))


def leader_of(lease: Lease, clock: Clock) -> LeaderState:
    """Who leads the queue of ``lease`` and how far it got."""
    reported = lease.holder()
    if reported is None:
        return {"present": False}
    pid = lease.holder_pid() or reported.get("pid")
    return {
        "present": True,
        "pid": pid,
        "since": reported.get("since"),
        "last_progress": reported.get("last_progress"),
        "offset": reported.get("offset"),
        "flushed_at": reported.get("flushed_at"),
        "error": reported.get("error"),
        "backpressure": reported.get("backpressure"),
        "degraded": reported.get("degraded"),
        "stopped": _is_stopped(pid),
        "last_progress_age_s": _progress_age_s(clock, reported),
    }


def _progress_age_s(clock: Clock, reported: dict[str, Any]) -> float | None:
    """By the monotonic clock, which is one for all processes of a boot: the wall clock may have jumped either way."""
    at, last = reported.get("monotonic"), reported.get("last_progress")
    if isinstance(at, (int, float)) and at <= (now := clock.monotonic()):
        return round(now - at, 1)
    try:
        return round(max(0, clock.time_us() - parse_iso(str(last))) / 1e6, 1)
    except ValueError:
        return None


def _is_stopped(pid: object) -> bool:
    """Whether that process was stopped by a signal (Linux shows it; elsewhere the missing progress does)."""
    try:
        return LOCAL.read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[0] in (b"T", b"t")
    except (OSError, IndexError):
        return False
