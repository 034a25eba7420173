"""The errors of activity_mcp. Each one says what happened, what it means for the data, and what to do.

    ActivityError                    exit 1
    ├── InvalidInput                 exit 2   the caller can fix it; nothing was written
    │   ├── InvalidActivity                   one event was refused (``path`` names the member)
    │   ├── InvalidConfig                     an environment variable is wrong (``variable``)
    │   └── QueryRefused                      the SQL is not one read-only statement, or it failed
    ├── QueryCancelled               exit 1   the caller is gone; the query was stopped, nothing was stored
    ├── QueueRefused                 exit 3   the event was not accepted
    │   ├── QueueFull                         retryable: the cap is reached until the warehouse drains
    │   ├── QueueBusy                         retryable: another process held the append lock too long
    │   ├── DiskFull                          retryable: no space, nothing half-written remains
    │   ├── NotDurable                        retryable with the same activity_id: it may still be recorded
    │   ├── UnsupportedStateDirectory         the place cannot hold a queue (network drive, permissions, platform)
    │   │   └── ForeignHome                   ACTIVITY_HOME is another program's, or open to other users
    │   └── NewerFormat                       the queue on disk was written by a newer version: upgrade
    ├── CheckFailed                  exit 5   a step was not taken, because a check before it failed
    └── WarehouseError               exit 4   nothing is lost, the queue holds it
        ├── WarehouseUnavailable              retryable: locked, unreachable, timed out
        │   └── WarehouseBusy                 another process has the file open, for now
        ├── WarehouseRefused                  it refuses: credentials, grants, a missing table or extra; a person has to act
        ├── WarehouseCorrupt                  the file was set aside; a new one is made
        ├── WarehouseNewer                    its schema is newer than this version: upgrade
        ├── OffsetConflict                    retryable: another flusher moved the offset first
        ├── BatchTooLarge                     the engine has not the memory for a batch; the flusher halves it
        ├── StatementFailed                   a statement of deploy, migrate or upkeep failed; it was rolled back
        └── BatchRejected                     the engine refuses a row; the flusher finds it and quarantines it

``retryable`` says whether the same call can succeed later without a change; ``hint`` says what to do;
``exit_code`` is what a command exits with. Vendor errors are mapped to these where the vendor is called, nowhere else.
"""

from __future__ import annotations

DOCS_URL = "https://github.com/activity-mcp/activity-mcp/blob/main/docs"
"""Where hints send a reader: an installed package holds no documents."""


class ActivityError(Exception):
    """Base of every error raised on purpose. ``str(error)`` is one line; ``hint`` is the next thing to do."""

    exit_code = 1
    retryable = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def describe(self) -> str:
        """The message with its hint, on one line, as a person or a model should read it."""
        return f"{self.message}. {self.hint}" if self.hint else self.message


class InvalidInput(ActivityError):
    exit_code = 2


class InvalidActivity(InvalidInput):
    """One event was refused. ``path`` is where, such as ``feature_json.latency_ms``; ``reason`` says why."""

    def __init__(self, path: str, reason: str, *, hint: str = "") -> None:
        super().__init__(f"event refused, nothing was recorded: {path}: {reason}", hint=hint)
        self.path = path
        self.reason = reason


class InvalidConfig(InvalidInput):
    """An environment variable has a value that cannot be used. It is never replaced by a default."""

    def __init__(self, variable: str, reason: str, *, hint: str = "") -> None:
        super().__init__(f"{variable}: {reason}", hint=hint)
        self.variable = variable


class QueryRefused(InvalidInput):
    pass


class QueryCancelled(ActivityError):
    pass


class QueueRefused(ActivityError):
    exit_code = 3


class QueueFull(QueueRefused):
    retryable = True


class QueueBusy(QueueRefused):
    retryable = True


class DiskFull(QueueRefused):
    retryable = True


class NotDurable(QueueRefused):
    retryable = True


class UnsupportedStateDirectory(QueueRefused):
    pass


class ForeignHome(UnsupportedStateDirectory):
    """ACTIVITY_HOME is another program's, or open to other users: nothing at all is written there."""


class NewerFormat(QueueRefused):
    pass


class CheckFailed(ActivityError):
    exit_code = 5


class WarehouseError(ActivityError):
    """``smaller_may_pass``: a batch of fewer rows may pass where this one failed."""

    exit_code = 4
    smaller_may_pass = False


class WarehouseUnavailable(WarehouseError):
    retryable = True


class WarehouseBusy(WarehouseUnavailable):
    pass


class WarehouseRefused(WarehouseError):
    pass


class WarehouseCorrupt(WarehouseError):
    pass


class WarehouseNewer(WarehouseError):
    pass


class BatchRejected(WarehouseError):
    pass


class BatchTooLarge(WarehouseError):
    smaller_may_pass = True


class StatementFailed(WarehouseError):
    pass


class OffsetConflict(WarehouseError):
    """Another flusher committed first. ``found`` is the offset the channel has now, as text, or None."""

    retryable = True

    def __init__(self, message: str, *, found: str | None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.found = found
