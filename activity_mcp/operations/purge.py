"""What was recorded on this machine: where it lies, how large it is, and the removal of all of it.

Only what this package has made is touched, by name: a state directory may hold other things, and nothing here follows a
symbolic link. What was sent to Snowflake is not on this machine.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, NamedTuple

from ..errors import InvalidInput
from ..queue import Lease, read_queue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..config import Config

_OWN_FILES = ("settings.json", "forgotten.json")


class Holding(NamedTuple):
    """A file or a directory of ours; ``size`` is what it holds, in bytes."""

    path: str
    size: int


def holdings(config: Config) -> list[Holding]:
    """What there is of: the queues of every warehouse, the DuckDB file with what lies beside it, artifacts, settings."""
    return [Holding(path, _size(path)) for path in _own_paths(config)]


def purge(config: Config) -> list[Holding]:
    """Remove all of it; what was removed. Raises InvalidInput, and removes nothing, while a server is running."""
    found = holdings(config)
    for queue in _queues(config):
        lease = Lease(queue)
        if lease.is_held():
            pid = lease.last_told().get("pid", "?")
            raise InvalidInput(f"process {pid} still records into {queue}; nothing was deleted", hint="close Claude Code first")
    for path, _ in found:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    for directory in (config.queue_root, config.home):
        if os.path.isdir(directory) and not os.listdir(directory):
            os.rmdir(directory)
    return found


def _own_paths(config: Config) -> Iterator[str]:
    yield from _queues(config)
    yield from _beside(config.db)
    dropped = os.path.join(config.queue_root, "dropped")  # what hooks could not record, counted
    for path in (dropped, config.artifacts_dir, *(os.path.join(config.home, name) for name in _OWN_FILES)):
        if os.path.lexists(path):
            yield path


def _queues(config: Config) -> list[str]:
    """Every queue below the root, whichever warehouse it is for; a directory of another kind is none."""
    names = sorted(os.listdir(config.queue_root)) if os.path.isdir(config.queue_root) else []
    paths = [os.path.join(config.queue_root, name) for name in names if name.startswith(("duckdb-", "snowflake-"))]
    return [path for path in paths if not os.path.islink(path) and read_queue(path) is not None]


def _beside(db: str) -> list[str]:
    """The database, its log, and the copies that were set aside (``.corrupt-…``, ``.layout-…``)."""
    folder, name = os.path.split(db)
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return [os.path.join(folder, found) for found in names if found == name or found.startswith(f"{name}.")]


def _size(path: str) -> int:
    if not os.path.isdir(path) or os.path.islink(path):
        return os.lstat(path).st_size
    return sum(os.lstat(os.path.join(folder, name)).st_size for folder, _, names in os.walk(path) for name in names)
