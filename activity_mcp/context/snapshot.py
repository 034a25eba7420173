"""Snapshots: the newest known context of one (customer, project), in a file that any process may read at any time.

A directory holds, for each key, ``<key>.json`` (the snapshot) and ``<key>.request`` (a request for a newer one). A snapshot
is one line, a compact JSON object whose last member is ``_crc``, CRC-32 of the bytes before its comma, as in the queue:

    {"version":1,"customer":…,"project":…,"as_of_us":…,"row_version":…,"watermark":{channel: offset},"blob":{…},"_crc":"…"}

A scope of which nothing is known has a snapshot too, so that "nothing" is an answer, but not one with its name:
``customer`` and ``project`` are empty in it. So a question about a person leaves no name, and ``prune`` keeps few of these
files.

``as_of_us`` is when the blob was last verified to equal the warehouse's row, ``watermark`` the highest offset of each channel
that the blob holds. Invariants:

* A file is published whole by rename, so a reader sees the old one or the new one.
* It is never replaced by one that holds less (``knows_at_least``): a lower offset in a channel both know is refused; with all
  of these equal, an earlier verification, then a lower row version. A verification in the future cannot be trusted (a clock
  was set back) and protects nothing.
* A file that cannot be read (truncated, NUL-filled, altered, foreign) counts as missing, with the problem named, and
  is replaced by the next publication. One of a newer version counts as missing too, but is left alone: upgrade.

There is one publisher at a time, the holder of the lease; and because a leader may be stopped between its look at the file in
place and its own rename, and come to life again when another leads, both are made under ``publish.lock``.
Standard library only: a hook reads a snapshot too.
"""

from __future__ import annotations

import os
import zlib

from ..activity import dump_json, encode_line, sha256_hex
from ..clock import SYSTEM_CLOCK, iso
from ..fs import LOCAL
from ..plain_json import loads as plain_loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..clock import Clock
    from ..fs import FileSystem

    Signature = tuple[int, int, int]

VERSION = 1
ALL_PROJECTS = "*"
MAX_BYTES = 16 * 1024 * 1024
"""A snapshot is some tens of KB; what is larger than this is not one, and is not read into memory."""
MAX_SNAPSHOTS, MAX_EMPTY, MAX_REQUESTS = 500, 64, 500
"""Files of one directory: with them the leader's look at it, and a refresh, stay a matter of milliseconds."""
_MAX_NAMELESS_BYTES = 1024

_LOCK = "publish.lock"
_MAX_PATHS = 256
_PATIENCE_S = 1.0
"""A publication takes milliseconds; a process that holds the lock for longer is stopped."""
_CHECKSUM = b',"_crc":"'
_KEY_LENGTH = 20
_SNAPSHOT, _REQUEST = ".json", ".request"


class Snapshot:
    """A context and how much of the stream it holds. Nothing changes it once it is made."""

    __slots__ = ("_as_of", "as_of_us", "blob", "customer", "project", "row_version", "watermark")

    def __init__(
        self, customer: str, project: str, blob: dict[str, Any], watermark: dict[str, str], as_of_us: int, row_version: int
    ) -> None:
        self.customer = customer
        self.project = project
        self.blob = blob
        self.watermark = watermark
        self.as_of_us = as_of_us
        self.row_version = row_version
        self._as_of: str | None = None

    @property
    def as_of(self) -> str:
        """``as_of_us`` as text. Each answer says it."""
        if self._as_of is None:
            self._as_of = iso(self.as_of_us)
        return self._as_of

    def record(self) -> dict[str, Any]:
        """The members of the file, in their order, without the checksum."""
        return {
            "version": VERSION,
            "customer": self.customer,
            "project": self.project,
            "as_of_us": self.as_of_us,
            "row_version": self.row_version,
            "watermark": self.watermark,
            "blob": self.blob,
        }

    def is_nameless(self) -> bool:
        """Whether this is the file of an unknown scope: empty, and without its name."""
        return not (self.blob or self.customer or self.project)


class Reading:
    """What a look at a snapshot's file gave: the snapshot, or why there is none (``problem``; None: there is no file)."""

    __slots__ = ("newer", "problem", "signature", "snapshot")

    def __init__(
        self, snapshot: Snapshot | None, problem: str | None = None, signature: Signature | None = None, *, newer: bool = False
    ) -> None:
        self.snapshot = snapshot
        self.problem = problem
        self.signature = signature
        self.newer = newer


