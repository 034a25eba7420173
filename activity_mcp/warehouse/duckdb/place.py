"""Where the database file may be: on a local file system, below directories of our own, and a file as its log is."""

from __future__ import annotations

import os

from ... import fs
from ...errors import UnsupportedStateDirectory, WarehouseRefused


def check_directory(path: str) -> None:
    """A file system that fakes locks lets two writers into one file; a directory open to all lets anyone swap it.

    Raises:
        WarehouseRefused: the file at ``path`` would be in such a place.
    """
    try:
        fs.LOCAL.check_supported(path)
        fs.LOCAL.check_above(path)
    except UnsupportedStateDirectory as error:
        raise WarehouseRefused(
            f"{path} cannot hold the warehouse: {error.message}; the queue holds everything", hint=error.hint
        ) from error


def check_files(path: str) -> None:
    """DuckDB opens whatever is there: a pipe holds it for ever, before any deadline can interrupt it.

    Raises:
        WarehouseRefused: the database at ``path``, or its log, is a pipe, a device or a socket.
    """
    for each in (path, f"{path}.wal"):
        if os.path.exists(each) and not os.path.isfile(each) and not os.path.isdir(each):
            raise WarehouseRefused(
                f"{each} is a pipe, a device or a socket, and no file; nothing was written, the queue holds everything",
                hint="move it away, or set ACTIVITY_DB to another path",
            )
