"""DuckDB's errors as ours: the one place where its messages are read."""

from __future__ import annotations

import re

from ...errors import BatchRejected, BatchTooLarge, WarehouseCorrupt, WarehouseError, WarehouseNewer, WarehouseUnavailable
from ..base import REJECTED


def mapped(error: Exception, path: str) -> WarehouseError:
    """The error to raise for it. ``<aside>`` in a WarehouseCorrupt stands for the path that the file gets."""
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
    if "could not set lock" in lowered or "conflicting lock" in lowered:
        holder = re.search(r"PID (\d+)", str(error))
        who = f"another process (pid {holder[1]})" if holder else "another process"
        return WarehouseUnavailable(
            f"{who} has {path} open; nothing is lost, the queue holds it",
            hint="it is tried again by itself; close that program",
        )
    if "not a valid duckdb database" in lowered or "corrupt database file" in lowered:
        return WarehouseCorrupt(
            f"{path} is not readable as a DuckDB file and was set aside as <aside>; "
            "what was flushed into it is in there, what is queued goes into a new file",
            hint="keep the set-aside file, or restore a backup in its place",
        )
    if "version" in lowered and ("newer" in lowered or "storage version" in lowered or "database file with version" in lowered):
        return WarehouseNewer(f"{path} was written by a newer DuckDB ({text})", hint="upgrade activity-mcp")
    if isinstance(error, (duckdb.DataError, duckdb.IntegrityError, duckdb.InvalidInputException)):
        return BatchRejected(f"{REJECTED}: {text}")
    unusable = WarehouseUnavailable(
        f"{path} cannot be used ({text}); nothing is lost, the queue holds it",
        hint="check the disk, the path and the permissions",
    )
    unusable.smaller_may_pass = "no space left" in lowered
    unusable.retryable = False  # a command does not wait for it; a server tries again all the same
    return unusable
