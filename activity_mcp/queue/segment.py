"""A segment on disk: its name, its header, its lines, and how to start the next one. Reads and judges, knows no policy."""

from __future__ import annotations

import time
import zlib

from ..activity import encode_line
from ..clock import iso, parse_iso
from ..errors import NewerFormat, QueueRefused
from ..plain_json import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..clock import Clock
    from ..fs import FileSystem

FORMAT_VERSION = 1
MAX_LINE_BYTES = 1 << 20
"""Four times the largest event: room for whatever escaping does to it."""
SEGMENT_DIRECTORY = "seg"
MAX_NUMBER = 10**12 - 10**6
"""No queue gets there by itself. Beyond it a number would soon have a digit too many for its file to be found again."""

_SUFFIX = ".ndjson"
_CRC_BYTES = len(b',"_crc":"01234567"}\n')
_HEADER_BYTES = 4096
_CHUNK = 1 << 18
_TICK_NS = 50_000_000  # longer than a tick of any kernel's clock
_COARSE_NS = 3_000_000_000  # longer than the coarsest time stamp of a file system


def segment_path(directory: str, number: int) -> str:
    """The path of the segment with this number."""
    return f"{directory}/{SEGMENT_DIRECTORY}/{number:012d}{_SUFFIX}"


def segment_numbers(directory: str, fs: FileSystem) -> list[int]:
    """The segments there are, ascending.

    A file with a number that no queue reaches is no segment, nor is a pipe, a device, a socket or a directory: all are passed
    by, and never opened.
    """
    entries = fs.entries(f"{directory}/{SEGMENT_DIRECTORY}")
    return sorted(number for name, is_regular in entries if is_regular and (number := _number_of(name)) is not None)


def foreign_files(directory: str, fs: FileSystem) -> list[str]:
    """The names of what lies among the segments and is none, ascending."""
    entries = fs.entries(f"{directory}/{SEGMENT_DIRECTORY}")
    return sorted(
        name for name, is_regular in entries if name.endswith(_SUFFIX) and not (is_regular and _number_of(name) is not None)
    )


def are_passed_by(directory: str, first: int, last: int, fs: FileSystem) -> bool:
    """Whether in the place of each of these numbers is something that is no file: no segment was ever made there."""
    return all(_is_occupied(directory, number, fs) for number in range(first, last + 1))


def _is_occupied(directory: str, number: int, fs: FileSystem) -> bool:
    """Whether a segment of this number would take the place of something that is no file."""
    return fs.is_special(segment_path(directory, number))


def _number_of(name: str) -> int | None:
    digits = name.removesuffix(_SUFFIX)
    if len(name) != 19 or len(digits) != 12 or not digits.isascii() or not digits.isdecimal():
        return None
    number = int(digits)
    return number if number <= MAX_NUMBER else None


class SegmentList:
    """``segment_numbers``, cheaply: one stat while the directory rests.

    The directory's time stamp is only trusted when it was well in the past at the time of the listing: a file made just after
    the listing, within the same tick of the file system's clock, would leave it unchanged. It is compared with the machine's
    own clock, because it comes from there.
    """

    __slots__ = ("_directory", "_fs", "_place", "_seen")

    def __init__(self, directory: str, fs: FileSystem) -> None:
        self._directory = directory
        self._place = f"{directory}/{SEGMENT_DIRECTORY}"
        self._fs = fs
        self._seen: tuple[tuple[int, int, int] | None, list[int]] = (None, [])  # replaced whole: threads share it

    def numbers(self) -> list[int]:
        """Ascending. Not to be changed by the caller."""
        found = self._fs.stat(self._place)
        stamp = (found.st_mtime_ns, found.st_ino, found.st_dev) if found else None
        seen, numbers = self._seen
        if stamp is not None and stamp == seen:
            return numbers
        now = time.time_ns()
        numbers = segment_numbers(self._directory, self._fs)
        self._seen = (stamp if stamp is not None and _is_settled(stamp[0], now) else None, numbers)
        return numbers


def _is_settled(stamp_ns: int, now_ns: int) -> bool:
    """Whether a change made now would get another stamp. Whole seconds are the mark of a file system that knows no less."""
    return now_ns - stamp_ns > (_TICK_NS if stamp_ns % 1_000_000_000 else _COARSE_NS)


class Header:
    """The first line of a segment."""

    __slots__ = ("boot", "created_us", "end", "number", "queue_id")

    def __init__(self, number: int, queue_id: str, boot: str, created_us: int, end: int) -> None:
        self.number = number
        self.queue_id = queue_id
        self.boot = boot
        self.created_us = created_us
        self.end = end


def header_line(number: int, queue_id: str, boot: str, created_us: int) -> bytes:
    """The first line of segment ``number``; ``created_us`` in microseconds since 1970."""
    created = iso(created_us)
    return encode_line({"_segment": number, "queue_id": queue_id, "boot": boot, "created": created, "version": FORMAT_VERSION})


def parse_header(line: bytes) -> Header | None:
    """The header in ``line``, or None if it is none.

    A checksum that disagrees means damage, not a newer version; a line without one, in a form that this version does not
    know, is believed when it says that it is newer.

    Raises:
        NewerFormat: a newer version wrote it.
    """  # noqa: DOC501 - newer_format makes it
    if not line.startswith(b'{"_segment":'):
        return None
    sealed = checksum_agrees(line)
    if not sealed and has_checksum(line):
        return None
    try:
        members = loads(line)
        version = members["version"]
        if type(version) is int and version > FORMAT_VERSION:
            raise newer_format(f"segment {members['_segment']}", version)
        if not sealed:
            return None
        created = parse_iso(members["created"])
        return Header(int(members["_segment"]), str(members["queue_id"]), str(members["boot"]), created, len(line))
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError):
        return None


