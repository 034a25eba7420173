"""Rewriting the embedded warehouse's file as it is, without the blocks that no row uses any more.

What DELETE removes (retention does) stays in the file's free blocks until they are used again, which may take years. So its
live content is copied into a second file beside it, which then takes its place by one rename; until then nothing has changed.

To be called by the holder of the lease, with the file closed: nobody else writes meanwhile, and readers have the old file until
they open it again.
"""

from __future__ import annotations

import os

from ... import fs
from ...errors import WarehouseUnavailable
from . import layout
from .error_mapping import mapped
from .rewrite import ENDING, remove_leftovers

_MEMORY = "512MB"


def compact(path: str) -> None:
    """Rewrite the file at ``path``. Raises what a warehouse raises; the old file is then in its place, unchanged."""
    import duckdb

    made = f"{path}{ENDING}"
    remove_leftovers(path)
    try:
        with duckdb.connect(
            ":memory:", config={"threads": 1, "memory_limit": _MEMORY, "temp_directory": f"{path}.tmp"}
        ) as engine:
            engine.execute(f"ATTACH '{_quoted(path)}' AS old")  # for writing: so that it takes in its log
            engine.execute("CHECKPOINT old")
            engine.execute(f"ATTACH '{_quoted(made)}' AS new")
            engine.execute("COPY FROM DATABASE old TO new")
            engine.execute("CHECKPOINT new")
            engine.execute("DETACH new")
            engine.execute("DETACH old")
        with duckdb.connect(made, read_only=True) as connection:
            is_whole = layout.is_current(connection)
        if not is_whole or os.path.exists(f"{path}.wal"):
            raise WarehouseUnavailable(
                f"{path} could not be copied whole; it is as it was", hint="nothing to do: it is tried again"
            )
        os.chmod(made, 0o600)
        fs.put_in_place(made, path)
    except (duckdb.Error, MemoryError) as error:
        raise mapped(error, path) from error
    finally:
        remove_leftovers(path)


def _quoted(path: str) -> str:
    return path.replace("'", "''")
