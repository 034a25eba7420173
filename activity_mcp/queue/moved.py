"""A queue that was moved with its state directory: it goes on where it is now.

A queue is bound to its warehouse by the path of the DuckDB file. Where home and file were moved together, or restored from a
copy elsewhere, the queue that lies in the home is still that of the file beside it: it is given the file's new name before
anything opens it, so that what waits in it is shipped, its channel goes on, and the ledger of imports holds.

Only the usual layout is followed (the file and ``queue/`` in the home), and only a queue whose own file is gone, or whose own
state directory still has its queue under that name: any other belongs to another warehouse.
"""

from __future__ import annotations

import os

from ..activity import dump_json
from ..fs import LOCAL
from ..plain_json import loads
from .manifest import read_queue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..fs import FileSystem

_PREFIX = "duckdb:"


def follow_move(queue_dir: str, db: str, *, fs: FileSystem = LOCAL) -> bool:
    """Give the moved queue beside ``queue_dir`` its name. True when there was one; nothing happens where ``queue_dir`` exists.

    Raises nothing: where it cannot be done, the queue stays where it was and ``status`` names it.
    """
    root = os.path.dirname(queue_dir)
    if os.path.isdir(queue_dir) or root != os.path.join(os.path.dirname(db), "queue"):
        return False
    moved = [folder for folder in _queues(root) if _is_of(folder, db, fs)]
    if len(moved) != 1:
        return False
    try:
        _rename(moved[0], queue_dir, f"{_PREFIX}{os.path.realpath(db)}", fs)
    except (OSError, ValueError):
        return os.path.isdir(queue_dir)  # another process was faster
    return True


def _queues(root: str) -> list[str]:
    try:
        names = sorted(os.listdir(root))
    except OSError:
        return []
    return [os.path.join(root, name) for name in names if name.startswith("duckdb-")]


def _is_of(folder: str, db: str, fs: FileSystem) -> bool:
    """Whether the queue in ``folder`` is that of ``db`` under the name the file had elsewhere."""
    info = read_queue(folder, fs=fs)
    if info is None or not info.sink.startswith(_PREFIX):
        return False
    was = info.sink[len(_PREFIX) :]
    if was == os.path.realpath(db):
        return True  # its sink was renamed, its folder not yet
    if os.path.basename(was) != os.path.basename(db):
        return False
    has_begun = os.path.exists(os.path.join(folder, "commit.json"))
    if os.path.exists(was):
        return os.path.isdir(os.path.join(os.path.dirname(was), "queue", os.path.basename(folder)))  # this is a copy
    return os.path.exists(db) or not has_begun  # else the file is on a disk that is not there now


def _rename(folder: str, queue_dir: str, sink: str, fs: FileSystem) -> None:
    path = os.path.join(folder, "queue.json")
    members = loads(fs.read(path))
    fs.publish(path, dump_json({**members, "sink": sink}) + b"\n")
    os.rename(folder, queue_dir)
