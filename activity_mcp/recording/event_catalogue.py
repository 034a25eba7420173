"""Every ``system_event`` that this program writes about itself: its name, its severities, when it is written, what to do.

``docs/events.md`` is this table; a test compares the two, and another finds any event that is named elsewhere. What hooks
record of Claude Code (event_type ``hook``) is no event of the program's own, and is not listed.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class SystemEvent(NamedTuple):
    """One kind of system_event. ``severities``: the usual one first, and every other one it may have."""

    event_type: str
    severities: tuple[str, ...]
    when: str
    what_to_do: str

    def features(self, message: str | None, *, severity: str | None = None, **more: Any) -> dict[str, Any]:
        """The event's ``feature_json``; ``more`` such as ``action_taken`` and ``metrics``.

        Raises:
            ValueError: the catalogue does not list this severity.
        """
        chosen = severity or self.severities[0]
        if chosen not in self.severities:
            raise ValueError(f"{self.event_type} is never {chosen}")
        worded = {} if message is None else {"message": message}
        return {"event_type": self.event_type, "severity": chosen, **worded, **more}


QUEUE_REFUSED = SystemEvent(
    "queue_refused",
    ("error",),
    "Events were refused because the queue or the disk was full, or a lock stayed busy; written once there is room again.",
    "Their callers got an error. Make room on the disk, or let the warehouse take the backlog.",
)
SYNC_FAILED = SystemEvent(
    "sync_failed",
    ("error",),
    "The disk refused to sync events that had been answered (`ACTIVITY_DURABILITY=interval`).",
    "Check the disk: a power cut may lose the last events.",
)
ERROR_RECOVERY = SystemEvent(
    "error_recovery",
    ("warning", "error", "info"),
    "Something damaged was mended: the queue's files were rebuilt or replaced, a damaged range or an event that the warehouse "
    "cannot take was set aside, dead letters were appended again.",
    "Look at `dead/` beside the queue; `activity-mcp flush --retry-dead` appends what can be read again.",
)
ROWS_LEFT_OUT = SystemEvent(
    "rows_left_out",
    ("error",),
    "Snowflake committed a batch and left some of its rows out.",
    "The range is kept in `dead/`; `activity-mcp doctor` compares the table with what is sent.",
)
BACKPRESSURE = SystemEvent(
    "backpressure",
    ("warning", "info"),
    "The warehouse takes nothing for longer than `BACKPRESSURE_THRESHOLD` (warning), or takes events again (info).",
    "The queue keeps everything; `activity-mcp doctor` says what the warehouse answers.",
)
QUEUE_DEGRADED = SystemEvent(
    "queue_degraded",
    ("warning", "info"),
    "The queue is over 80 % full, so long values of new events are cut (warning), or has room again (info).",
    "Let the warehouse take the backlog, or raise `MAX_QUEUE_SIZE`.",
)
HEALTH_CHANGED = SystemEvent(
    "health_changed",
    ("warning", "error", "info"),
    "A check of `activity-mcp status` changed: to warn (warning), to fail (error), or to ok (info).",
    "The message holds the check's own hint.",
)
RECORDING_PAUSED = SystemEvent(
    "recording_paused",
    ("info",),
    "Recording goes on after `activity-mcp pause`; the message says from when to when nothing was recorded.",
    "Nothing: the gap was wanted.",
)
RETENTION = SystemEvent(
    "retention",
    ("info",),
    "The daily clean-up removed activities older than `ACTIVITY_RETENTION_DAYS`, or artifacts and insights that had ended.",
    "Nothing.",
)
FORGOTTEN = SystemEvent(
    "forgotten",
    ("info",),
    "`activity-mcp forget` removed events. The event names none of them.",
    "Nothing.",
)
SCHEMA_DRIFT_ACCEPTED = SystemEvent(
    "schema_drift_accepted",
    ("info",),
    "A person accepted schema drift with `activity-mcp drift accept`; quarantined insights came back.",
    "Nothing.",
)

BUDGET_REACHED = SystemEvent(
    "budget_reached",
    ("warning", "error"),
    "80 % (warning) or 100 % (error) of `ACTIVITY_BUDGET_DAY_USD` or `ACTIVITY_BUDGET_MONTH_USD` are spent; once a period.",
    "`activity-mcp usage` shows by whom. Nothing is blocked.",
)

CATALOGUE = (
    QUEUE_REFUSED,
    SYNC_FAILED,
    ERROR_RECOVERY,
    ROWS_LEFT_OUT,
    BACKPRESSURE,
    QUEUE_DEGRADED,
    HEALTH_CHANGED,
    RETENTION,
    FORGOTTEN,
    RECORDING_PAUSED,
    SCHEMA_DRIFT_ACCEPTED,
    BUDGET_REACHED,
)
