"""Errors of the disk as answers to the caller: what happened, what it means for the event, what to do."""

from __future__ import annotations

import errno

from ..errors import DiskFull, NotDurable, QueueBusy, QueueFull, QueueRefused, UnsupportedStateDirectory

_NO_SPACE = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
_NO_PLACE = frozenset((errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.ELOOP))


def refusal(error: OSError, directory: str) -> QueueRefused:
    """The error to raise for an event that was not written because of the disk's ``error``."""
    reason = error.strerror or str(error)
    if error.errno in _NO_SPACE:
        return DiskFull(
            f"not accepted: {reason} in {directory}; nothing half-written remains", hint="free some space, then try again"
        )
    if error.errno in _NO_PLACE:
        return UnsupportedStateDirectory(
            f"not accepted: {reason}: {error.filename or directory}",
            hint="make it writable for you, or keep the queue elsewhere (QUEUE_DIR, or ACTIVITY_HOME with all else)",
        )
    if error.errno == errno.EIO:
        return not_durable(reason)
    return QueueRefused(f"not accepted: {reason} in {directory}", hint="the event was not recorded; try again")


def not_durable(reason: str) -> NotDurable:
    """The error for lines that may or may not be on the disk."""
    return NotDurable(
        f"not accepted, may still be recorded: the disk failed ({reason})",
        hint="try again with the same activity_id: it is counted once; look at the disk",
    )


def busy(pid: int | None) -> QueueBusy:
    """The error for a lock that stayed held, by ``pid`` where that is known."""
    holder = f"pid {pid}" if pid else "another process"
    return QueueBusy(
        f"not accepted: append.lock held by {holder}; nothing was written",
        hint=f"try again; if it persists, look at what {holder} is doing",
    )


def full(uncommitted: int, size: int, max_bytes: int) -> QueueFull:
    """The error for ``size`` bytes that pass the cap; ``uncommitted`` and ``max_bytes`` in bytes as well."""
    return QueueFull(
        f"not accepted: {uncommitted} bytes wait for the warehouse and {size} more would pass MAX_QUEUE_SIZE ({max_bytes}); "
        "what was accepted before is kept",
        hint="see `activity-mcp status` for why the warehouse takes nothing, or raise MAX_QUEUE_SIZE",
    )
