"""How far each transcript was imported, so that importing again sends nothing twice.

A file is always read from its start, since a call's result may be far from the call; what decides is the position of the line
that completes an event. ``FileMark.position`` is the offset up to which lines were imported: an event completed before it was
sent. Events that only the end of a file completes (a call without a result, the last turn's end, the session's end) are sent
when the file has been quiet for 30 minutes; ``settled`` says that this was done and ``closed`` holds their ids, in case the
file grows after all; ``unanswered`` holds those of calls without a result, which a later answer corrects. ``since_us`` is the
``--since`` of the import: older events were left out, and still count as new; so do those that were older than the retention
allows, once it allows more. ``lines`` are those that a fork of the session copies (see ``copies``); a mark that an older
version wrote has none, and its file is read once more.

A mark holds for a file that begins with the same bytes and has the same bytes before the position, also where it was moved to
under its name, such as into an archive. A file that was truncated or
replaced is imported from the start; so is one whose mark was lost. Its events have the same ids, and the warehouse folds them.

The ledger is one JSON file, published atomically. Call ``commit`` only after the events are durably in the queue.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ...errors import NewerFormat
from ...fs import ensure_directory, publish, reader
from .copies import LineOwners

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from typing import BinaryIO

VERSION = 1
QUIET_US = 30 * 60 * 1_000_000
"""A session that has written nothing for this long is over, for an import."""
_SETS = ("closed", "unanswered", "lines")
_HEAD_BYTES = 4096
_TAIL_BYTES = 1024


@dataclass(frozen=True, slots=True)
class FileMark:
    """One file, as far as it was imported."""

    path: str
    position: int
    size: int
    fingerprint: str
    settled: bool
    last_ts_us: int | None = None
    since_us: int | None = None
    closed: frozenset[str] = field(default_factory=frozenset)
    unanswered: frozenset[str] = field(default_factory=frozenset)
    lines: Collection[str] | None = None

    def has(self, activity_id: str, position: int, ts_us: int, *, is_answer: bool = True, is_too_old: bool = False) -> bool:
        """True when the event with this id, completed by the line at ``position``, was sent.

        ``is_answer`` False: it is that of a call without a result; ``is_too_old``: the warehouse would not keep it.
        """
        if self.since_us is not None and ts_us < self.since_us and not is_too_old:
            return False
        if activity_id in self.closed:
            return True
        if activity_id in self.unanswered:
            return not is_answer
        return position < self.position

    def is_complete(self, size: int, now_us: int, since_us: int | None) -> bool:
        """True when reading the file again could send nothing: it has not grown, and its end is settled or still open."""
        if (
            self.lines is None
            or size != self.size
            or (self.since_us is not None and (since_us is None or since_us < self.since_us))
        ):
            return False
        return self.settled or not is_quiet(self.last_ts_us, now_us)


def is_quiet(last_ts_us: int | None, now_us: int) -> bool:
    return last_ts_us is None or last_ts_us + QUIET_US <= now_us


def fingerprint_of(file: BinaryIO, position: int) -> str:
    """A hash of the file's beginning and of the bytes before the position."""
    digest = sha256()
    file.seek(0)
    digest.update(file.read(min(position, _HEAD_BYTES)))
    file.seek(max(0, position - _TAIL_BYTES))
    digest.update(file.read(min(position, _TAIL_BYTES)))
    return digest.hexdigest()[:32]


