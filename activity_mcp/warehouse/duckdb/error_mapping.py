"""DuckDB's errors as ours: the one place where its messages are read."""

from __future__ import annotations

import re

from ...errors import BatchRejected, BatchTooLarge, WarehouseBusy, WarehouseError, WarehouseNewer, WarehouseUnavailable
from ..base import REJECTED

_DAMAGED = ("not a valid duckdb database", "corrupt database file", "corrupt wal file", "could not read enough bytes")
"""What the engine says of a file that it has read and that cannot be right: cut short, or a checksum disagrees."""
_OF_THE_SURROUNDINGS = (
    "out of memory", "set lock", "conflicting lock", "permission denied", "no space left", "disk quota", "file too large",
    "read-only file system", "too many open files", "input/output error", "is a directory", "no such file",
    "already attached", "different configuration",
)  # fmt: skip
"""Part of the engine's message, or of the operating system's in it, where the cause is not what is in the file."""


def says_damaged(error: BaseException) -> bool:
    """Whether the engine says so itself, of the file and not of the disk or of what it has spilled."""
    text = str(error).lower()
    return any(words in text for words in _DAMAGED) and "input/output error" not in text and ".tmp/" not in text


def is_of_the_surroundings(error: BaseException) -> bool:
    """Whether the machine keeps the file from being used: memory, disk, locks, permissions, time."""
    import duckdb

    if isinstance(error, (OSError, MemoryError, duckdb.OutOfMemoryException, duckdb.InterruptException)):
        return True
    return any(words in str(error).lower() for words in _OF_THE_SURROUNDINGS)


def may_be_damage(error: BaseException) -> bool:
    """Whether the file should be read once more to know: it failed where nobody but the engine and the file are involved."""
    import duckdb

    kinds = (duckdb.IOException, duckdb.SerializationException, duckdb.InternalException, duckdb.FatalException)
    is_unnamed = type(error) is duckdb.Error  # as failures while the log is taken in are
    return (isinstance(error, kinds) or is_unnamed) and not is_of_the_surroundings(error)


def is_in_use(error: BaseException) -> bool:
    """Whether another process has the file open."""
    lowered = str(error).lower()
    return "could not set lock" in lowered or "conflicting lock" in lowered


def blames_itself(error: BaseException | None) -> bool:
    """Whether the engine calls it a fault of its own. Where the same row meets it twice, the engine cannot take the row."""
    import duckdb

    return isinstance(error, duckdb.InternalException)


def mapped(error: Exception, path: str) -> WarehouseError:
    """The error to raise for it, if the file is not damaged."""
    import duckdb

    text = str(error).splitlines()[0][:200]
    lowered = text.lower()
    if isinstance(error, duckdb.InterruptException):
        late = WarehouseUnavailable(
            f"{path} did not answer in time; nothing was written, the queue holds it all", hint="it is tried again by itself"
        )
        late.smaller_may_pass = True
        return late
    if isinstance(error, (duckdb.OutOfMemoryException, MemoryError)) or "out of memory" in lowered:
        return BatchTooLarge(
            f"the engine of {path} ran out of the memory it may use ({text}); nothing was written, the queue holds it",
            hint="it is tried again by itself with fewer events at a time",
        )
    if is_in_use(error):
        holder = re.search(r"PID (\d+)", str(error))
        who = f"another process (pid {holder[1]})" if holder else "another process"
        return WarehouseBusy(
            f"{who} has {path} open; nothing is lost, the queue holds it",
            hint="it is tried again by itself; close that program",
        )
    if "version" in lowered and ("newer" in lowered or "storage version" in lowered or "database file with version" in lowered):
        return WarehouseNewer(f"{path} was written by a newer DuckDB ({text})", hint="upgrade activity-mcp")
    if isinstance(error, (duckdb.DataError, duckdb.IntegrityError, duckdb.InvalidInputException, duckdb.InternalException)):
        return BatchRejected(f"{REJECTED}: {text}")
    unusable = WarehouseUnavailable(
        f"{path} cannot be used ({text}); nothing is lost, the queue holds it",
        hint="check the disk, the path and the permissions",
    )
    unusable.smaller_may_pass = "no space left" in lowered
    unusable.retryable = False  # a command does not wait for it; a server tries again all the same
    return unusable
