"""The removal of all that was recorded on this machine, and of nothing else (``own_files``).

What was sent to Snowflake is not on this machine.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, NamedTuple

from ..errors import InvalidInput
from ..fs import LOCAL
from ..queue import Lease
from .own_files import own_files, own_queues

if TYPE_CHECKING:
    from ..config import Config


class Purged(NamedTuple):
    """How many places and bytes were removed, and what is ``left`` in our directories because it is not ours."""

    places: int
    size: int
    left: tuple[str, ...] = ()


def purge(config: Config) -> Purged:
    """Remove all of it.

    Raises InvalidInput, and removes nothing, while a server is running, or where the database holds tables of another program.
    """
    for queue in own_queues(config.queue_root):
        lease = Lease(queue)
        if lease.is_held():
            pid = lease.last_report().get("pid", "?")
            raise InvalidInput(f"process {pid} still records into {queue}; nothing was deleted", hint="close Claude Code first")
    _refuse_foreign_tables(config.db)
    found = own_files(config)
    removed = Purged(len(found), sum(held.size for held in found))
    for held in found:
        for path in held.files:
            LOCAL.unlink(path)
    places = [directory for held in found for directory in held.directories]
    for directory in (*places, config.queue_root, config.home):
        with contextlib.suppress(OSError):  # not empty: something in it is not ours
            os.rmdir(directory)
    left = [os.path.join(directory, name) for directory in places for name in sorted(LOCAL.names(directory))]
    return removed._replace(left=tuple(path for path in left if path not in places))


def _refuse_foreign_tables(db: str) -> None:
    from ..warehouse.duckdb.layout import foreign_tables

    tables = foreign_tables(db)
    if tables:
        raise InvalidInput(
            f"{db} also holds tables that are not activity-mcp's ({', '.join(tables[:5])}); nothing was deleted",
            hint="move them to a database of their own, or point ACTIVITY_DB elsewhere",
        )