class SnapshotStore:
    """The snapshots and requests of one directory (``context/`` of a queue). Reading never raises; publishing may."""

    def __init__(
        self,
        directory: str,
        *,
        clock: Clock = SYSTEM_CLOCK,
        loads: Callable[[bytes], Any] = plain_loads,
        dumps: Callable[[Any], bytes] = dump_json,
        fs: FileSystem = LOCAL,
    ) -> None:
        self.directory = directory
        self._fs = fs
        self._clock = clock
        self._loads = loads
        self._dumps = dumps
        self._paths: dict[tuple[str, str], str] = {}  # of those that were asked for, each answer asks again

    def publish(self, snapshot: Snapshot) -> bool:
        """Make this the snapshot of its key, unless the one in place holds more or is of a newer version (then False)."""
        self._fs.ensure_directory(self.directory)
        held = self._fs.hold(os.path.join(self.directory, _LOCK), _PATIENCE_S)
        try:
            found = self.load(snapshot.customer, snapshot.project)
            if found.newer or (found.snapshot and not knows_at_least(snapshot, found.snapshot, self._clock.time_us())):
                return False
            record = snapshot.record() if snapshot.blob else {**snapshot.record(), "customer": "", "project": ""}
            self._fs.publish(self._path(snapshot.customer, snapshot.project), encode_line(record, self._dumps))
        finally:
            self._fs.close(held)
        return True

    def read(self, customer: str, project: str) -> Snapshot | None:
        """The snapshot of this key, or None. ``load`` says why."""
        return self.load(customer, project).snapshot

    def load(self, customer: str, project: str) -> Reading:
        """The snapshot of this key, or what is wrong with its file, and the signature of exactly what was read."""
        reading = self._load_path(self._path(customer, project))
        found = reading.snapshot
        if found is not None and found.is_nameless():
            named = Snapshot(customer, project, {}, found.watermark, found.as_of_us, found.row_version)
            return Reading(named, None, reading.signature)
        if found and (found.customer, found.project) != (customer, project):
            return Reading(None, "the snapshot file belongs to another context", reading.signature)
        return reading

    def stat(self, customer: str, project: str) -> Signature | None:
        """What changes whenever the file is published again: its mtime in nanoseconds, inode and size. None: no file."""
        path = self._paths.get((customer, project))
        if path is None:
            if len(self._paths) >= _MAX_PATHS:
                self._paths.clear()
            path = self._paths[customer, project] = self._path(customer, project)
        try:
            return _signature(os.stat(path))
        except OSError:
            return None

    def known(self) -> list[tuple[str, str]]:
        """Customer and project of every readable snapshot that is not nameless: by these it can be verified again."""
        found = (self._load_path(os.path.join(self.directory, name)).snapshot for name in self._names(_SNAPSHOT))
        return sorted((each.customer, each.project) for each in found if each and not each.is_nameless())

    def prune(self, most: int = MAX_SNAPSHOTS, most_empty: int = MAX_EMPTY) -> int:
        """Remove the snapshots that were verified the longest ago, beyond so many, of empty ones beyond fewer; how many.

        A later question for one of these leaves a request for it, as the first did.
        """
        names = self._names(_SNAPSHOT)
        if len(names) <= most_empty:
            return 0
        found = []
        for path in (os.path.join(self.directory, name) for name in names):
            status = self._fs.stat(path)
            if status is not None:
                found.append((status.st_mtime_ns, status.st_size, path))
        found.sort(reverse=True)
        empty = [path for _, size, path in found if size <= _MAX_NAMELESS_BYTES and self._is_nameless(path)]
        surplus = {*empty[most_empty:], *[path for _, _, path in found][most:]}
        return sum(map(_unlink, surplus))

    def _is_nameless(self, path: str) -> bool:
        found = self._load_path(path).snapshot
        return found is not None and found.is_nameless()

    def clear(self) -> int:
        """Forget every snapshot and every request, unreadable and unfinished ones included; how many snapshots there were."""
        unfinished = [name for name in self._fs.names(self.directory) if name.endswith(".tmp")]  # of a process that was killed
        for name in (*self._names(_REQUEST), *unfinished):
            _unlink(os.path.join(self.directory, name))
        return sum(_unlink(os.path.join(self.directory, name)) for name in self._names(_SNAPSHOT))

    # --- requests

    def request(self, customer: str, project: str) -> None:
        """Leave a request for a newer snapshot of this key, for the leader to find. Twice is the same as once.

        It is not synced: after a power cut nobody waits for it any more, and what is left of it is removed when found.
        """
        self._fs.ensure_directory(self.directory)
        if len(self._names(_REQUEST)) >= MAX_REQUESTS:
            return  # no leader answers them
        request = {"version": VERSION, "customer": customer, "project": project}
        self._fs.publish(self._path(customer, project, "request"), dump_json(request) + b"\n", durable=False)

    def requests(self) -> list[tuple[str, str]]:
        """Customer and project of every request. One that cannot be read is removed: its process repeats it."""
        found = []
        for name in self._names(_REQUEST):
            path = os.path.join(self.directory, name)
            try:
                found.append(_read_request(path))
            except OSError:
                continue
            except (ValueError, KeyError, TypeError, RecursionError):
                _unlink(path)
        return sorted(found)

    def clear_request(self, customer: str, project: str) -> None:
        """Remove the request. Do it before reading the warehouse, so that a request left meanwhile is kept."""
        _unlink(self._path(customer, project, "request"))

    # --- files

    def _path(self, customer: str, project: str, kind: str = "json") -> str:
        return os.path.join(self.directory, f"{key_of(customer, project)}.{kind}")

    def _names(self, ending: str) -> list[str]:
        try:
            names = os.listdir(self.directory)
        except OSError:
            return []
        return sorted(name for name in names if _is_key(name.removesuffix(ending)) and name.endswith(ending))

    def _load_path(self, path: str) -> Reading:
        try:
            with self._fs.reader(path) as file:
                signature = _signature(os.fstat(file.fileno()))
                data = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            return Reading(None)
        except OSError as error:
            return Reading(None, f"the snapshot file cannot be read ({error.strerror})")
        try:
            record = self._loads(data)
        except (ValueError, RecursionError):
            return Reading(None, "the snapshot file is damaged", signature)
        version = record.get("version") if isinstance(record, dict) else None
        if isinstance(version, int) and version > VERSION and (_is_whole(data) or _CHECKSUM not in data):
            return Reading(None, "the snapshot was written by a newer version: upgrade activity-mcp", signature, newer=True)
        snapshot = _snapshot_of(record) if _is_whole(data) else None
        return Reading(snapshot, None if snapshot else "the snapshot file is damaged", signature)


