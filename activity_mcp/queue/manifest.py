"""queue.json: which queue this is and whose. Its ``queue_id`` names the channel, so it changes only when offsets lose their
meaning.

A directory without a readable queue.json but with segments was damaged or restored by hand: its id is taken back from the
newest header that can be read, and ``note`` says so, for a system_event.
"""

from __future__ import annotations

import os

from ..activity import dump_json, new_id
from ..clock import SYSTEM_CLOCK, iso
from ..errors import QueueRefused, UnsupportedStateDirectory
from ..fs import LOCAL
from ..plain_json import loads
from .lock import LockFile
from .pressure import Refusals
from .refusal import busy, refusal
from .segment import (
    FORMAT_VERSION,
    SEGMENT_DIRECTORY,
    newer_format,
    read_header,
    segment_numbers,
    segment_path,
    start_segment,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..clock import Clock
    from ..fs import FileSystem

APPEND_LOCK = "append.lock"
_PATIENCE_S = 2.0
_CROWDED_S = 1.0


class QueueInfo:
    """What queue.json says. ``note`` is set when it had to be rebuilt: one sentence about what happened."""

    __slots__ = ("created", "directory", "note", "queue_id", "sink")

    def __init__(self, directory: str, queue_id: str, sink: str, created: str, note: str | None = None) -> None:
        self.directory = directory
        self.queue_id = queue_id
        self.sink = sink
        self.created = created
        self.note = note


def open_queue(
    directory: str,
    *,
    sink: str,
    create: bool = True,
    patience_s: float = _PATIENCE_S,
    fs: FileSystem = LOCAL,
    clock: Clock = SYSTEM_CLOCK,
) -> QueueInfo:
    """The queue in ``directory``, made if there is none (``create=False``: QueueRefused instead).

    ``patience_s`` is how long to wait, in seconds, while another process creates it. ``sink`` names its warehouse; empty
    accepts any.

    Raises:
        UnsupportedStateDirectory: the place cannot hold a queue, or holds that of another warehouse.
        NewerFormat: a newer version made it.
        QueueRefused: there is none and ``create`` is False, or the disk does not take it.
    """  # noqa: DOC501 - refusal makes it
    fs.check_supported(directory)
    fs.check_owner(os.path.dirname(directory))
    try:
        if not create and fs.stat(f"{directory}/queue.json") is None:
            raise QueueRefused(f"there is no queue in {directory}", hint="it is made when the first event is recorded")
        for path in (directory, f"{directory}/{SEGMENT_DIRECTORY}"):
            fs.ensure_directory(path)
            fs.check_private(path)
        fs.check_above(directory)
        info = read_queue(directory, fs=fs) or _make(directory, sink, patience_s, clock, fs)
    except OSError as error:
        raise refusal(error, directory) from error
    if sink and info.sink and info.sink != sink:
        raise UnsupportedStateDirectory(
            f"{directory} is the queue of {info.sink}, not of {sink}: shipping it there would mix two warehouses",
            hint="give each warehouse a QUEUE_DIR of its own",
        )
    return info


def read_queue(directory: str, *, fs: FileSystem = LOCAL) -> QueueInfo | None:
    """The queue in ``directory``, or None where there is none or its queue.json cannot be read. Writes nothing.

    Raises:
        NewerFormat: a newer version made it.
    """  # noqa: DOC501 - newer_format makes it
    try:
        members = loads(fs.read(f"{directory}/queue.json"))
        version = members["version"]
        if type(version) is int and version > FORMAT_VERSION:
            raise newer_format(f"the queue in {directory}", version)
        queue_id = members["queue_id"]
        if not isinstance(queue_id, str) or not queue_id:
            return None
        return QueueInfo(directory, queue_id, str(members.get("sink") or ""), str(members.get("created") or ""))
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def renew_queue_id(directory: str, *, start: int | None = None, fs: FileSystem = LOCAL, clock: Clock = SYSTEM_CLOCK) -> str:
    """A new queue_id, and so a new channel: the answer to OffsetLost (rule 4). The live segment is sealed.

    ``start``, where given, is the first segment that the new channel ships; it is published as its commit, so that a crash
    before the first flush changes nothing.
    """
    from .commit import publish_commit
    from .offset import Offset

    lock = locked(directory, fs)
    try:
        before = read_queue(directory, fs=fs)
        info = QueueInfo(directory, new_id(clock.time_us()), before.sink if before else "", iso(clock.time_us()))
        _publish(info, fs, before.queue_id if before else None)
        if start is not None:
            publish_commit(directory, info.queue_id, Offset(start, 0, 0), info.created, fs=fs)
        numbers = segment_numbers(directory, fs)
        if numbers:
            _start_next(numbers, info, clock, fs)
        return info.queue_id
    finally:
        lock.close()


def seal_segment(directory: str, number: int, *, fs: FileSystem = LOCAL, clock: Clock = SYSTEM_CLOCK) -> None:
    """Give segment ``number`` a successor, unless it has one: nothing is appended to it any more. Raises QueueRefused,
    OSError."""
    lock = locked(directory, fs)
    try:
        numbers = segment_numbers(directory, fs)
        info = read_queue(directory, fs=fs)
        if numbers and numbers[-1] == number and info is not None:
            _start_next(numbers, info, clock, fs)
    finally:
        lock.close()


def _start_next(numbers: list[int], info: QueueInfo, clock: Clock, fs: FileSystem) -> None:
    from .commit import next_number, read_commit  # no plain append needs them

    number = next_number(numbers, read_commit(info.directory, fs=fs))
    start_segment(info.directory, number, info.queue_id, clock=clock, fs=fs)


def locked(directory: str, fs: FileSystem, patience_s: float = _PATIENCE_S) -> LockFile:
    """append.lock, held; the caller closes it. For rare work: it waits for ``patience_s`` seconds.

    Raises:
        QueueBusy: another process held it for that long.
    """  # noqa: DOC501 - busy makes it
    lock = LockFile(f"{directory}/{APPEND_LOCK}", fs)
    if lock.acquire(patience_s, _CROWDED_S):
        return lock
    pid = lock.holder_pid()
    lock.close()
    raise busy(pid)


def _make(directory: str, sink: str, patience_s: float, clock: Clock, fs: FileSystem) -> QueueInfo:
    lock = locked(directory, fs, patience_s)
    try:
        info = read_queue(directory, fs=fs)
        if info is None:  # no other process was faster
            info = _rebuilt(directory, sink, clock, fs)
            _publish(info, fs, None)
            Refusals(directory, fs).reserve()
        return info
    finally:
        lock.close()


def _rebuilt(directory: str, sink: str, clock: Clock, fs: FileSystem) -> QueueInfo:
    created = iso(clock.time_us())
    numbers = segment_numbers(directory, fs)
    if not numbers and fs.stat(f"{directory}/queue.json") is None:
        return QueueInfo(directory, new_id(clock.time_us()), sink, created)
    for number in reversed(numbers):
        queue_id = _id_in_header(directory, number, fs)
        if queue_id is not None:
            note = f"queue.json was missing or unreadable; its queue_id was taken from segment {number}"
            return QueueInfo(directory, queue_id, sink, created, note)
    note = "queue.json was missing or unreadable, and so was every segment's header; the queue has a new id"
    return QueueInfo(directory, new_id(clock.time_us()), sink, created, note)


def _id_in_header(directory: str, number: int, fs: FileSystem) -> str | None:
    try:
        fd = fs.open_read(segment_path(directory, number))
    except OSError:
        return None
    try:
        header = read_header(fs, fd)
        return header.queue_id if header else None
    except OSError:
        return None
    finally:
        fs.close(fd)


def _publish(info: QueueInfo, fs: FileSystem, previous: str | None) -> None:
    members = {"version": FORMAT_VERSION, "queue_id": info.queue_id, "sink": info.sink, "created": info.created}
    if previous is not None:
        members["previous"] = previous
    fs.publish(f"{info.directory}/queue.json", dump_json(members) + b"\n")