class ImportLedger:
    """The marks of all files. Raises NewerFormat when a newer version wrote them; an unreadable ledger counts as empty."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._marks = _read(path)
        self._moved: dict[str, FileMark] = {}

    def pending(
        self, paths: Iterable[str], *, now_us: int, since_us: int | None = None
    ) -> Iterator[tuple[str, FileMark | None]]:
        """The files worth reading, each with the mark to read it with; files that have nothing new are left out."""
        for path in paths:
            mark = self.mark(path)
            if mark is None or not mark.is_complete(_size(path), now_us, since_us):
                yield path, mark

    def mark(self, path: str) -> FileMark | None:
        """How far this file was imported; None when it is not known, or no longer the same file."""
        here = os.path.realpath(path)
        mark = self._marks.get(here) or self._gone.get(os.path.basename(here))
        if mark is None:
            return None
        try:
            with reader(path) as file:
                same = os.fstat(file.fileno()).st_size >= mark.position and (
                    fingerprint_of(file, mark.position) == mark.fingerprint
                )
        except OSError:
            return None
        if same and mark.path != here:
            mark = self._marks[here] = self._moved[here] = replace(mark, path=here)
        return mark if same else None

    @cached_property
    def _gone(self) -> dict[str, FileMark]:
        """The marks of files that are no longer where they were, by their name."""
        return {os.path.basename(path): mark for path, mark in self._marks.items() if not os.path.exists(path)}

    def paths(self) -> list[str]:
        """The files it knows."""
        return list(self._marks)

    def owners(self) -> LineOwners:
        """Which file each remembered line was taken under."""
        owners = LineOwners()
        for path, mark in self._marks.items():
            owners.add(path, mark.lines or ())
        return owners

    def commit(self, marks: Iterable[FileMark | None]) -> None:
        """Remember these marks (None is passed over). Marks of files that are gone are forgotten."""
        new = {mark.path: mark for mark in marks if mark is not None}
        if not new:
            return
        merged = {**_read(self._path), **self._moved, **new}  # another import may have committed other files meanwhile
        self._marks = {path: mark for path, mark in merged.items() if os.path.exists(path)}
        ensure_directory(os.path.dirname(self._path))
        publish(self._path, _encoded(self._marks))

    def forget(self, matches: Callable[[str], bool]) -> int:
        """Forget the marks of the files whose path is picked; how many."""
        marks = _read(self._path)
        kept = {path: mark for path, mark in marks.items() if not matches(path)}
        self._marks = kept
        if len(kept) < len(marks):
            publish(self._path, _encoded(kept))
        return len(marks) - len(kept)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return -1


def _encoded(marks: dict[str, FileMark]) -> bytes:
    text = bytearray(json.dumps({"version": VERSION}).removesuffix("}").encode())
    text += b', "files": {'
    for nth, (path, mark) in enumerate(marks.items()):
        text += f"{', ' * bool(nth)}{json.dumps(path)}: ".encode("utf-8", "surrogatepass")
        _encode(mark, text)
    text += b"}}"
    return bytes(text)


def _encode(mark: FileMark, text: bytearray) -> None:
    """Append it as ``_mark`` reads it: what an older version did not write stays away. Lines, which may be many, one by one."""
    sets = {name: sorted(found) for name in _SETS if name != "lines" and (found := getattr(mark, name)) is not None}
    plain = {name: getattr(mark, name) for name in mark.__slots__ if name not in _SETS}
    text += json.dumps(plain | sets).removesuffix("}").encode("utf-8", "surrogatepass")
    if mark.lines is not None:
        text += b', "lines": ['
        for nth, line in enumerate(mark.lines):
            text += f"{', ' * bool(nth)}{json.dumps(line)}".encode()
        text += b"]"
    text += b"}"


def _read(path: str) -> dict[str, FileMark]:
    try:
        with reader(path) as file:
            stored = json.load(file)
    except (OSError, ValueError):
        return {}
    if not isinstance(stored, dict) or not isinstance(stored.get("files"), dict):
        return {}
    version = stored.get("version")
    if isinstance(version, int) and version > VERSION:
        raise NewerFormat(f"{path} was written by a newer version; nothing was imported", hint="upgrade activity-mcp")
    marks = {name: _mark(entry) for name, entry in stored["files"].items()}
    return {name: mark for name, mark in marks.items() if mark is not None}


def _mark(entry: Any) -> FileMark | None:
    try:
        sets = {name: frozenset(entry[name]) for name in _SETS if name in entry}
        mark = FileMark(**{**entry, **sets})
    except (TypeError, AttributeError):
        return None
    return mark if type(mark.position) is int and type(mark.size) is int else None