def read_header(fs: FileSystem, fd: int) -> Header | None:
    """The header of an open segment, or None where it is missing or damaged. Raises NewerFormat."""
    start = fs.pread(fd, _HEADER_BYTES, 0)
    end = start.find(b"\n") + 1
    return parse_header(start[:end]) if end else None


def newer_format(what: str, version: int) -> NewerFormat:
    """The error for what was written in a ``version`` of the format above this one's."""
    return NewerFormat(
        f"{what} was written in format {version}; this version knows {FORMAT_VERSION}. Nothing was changed",
        hint="upgrade activity-mcp",
    )


def start_segment(directory: str, number: int, queue_id: str, *, clock: Clock, fs: FileSystem) -> int:
    """Make the next segment, header whole, under append.lock. Its first sync must include the directory.

    Returns its number: ``number``, or the first above it whose place nothing but a segment can take.

    Raises:
        QueueRefused: no process would find a segment of that number again.
    """
    while _is_occupied(directory, number, fs):
        number += 1
    if number > MAX_NUMBER:
        raise QueueRefused(
            f"not accepted: segment {number} would be beyond the last that a queue may have, {MAX_NUMBER}; nothing was written",
            hint=f"no queue gets there by itself: move the file with such a number away from {directory}/{SEGMENT_DIRECTORY}",
        )
    line = header_line(number, queue_id, fs.boot_id(), clock.time_us())
    fs.publish(segment_path(directory, number), line, durable=False)
    return number


def sync_segment(directory: str, number: int, fs: FileSystem) -> OSError | None:
    """Put the segment and its directory entry on the disk. Returns the disk's error if it failed.

    A segment that is gone was committed and deleted: there is nothing left to sync.
    """
    try:
        fd = fs.open_read(segment_path(directory, number))
    except FileNotFoundError:
        return None
    except OSError as error:
        return error
    try:
        fs.sync(fd)
        fs.sync_directory(f"{directory}/{SEGMENT_DIRECTORY}")
    except OSError as error:
        return error
    finally:
        fs.close(fd)
    return None


# --- lines


def has_checksum(line: bytes) -> bool:
    """Whether ``line``, its newline included, ends as a line with a checksum does, right or wrong."""
    return line[-_CRC_BYTES:-11] == b',"_crc":"' and line.endswith(b'"}\n')


def checksum_agrees(line: bytes) -> bool:
    """Whether ``line``, its newline included, ends in the checksum of what is before it."""
    body = line[:-_CRC_BYTES]
    return line[-_CRC_BYTES:] == b',"_crc":"%08x"}\n' % zlib.crc32(body)


class Span:
    """What lies between two newlines. ``line`` is None when it is longer than the reader holds; ``whole`` when it has its
    newline."""

    __slots__ = ("crc", "end", "line", "start", "whole")

    def __init__(self, start: int, end: int, line: bytes | None, crc: int, whole: bool) -> None:
        self.start = start
        self.end = end
        self.line = line
        self.crc = crc
        self.whole = whole


def spans(fs: FileSystem, fd: int, start: int, max_line_bytes: int) -> Iterator[Span]:
    """Every span from ``start`` to the end of the file, in memory bounded by the longest line, whatever the file holds.

    Where ``start`` is inside a line (its first part was set aside as damage, then the file grew), the first span is the rest of
    that line, and its CRC is the whole line's: an offset's CRC is always that of the bytes since the newline before it.
    """
    base, buffer = start, b""
    seed = _crc_before(fs, fd, start)
    while chunk := fs.pread(fd, _CHUNK, base + len(buffer)):
        buffer += chunk
        at = 0
        while newline := buffer.find(b"\n", at) + 1:
            line = buffer[at:newline]
            kept = line if len(line) <= max_line_bytes else None
            yield Span(base + at, base + newline, kept, zlib.crc32(line, seed), True)
            at, seed = newline, 0
        base, buffer = base + at, buffer[at:]
        if len(buffer) > max_line_bytes:
            span = _long_span(fs, fd, base, buffer, seed)
            yield span
            base, buffer, seed = span.end, b"", 0
    if buffer:
        yield Span(base, base + len(buffer), buffer, zlib.crc32(buffer, seed), False)


def _crc_before(fs: FileSystem, fd: int, start: int) -> int:
    """The CRC-32 of the part of a line that lies before ``start``; 0 where a line begins there."""
    begins_there = start == 0 or fs.pread(fd, 1, start - 1) in (b"\n", b"")
    return 0 if begins_there else crc_of_line_ending_at(fs, fd, start)


def _long_span(fs: FileSystem, fd: int, start: int, head: bytes, seed: int) -> Span:
    """The rest of a line that is too long to be held: only its end and its checksum are kept."""
    end, crc = start + len(head), zlib.crc32(head, seed)
    while chunk := fs.pread(fd, _CHUNK, end):
        newline = chunk.find(b"\n") + 1
        piece = chunk[:newline] if newline else chunk
        end, crc = end + len(piece), zlib.crc32(piece, crc)
        if newline:
            return Span(start, end, None, crc, True)
    return Span(start, end, None, crc, False)


def crc_of_line_ending_at(fs: FileSystem, fd: int, end: int) -> int:
    """The CRC-32 of the span that ends at ``end``, found by searching backwards for the newline before it."""
    start = end - 1  # the byte before ``end`` may be the span's own newline
    while start > 0:
        low = max(0, start - _CHUNK)
        newline = fs.pread(fd, start - low, low).rfind(b"\n") + 1
        if newline:
            start = low + newline
            break
        start = low
    crc = 0
    while start < end and (chunk := fs.pread(fd, min(_CHUNK, end - start), start)):
        crc = zlib.crc32(chunk, crc)
        start += len(chunk)
    return crc
