"""commit.json, the cache of the sink's committed offset, and the deletion of what lies behind it.

The sink is the truth; this file serves when the sink has no token, shows writers what counts against the cap, and remembers
when each segment was passed, so that deletion knows what was committed an hour ago. Missing, empty or garbled, it changes
nothing that the sink knows.
"""

from __future__ import annotations

import time

from ..activity import dump_json
from ..clock import SYSTEM_CLOCK, parse_iso
from ..fs import LOCAL
from ..plain_json import loads
from .offset import Offset
from .segment import (
    FORMAT_VERSION,
    MAX_NUMBER,
    SEGMENT_DIRECTORY,
    newer_format,
    segment_numbers,
    segment_path,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..clock import Clock
    from ..fs import FileSystem

_REMEMBERED = 64


class Commit:
    """``offset`` of channel ``channel_id`` was committed ``at`` (a time as text).

    ``passed`` holds (segment, time): every segment up to that one was committed by that time. Ascending. ``left_out`` counts
    the rows of this channel that the sink took and left out; their ranges are in ``dead/``.
    """

    __slots__ = ("at", "channel_id", "left_out", "offset", "passed")

    def __init__(self, channel_id: str, offset: Offset, at: str, passed: list[tuple[int, str]], left_out: int = 0) -> None:
        self.channel_id = channel_id
        self.offset = offset
        self.at = at
        self.passed = passed
        self.left_out = left_out


def read_commit(directory: str, *, fs: FileSystem = LOCAL) -> Commit | None:
    """The content of commit.json; None where it is missing or cannot be read.

    Raises:
        NewerFormat: a newer version wrote it.
    """  # noqa: DOC501 - newer_format makes it
    try:
        members = loads(fs.read(f"{directory}/commit.json"))
        version = members["version"]
        if type(version) is int and version > FORMAT_VERSION:
            raise newer_format(f"{directory}/commit.json", version)
        passed = [(int(segment), str(at)) for segment, at in members.get("passed", ())]
        offset, left_out = Offset.parse(members["offset"]), int(members.get("left_out", 0))
        if offset.segment > MAX_NUMBER:
            return None
        return Commit(str(members["channel_id"]), offset, str(members["at"]), passed, left_out)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def publish_commit(
    directory: str, channel_id: str, offset: Offset, at: str, *, left_out: int = 0, fs: FileSystem = LOCAL
) -> bool:
    """Remember that the sink has committed ``offset``. ``at`` is the time as text (``clock.iso``).

    False where the disk did not take it: the sink knows, and a full disk must not keep anyone from shipping and deleting.
    """
    before = read_commit(directory, fs=fs)
    passed = before.passed if before else []
    if offset.segment > 0 and (not passed or passed[-1][0] < offset.segment - 1):
        passed = [*passed, (offset.segment - 1, at)][-_REMEMBERED:]
    members = {
        "version": FORMAT_VERSION,
        "channel_id": channel_id,
        "offset": str(offset),
        "at": at,
        "passed": passed,
    }
    if left_out:
        members["left_out"] = left_out
    try:
        fs.publish(f"{directory}/commit.json", dump_json(members) + b"\n")
    except OSError:
        return False
    return True


def next_number(numbers: Sequence[int], commit: Commit | None, floor: int = 0) -> int:
    """The number of the next segment: above every file, commit.json (of any channel) and ``floor`` (the sink's
    token)."""
    return max(numbers[-1] if numbers else 0, commit.offset.segment if commit else 0, floor) + 1


def prune(
    directory: str,
    committed: Offset,
    watermark: Offset | None,
    *,
    clock: Clock = SYSTEM_CLOCK,
    max_age_after_commit_s: float = 3600,
    fs: FileSystem = LOCAL,
) -> int:
    """Delete the segments below both offsets, and those committed an hour ago; never the newest. How many were deleted."""
    from .leftovers import remove_leftovers  # no writer needs it

    commit = read_commit(directory, fs=fs)
    aged = _aged(commit, clock.time_us() - round(max_age_after_commit_s * 1e6)) if commit else 0
    below = min(committed.segment, max(watermark.segment if watermark else 0, aged + 1))
    deleted = 0
    for number in segment_numbers(directory, fs)[:-1]:
        if number < below:
            deleted += fs.unlink(segment_path(directory, number))
    for place in (directory, f"{directory}/{SEGMENT_DIRECTORY}", f"{directory}/dead", f"{directory}/context"):
        remove_leftovers(place, time.time_ns(), fs)
    return deleted


def _aged(commit: Commit, before_us: int) -> int:
    """The highest segment that was committed before that time."""
    highest = 0
    for segment, at in commit.passed:
        try:
            if parse_iso(at) <= before_us:
                highest = max(highest, segment)
        except ValueError:
            continue
    return highest
