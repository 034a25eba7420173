"""What was recorded on this machine: which files are ours, to the name, and how large they are.

A state directory may hold other things, so may the directory of the database, and both may have been another program's before:
so nothing is ours by its place alone. ``_OWN`` lists every name that this package writes, by directory; a directory is ours to
look into by its marker (``settings.json`` or ``.activity-mcp-home``, a queue's ``queue.json``, an artifact's ``.meta.json``).
Only regular files count, symbolic links are not followed, and what has one of our names but other content is left, and named.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

import orjson

from ..errors import NewerFormat
from ..fs import LOCAL
from ..identity import MARKER, is_own_home
from ..queue import read_queue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..config import Config
    from .selection import Selection

_OWN = {
    "home": r"settings\.json(?:\.damaged)?|forgotten\.json|http-token|otlp-token|paused|" + re.escape(MARKER),
    "queue": r"[a-z][a-z-]*\.(?:json|lock|request)|refused|search\.sqlite3(?:-wal|-shm|-journal)?",
    "queue/seg": r"\d{12,}\.ndjson",
    "queue/dead": r"[\w-]+\.ndjson",
    "queue/context": r"[0-9a-f]{20}\.(?:json|request)|publish\.lock",
    "queue/sessions": r"[0-9a-f]{32}",
    "queue/starts": r"[0-9a-f]{32}",
    "queue/prompts": r"[0-9a-f]{32}",
    "queue/prompt-keys": r"[0-9a-f]{32}",
    "queue/transcripts": r"[0-9a-f]{32}",
    "queue/statusline": r"[0-9a-f]{32}",
    "bin": r"activity-hook",
    "spill": r"duckdb_temp[\w.-]*",
}
_SOCKET = re.compile(r"hook\.sock(?:\.\d+)?")
"""What a server that was killed leaves of its socket, which is no regular file."""
_UNFINISHED = r"(?:\.\d+\.[0-9a-f]+\.\d+(?:\.new)?\.tmp)*"
"""What a publication leaves that was killed (``fs.publish``)."""
_BESIDE_DB = r"(?:\.wal|\.rewriting(?:\.wal)?|\.layout-\d+|\.corrupt-[\w.-]+?(?:\.wal)?)?"
_SPILLS = (".tmp", ".rewriting.tmp")
_META = ".meta.json"
_PIECE_BYTES, _OVERLAP_BYTES = 1 << 22, 1 << 12
_DUCKDB_MAGIC = b"DUCK"
_DROPS = frozenset(b"PCQU")


class OwnFiles(NamedTuple):
    """What is ours in one place: its ``files``, and the ``directories`` to remove once these are empty."""

    path: str
    files: tuple[str, ...]
    directories: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        return sum(os.lstat(path).st_size for path in self.files if os.path.lexists(path))


def own_files(config: Config) -> list[OwnFiles]:
    """What there is of: the queues of every warehouse, the DuckDB file with what lies beside it, artifacts, settings."""
    found = [*map(_queue, own_queues(config.queue_root)), *_database(config.db)]
    dropped = os.path.join(config.queue_root, "dropped")  # what hooks could not record, counted
    if _is_regular(dropped) and set(LOCAL.read(dropped)) <= _DROPS:
        found.append(OwnFiles(dropped, (dropped,)))
    found += [*_artifacts(config.artifacts_dir), *_home(config.home)]
    return [held for held in found if held.files or held.directories]


def own_queues(root: str) -> list[str]:
    """Every queue below the root, whichever warehouse it is for; a directory of another kind is none."""
    paths = [os.path.join(root, name) for name in sorted(LOCAL.names(root)) if name.startswith(("duckdb-", "snowflake-"))]
    return [path for path in paths if not os.path.islink(path) and os.path.isdir(path) and _is_queue(path)]


def _is_queue(path: str) -> bool:
    try:
        return read_queue(path) is not None
    except (NewerFormat, OSError):
        return False


def _queue(path: str) -> OwnFiles:
    names = (kind.partition("/")[2] for kind in _OWN if kind.startswith("queue/"))
    parts = {"queue": path, **{f"queue/{name}": os.path.join(path, name) for name in names}}
    files = [file for kind, directory in parts.items() for file in _named(directory, _OWN[kind])]
    files += [os.path.join(path, name) for name in sorted(LOCAL.names(path)) if _SOCKET.fullmatch(name)]
    marker = os.path.join(path, "queue.json")  # the last to go: with it a purge that was stopped can go on
    files.sort(key=lambda file: file == marker)
    return OwnFiles(path, tuple(files), tuple(part for part in reversed(parts.values()) if os.path.isdir(part)))


def _database(db: str) -> Iterator[OwnFiles]:
    """The database, its log, the copies that were set aside, and what the engine spilled."""
    folder, name = os.path.split(db)
    for path in _named(folder, re.escape(name) + _BESIDE_DB):
        if path.endswith(".wal") or _is_duckdb(path):
            yield OwnFiles(path, (path,))
    for spilled in (db + ending for ending in _SPILLS):
        if os.path.isdir(spilled) and not os.path.islink(spilled):
            yield OwnFiles(spilled, tuple(_named(spilled, _OWN["spill"])), (spilled,))


def _is_duckdb(path: str) -> bool:
    """By the magic bytes behind the checksum of the first block; nothing at all is what a killed engine leaves."""
    head = LOCAL.read(path, 12)
    return not head or head[8:12] == _DUCKDB_MAGIC


def _artifacts(directory: str) -> Iterator[OwnFiles]:
    """Content is ours where one of our files describes it."""
    files: list[str] = []
    for meta in _named(directory, rf"[\w-]+{re.escape(_META)}"):
        try:
            described = orjson.loads(LOCAL.read(meta))
            content = os.path.join(directory, os.path.basename(described["file"]))
            is_own = bool(described["version"]) and described["artifact_id"] + _META == os.path.basename(meta)
        except (OSError, ValueError, KeyError, TypeError):
            continue
        files += [path for path in (content, meta) if is_own and _is_regular(path)]
    files += [path for path in _named(directory, r"[\w-]+\.(?:ndjson|txt|json)") if path.endswith(".tmp")]
    if files:
        yield OwnFiles(directory, tuple(dict.fromkeys(files)), (directory,))


def _home(home: str) -> Iterator[OwnFiles]:
    try:
        is_own = is_own_home(home)
    except (NewerFormat, OSError):
        is_own = False
    for path in _named(home, _OWN["home"]) if is_own else ():
        yield OwnFiles(path, (path,))
    programs = os.path.join(home, "bin")
    if is_own and (files := _named(programs, _OWN["bin"])):
        yield OwnFiles(programs, tuple(files), (programs,))


def _named(directory: str, pattern: str) -> list[str]:
    """The regular files of these names in a directory, those that were never finished included."""
    if os.path.islink(directory) or not os.path.isdir(directory):
        return []
    matching = re.compile(f"(?:{pattern}){_UNFINISHED}")
    paths = [os.path.join(directory, name) for name in sorted(os.listdir(directory)) if matching.fullmatch(name)]
    return [path for path in paths if _is_regular(path)]


def files_that_hold(selection: Selection, paths: Iterable[str]) -> list[str]:
    """Those in whose bytes the session, the project or the text of the selection is; none where only a time was given."""
    if selection.session is None and selection.project is None and selection.pattern is None:
        return []
    return [path for path in paths if _is_regular(path) and any(map(selection.mentions, _pieces(path)))]


def _pieces(path: str) -> Iterator[str]:
    """A file's bytes as texts that overlap, so that nothing is cut in two, whatever the file's size."""
    with LOCAL.reader(path) as file:
        before = b""
        while data := file.read(_PIECE_BYTES):
            yield (before + data).decode("utf-8", "replace")
            before = data[-_OVERLAP_BYTES:]


def _is_regular(path: str) -> bool:
    return os.path.isfile(path) and not os.path.islink(path)
