"""The status document: what ``activity-mcp status --json``, the ``health`` tool and ``/metrics`` report, member by member.

Times are ISO text in UTC; ages are what their names say. The contract is additive: members are added, never changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NotRequired, TypedDict

from ..warehouse.base import WarehousePlace

if TYPE_CHECKING:
    from ..warehouse.drift import DriftSummary
    from .check import Status


class QueueState(TypedDict):
    """``depth_*``: what the warehouse has not taken yet. ``refused``, ``quarantined``: events, ever, in this queue;
    ``refused_unreported``: those that no system_event has reported yet. ``foreign_files``: names among the segments."""

    directory: str
    queue_id: str
    depth_events: int
    depth_bytes: int
    oldest_age_s: float | None
    committed_offset: str | None
    last_commit: str | None
    refused: int
    refused_unreported: int
    disk_full: bool
    foreign_files: list[str]
    own_sync_failures: int
    quarantined: int
    pressure: Literal["ok", "degraded", "full"]
    max_bytes: int


class OtherQueue(TypedDict):
    """A queue of another warehouse that holds events which nobody ships."""

    directory: str
    sink: str
    depth_events: int


class LeaderState(TypedDict):
    """Where ``present`` is False there is nothing else."""

    present: bool
    pid: NotRequired[int | None]
    since: NotRequired[str | None]
    last_progress: NotRequired[str | None]
    offset: NotRequired[str | None]
    flushed_at: NotRequired[str | None]
    error: NotRequired[str | None]
    backpressure: NotRequired[bool | None]
    degraded: NotRequired[bool | None]
    stopped: NotRequired[bool]
    last_progress_age_s: NotRequired[float | None]


class WarehouseState(WarehousePlace):
    """``rejected``: events it did not take."""

    rejected: int
    error: str | None


class ContextState(TypedDict):
    """The context of this process's customer in all projects; ``snapshots`` counts those of every scope."""

    customer: str
    freshness: Literal["fresh", "stale", "expired", "missing"]
    age_ms: int | None
    as_of: str | None
    snapshots: int


class HooksState(TypedDict):
    """What hooks could not record and the queue did not count as refused, ever."""

    dropped: int
    reasons: dict[str, int]


class DriftState(TypedDict):
    """Where events differ from their schemas, as the last flush found it; None where no flush reports it (Snowflake)."""

    open: int | None
    quarantining: int | None
    newest: list[DriftSummary]


class TaskEntry(TypedDict):
    """``state``: started or suspended; ``reason``: why it is suspended, as Snowflake names it."""

    name: str
    state: str
    reason: str | None


class TasksState(TypedDict):
    """The tasks of Snowflake that the connection's role may see, as they were ``at`` that time."""

    at: str
    tasks: list[TaskEntry]


class ExporterState(TypedDict):
    """Claude Code's exporter. ``port``: where the receiver listens; ``stored``, ``left_out``: records, since it does;
    ``silent_s``: for how long transcripts grew without a report, None where they did not."""

    asked: bool
    port: int | None
    stored: int
    left_out: int
    last_record: str | None
    silent_s: float | None
    error: str | None


class State(TypedDict):
    """What is read, before it is judged."""

    version: int
    at: str
    home: str
    recording: bool
    paused_since: str | None
    queue: QueueState
    other_queues: list[OtherQueue]
    leader: LeaderState
    warehouse: WarehouseState
    context: ContextState
    hooks: HooksState
    drift: DriftState
    tasks: TasksState | None
    exporter: ExporterState
    degraded: bool


class StatusDocument(State):
    """``health`` is the worst of ``checks`` (name → status); ``problems`` has a line for each check that is not ok."""

    health: Status
    checks: dict[str, Status]
    problems: list[str]