def key_of(customer: str, project: str) -> str:
    """The name of this context's files, without their ending. ``project`` is ``"*"`` for all projects."""
    return sha256_hex(f"{customer}\0{project}")[:_KEY_LENGTH]


def _is_key(text: str) -> bool:
    return len(text) == _KEY_LENGTH and not text.strip("0123456789abcdef")


def knows_at_least(new: Snapshot, old: Snapshot, now_us: int) -> bool:
    """Whether ``new`` may take the place of ``old``.

    The offsets of the channels both know decide first: one lower refuses, else one higher accepts. With all of them equal
    (or none in common) the earlier verification is refused, then the lower row version.
    """
    common = new.watermark.keys() & old.watermark.keys()
    if any(new.watermark[channel] < old.watermark[channel] for channel in common):
        return False
    if any(new.watermark[channel] > old.watermark[channel] for channel in common) or old.as_of_us > now_us:
        return True
    return (new.as_of_us, new.row_version) >= (old.as_of_us, old.row_version)


def _signature(status: os.stat_result) -> Signature:
    return (status.st_mtime_ns, status.st_ino, status.st_size)


def _is_whole(data: bytes) -> bool:
    at = data.rfind(_CHECKSUM)
    return at > 0 and data[at:] == b'%s%08x"}\n' % (_CHECKSUM, zlib.crc32(data[:at]))


def _snapshot_of(record: Any) -> Snapshot | None:
    """The snapshot in a decoded file, or None where its members are not what this version writes."""
    if not isinstance(record, dict):
        return None
    customer, project, blob, watermark = (record.get(name) for name in ("customer", "project", "blob", "watermark"))
    as_of_us, row_version = record.get("as_of_us"), record.get("row_version")
    if not (isinstance(customer, str) and isinstance(project, str) and isinstance(blob, dict) and isinstance(watermark, dict)):
        return None
    if not (isinstance(as_of_us, int) and isinstance(row_version, int)):
        return None
    if not all(isinstance(offset, str) for offset in watermark.values()):
        return None
    return Snapshot(customer, project, blob, watermark, as_of_us, row_version)


def _read_request(path: str) -> tuple[str, str]:
    with LOCAL.reader(path) as file:
        request = plain_loads(file.read(64 * 1024))
    customer, project = request["customer"], request["project"]
    if not (isinstance(customer, str) and isinstance(project, str)):
        raise ValueError("a request names a customer and a project")
    return customer, project


def _unlink(path: str) -> bool:
    try:
        os.unlink(path)
    except OSError:
        return False
    return True
