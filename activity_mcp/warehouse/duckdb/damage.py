"""A database file that cannot be read any more: making sure of it, and putting it out of the way.

An error while a file is used says little about the file: a full disk, a lock and a lack of memory are nobody's damage. So where
an error may have another cause, the file is read once more, to its end and for reading only, before it is moved.
"""

from __future__ import annotations

import contextlib
import os
import threading

from ...errors import WarehouseCorrupt, WarehouseError, WarehouseUnavailable
from .error_mapping import is_of_the_surroundings, says_damaged

_READ_WITHIN_S = 60.0
_MEMORY = "1GB"


def is_damaged(path: str) -> bool:
    """Whether the file, with its log, cannot be read to its end. False where something else keeps it from being read.

    Nothing else in this process may have the file open.
    """
    import duckdb

    try:
        with contextlib.closing(duckdb.connect(path, read_only=True, config={"threads": 1, "memory_limit": _MEMORY})) as found:
            late = threading.Timer(_READ_WITHIN_S, found.interrupt)
            late.daemon = True
            late.start()
            try:
                _read_all(found)
            finally:
                late.cancel()
    except (duckdb.Error, OSError, MemoryError) as error:
        return says_damaged(error) or not is_of_the_surroundings(error)
    return False


def _read_all(connection: object) -> None:
    """Every block of every table: each has a checksum, which is compared when the block is read."""
    execute = connection.execute  # type: ignore[attr-defined]
    tables = execute(
        "SELECT database_name, schema_name, table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary"
    ).fetchall()
    for names in tables:
        table = ".".join('"{}"'.format(name.replace('"', '""')) for name in names)
        execute(f"SELECT COUNT(*) FROM (SELECT HASH(line) AS number FROM {table} AS line) WHERE number = 0").fetchall()  # noqa: S608


def set_aside(path: str, at: str) -> WarehouseError:
    """Move what is damaged to ``<path>.corrupt-<at>``: the log alone where the file is whole without it. The error to raise.

    ``at`` is a time as text. What is moved is kept for a person to look at; the next call makes a new file.
    """
    aside = f"{path}.corrupt-{at[:19].replace(':', '')}"
    try:
        log = _move_log(path, aside)
        if log and os.path.exists(path) and not is_damaged(path):
            return WarehouseCorrupt(
                f"{path}.wal, the log of the last flushes, is damaged and was set aside as {log}; the rest is in its place, "
                "and what the queue still holds is flushed again",
                hint="keep the set-aside log, or restore a backup",
            )
        os.rename(path, aside)
    except OSError as error:
        unmoved = WarehouseUnavailable(
            f"{path} is damaged and cannot be set aside ({error.strerror}); nothing is lost, the queue holds what comes",
            hint="move it away",
        )
        unmoved.retryable = False
        return unmoved
    return WarehouseCorrupt(
        f"{path} is not readable as a DuckDB file and was set aside as {aside}; "
        "what was flushed into it is in there, what is queued goes into a new file",
        hint="keep the set-aside file, or restore a backup in its place",
    )


def _move_log(path: str, aside: str) -> str | None:
    """Where the log is now, if there was one. Its siblings are those of a checkpoint that was interrupted."""
    moved = None
    for ending in (".wal", ".wal.checkpoint", ".wal.recovery"):
        with contextlib.suppress(FileNotFoundError):
            os.rename(f"{path}{ending}", f"{aside}{ending}")
            moved = moved or f"{aside}{ending}"
    return moved
