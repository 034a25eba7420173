"""Dead letters: the bytes that could not become a row, kept with their reason until a person looks.

One file for one range, ``dead/<segment>-<start>-<end>-<crc>.ndjson``, so that burying twice is burying once. Its first line
says what it is; each further line holds at most 48 KiB of the bytes, as ``text`` where they are UTF-8, else as ``base64``.
"""

from __future__ import annotations

import zlib
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64

from ..activity import dump_json
from ..clock import SYSTEM_CLOCK, iso
from ..fs import LOCAL
from ..plain_json import loads
from .offset import Offset
from .segment import FORMAT_VERSION, MAX_LINE_BYTES, checksum_agrees, newer_format, segment_numbers, segment_path
from .segment_reader import Damage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..clock import Clock
    from ..fs import FileSystem

_PIECE = 48 * 1024
_BEGINNING = b'{"activity_id":'
_HEADER = b'{"_segment":'
_MAX_TRIES = 16


class DeadLetter:
    """One quarantined range. ``reason`` is ``unreadable`` where the file itself is damaged; ``data`` is then what can be
    had."""

    __slots__ = ("_fs", "at", "end", "path", "reason", "segment", "start")

    def __init__(self, path: str, segment: int, start: int, end: int, reason: str, at: str, fs: FileSystem) -> None:
        self.path = path
        self.segment = segment
        self.start = start
        self.end = end
        self.reason = reason
        self.at = at
        self._fs = fs

    def data(self) -> bytes:
        """The bytes, as they were in the segment."""
        return b"".join(_piece(line) for line in self._fs.read(self.path).splitlines()[1:])


def bury(
    directory: str,
    damage: Damage,
    data: bytes | None,
    reason: str,
    *,
    clock: Clock = SYSTEM_CLOCK,
    fs: FileSystem = LOCAL,
) -> str:
    """Keep the damaged range in ``dead/``, synced, before the offset moves past it. Returns the path of its file.

    ``data`` None copies the range from its segment, in pieces: for ranges too long to be held in memory.

    Raises:
        OSError: the disk does not take it; the offset must not move then.
    """
    fs.ensure_directory(f"{directory}/dead")
    checksum = damage.offset.crc if data is None else zlib.crc32(data)
    name = "%012d-%012d-%012d-%08x" % (damage.segment, damage.start, damage.end, checksum)
    path = f"{directory}/dead/{name}.ndjson"
    if fs.stat(path) is None:
        head = {
            "version": FORMAT_VERSION,
            "segment": damage.segment,
            "from": damage.start,
            "to": damage.end,
            "reason": reason,
            "at": iso(clock.time_us()),
        }
        pieces = _cut(data) if data is not None else _copied(directory, damage, fs)
        fs.publish(path, _lines(head, pieces))
    return path


def bury_range(
    directory: str, after: Offset | None, upto: Offset, reason: str, *, clock: Clock = SYSTEM_CLOCK, fs: FileSystem = LOCAL
) -> list[str]:
    """Keep the bytes between two offsets, one file for each segment. Returns the paths; segments that are gone are left out."""
    paths = []
    for segment in segment_numbers(directory, fs):
        if segment > upto.segment or (after is not None and segment < after.segment):
            continue
        start = after.end if after is not None and segment == after.segment else 0
        start = start or _first_line_start(directory, segment, fs)
        found = fs.stat(segment_path(directory, segment))
        end = upto.end if segment == upto.segment else found.st_size if found else 0
        if end > start:
            place = upto if segment == upto.segment else Offset(segment, end, 0)
            paths.append(bury(directory, Damage(segment, start, end, place, reason), None, reason, clock=clock, fs=fs))
    return paths


def _first_line_start(directory: str, segment: int, fs: FileSystem) -> int:
    """The place behind the header."""
    fd = fs.open_read(segment_path(directory, segment))
    try:
        return fs.pread(fd, 4096, 0).find(b"\n") + 1
    finally:
        fs.close(fd)


def dead_letters(directory: str, *, fs: FileSystem = LOCAL) -> list[DeadLetter]:
    """The ranges that were set aside, in the order of their offsets.

    Raises:
        NewerFormat: one of them was written by a newer version.
    """
    names = sorted(name for name in fs.names(f"{directory}/dead") if name.endswith(".ndjson"))
    return [_read(f"{directory}/dead/{name}", name, fs) for name in names]


def salvage(data: bytes) -> tuple[list[bytes], bytes]:
    """The whole lines that can be read in set-aside bytes, each ending in a newline, and the bytes that are none of theirs.

    A line may follow a torn beginning or a hole, and its newline may be all that is lost: its checksum decides. The header of a
    segment is no event, and is dropped.
    """
    lines, rest = [], b""
    for part in data.split(b"\n"):
        piece = part + b"\n"
        start = _whole_from(piece)
        if start is None:
            rest += piece if part else b""
        else:
            rest += piece[:start]
            if not piece.startswith(_HEADER, start):
                lines.append(piece[start:])
    return lines, rest


def _whole_from(piece: bytes) -> int | None:
    """Where in ``piece`` a line begins whose checksum agrees; None where there is none."""
    if len(piece) <= MAX_LINE_BYTES and checksum_agrees(piece):
        return 0
    start, tries = len(piece), 0
    while tries < _MAX_TRIES and (start := piece.rfind(_BEGINNING, 0, start)) > 0:
        if len(piece) - start <= MAX_LINE_BYTES and checksum_agrees(piece[start:]):
            return start
        tries += 1
    return None


def _read(path: str, name: str, fs: FileSystem) -> DeadLetter:
    segment, start, end = (int(part) if part.isdecimal() else 0 for part in [*name.split("-"), "", "", ""][:3])
    try:
        head = loads(fs.read(path).split(b"\n", 1)[0])
        if type(head["version"]) is int and head["version"] > FORMAT_VERSION:
            raise newer_format(path, head["version"])
        reason, at = str(head["reason"]), str(head["at"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        reason, at = "unreadable", ""
    return DeadLetter(path, segment, start, end, reason, at, fs)


def _lines(head: dict[str, object], pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield dump_json(head) + b"\n"
    for piece in pieces:
        try:
            yield dump_json({"text": piece.decode("utf-8")}) + b"\n"
        except UnicodeDecodeError:
            yield dump_json({"base64": b2a_base64(piece, newline=False).decode("ascii")}) + b"\n"


def _cut(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _PIECE):
        yield data[start : start + _PIECE]


def _copied(directory: str, damage: Damage, fs: FileSystem) -> Iterator[bytes]:
    fd = fs.open_read(segment_path(directory, damage.segment))
    try:
        at = damage.start
        while at < damage.end and (piece := fs.pread(fd, min(_PIECE, damage.end - at), at)):
            yield piece
            at += len(piece)
    finally:
        fs.close(fd)


def _piece(line: bytes) -> bytes:
    try:
        members = loads(line)
        if "text" in members:
            return str(members["text"]).encode("utf-8")
        return a2b_base64(members["base64"])
    except (ValueError, KeyError, TypeError, Base64Error):
        return b""
