"""commit.json is a cache: whatever happens to it, numbers are not reused and nothing is deleted that is still needed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from activity_mcp.clock import iso
from activity_mcp.errors import NewerFormat
from activity_mcp.queue import Offset, bury, dead_letters, prune, publish_commit, read_commit
from disks import FaultyDisk, damages, line, numbers, read_all, segments, writer
from fakes import FakeClock

NOW = "2026-11-22T10:00:00.000000Z"


def rotated(directory: str, clock: FakeClock, events: int = 6) -> list[Offset]:
    """One segment for each event."""
    queue = writer(directory, segment_bytes=1, clock=clock)
    return [queue.append([line(n)]).last for n in range(events)]


def names(directory: str) -> list[int]:
    return [int(path.stem) for path in segments(directory)]


def test_what_was_committed_reads_back(directory: str, clock: FakeClock) -> None:
    offsets = rotated(directory, clock)
    assert publish_commit(directory, "channel", offsets[2], NOW)
    commit = read_commit(directory)
    assert commit is not None
    assert (commit.channel_id, commit.offset, commit.at) == ("channel", offsets[2], NOW)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\0" * 300, b"{", b"[]", b"null", b'{"version":1}', b"\xff\xfe",
        b'{"version":1,"channel_id":"c","offset":"42","at":"x"}',
        b'{"version":1,"channel_id":"c","offset":null,"at":"x"}',
        b'{"version":1,"channel_id":"c","offset":"000000000001:000000000001:00000001","at":"x","passed":[1]}',
    ],
)  # fmt: skip
def test_a_garbled_commit_json_counts_as_none(directory: str, clock: FakeClock, content: bytes) -> None:
    offsets = rotated(directory, clock, 2)
    Path(directory, "commit.json").write_bytes(content)
    assert read_commit(directory) is None
    queue = writer(directory, clock=clock)
    queue.append([line(2)])
    assert queue.uncommitted_bytes() == sum(path.stat().st_size for path in segments(directory))
    assert publish_commit(directory, "channel", offsets[0], NOW)
    assert prune(directory, offsets[1], offsets[1], clock=clock) == 1


def test_a_newer_commit_json_is_not_guessed_at(directory: str, clock: FakeClock) -> None:
    rotated(directory, clock, 1)
    Path(directory, "commit.json").write_bytes(b'{"version":2}')
    with pytest.raises(NewerFormat):
        read_commit(directory)


def test_a_full_disk_does_not_keep_a_flusher_from_going_on(directory: str, clock: FakeClock) -> None:
    offsets = rotated(directory, clock)
    publish_commit(directory, "channel", offsets[1], NOW)
    disk = FaultyDisk()
    disk.room = 5
    assert not publish_commit(directory, "channel", offsets[3], NOW, fs=disk)
    commit = read_commit(directory)
    assert commit is not None
    assert commit.offset == offsets[1]
    assert prune(directory, offsets[3], offsets[3], clock=clock, fs=disk) == 3


# --- rule 7


def test_segments_go_whole_and_only_below_both_offsets(directory: str, clock: FakeClock) -> None:
    offsets = rotated(directory, clock)
    assert prune(directory, offsets[4], offsets[2], clock=clock) == 2
    assert names(directory) == [3, 4, 5, 6]
    assert numbers(read_all(directory, after=offsets[4])) == [5]
    assert prune(directory, offsets[4], offsets[5], clock=clock) == 2
    assert names(directory) == [5, 6]


def test_the_newest_segment_is_never_deleted(directory: str, clock: FakeClock) -> None:
    rotated(directory, clock)
    assert prune(directory, Offset(99, 1, 1), Offset(99, 1, 1), clock=clock) == 5
    assert names(directory) == [6]


def test_without_a_watermark_a_segment_waits_an_hour_after_its_commit_and_no_longer(directory: str, clock: FakeClock) -> None:
    offsets = rotated(directory, clock)
    publish_commit(directory, "c", offsets[2], iso(clock.time_us()))  # passes segments 1 and 2
    clock.advance(1800)
    publish_commit(directory, "c", offsets[4], iso(clock.time_us()))  # passes 3 and 4
    assert prune(directory, offsets[4], None, clock=clock) == 0
    clock.advance(1801)
    assert prune(directory, offsets[4], None, clock=clock) == 2
    assert names(directory) == [3, 4, 5, 6]
    clock.advance(1800)
    assert prune(directory, offsets[4], None, clock=clock) == 2
    assert names(directory) == [5, 6]


def test_an_old_segment_that_was_committed_just_now_still_waits(directory: str, clock: FakeClock) -> None:
    offsets = rotated(directory, clock)
    for path in segments(directory):
        os.utime(path, (0, 0))
    publish_commit(directory, "c", offsets[3], iso(clock.time_us()))
    assert prune(directory, offsets[3], None, clock=clock) == 0


def test_uncommitted_segments_stay_however_old_their_commit_was_said_to_be(directory: str, clock: FakeClock) -> None:
    offsets = rotated(directory, clock)
    publish_commit(directory, "old channel", offsets[5], iso(clock.time_us()))
    publish_commit(directory, "new channel", Offset(2, 0, 0), iso(clock.time_us()))
    clock.advance(10_000)
    assert prune(directory, Offset(2, 0, 0), None, clock=clock) == 1
    assert names(directory) == [2, 3, 4, 5, 6]


def test_leftovers_of_killed_publishers_are_swept_once_they_are_old(directory: str, clock: FakeClock) -> None:
    offsets = rotated(directory, clock, 2)
    os.makedirs(f"{directory}/context")
    swept = [Path(directory, place, "x.json.17.7f0a.1.tmp") for place in (".", "seg", "context")]
    kept = [Path(directory, "x.json.17.7f0a.2.tmp"), Path(directory, "notes.tmp"), Path(directory, "x.1.2.tmp")]
    for path in (*swept, *kept):
        path.write_bytes(b"half")
    for path in (*swept, *kept[1:]):  # the first that stays is young, the others are nobody's
        os.utime(path, (0, 0))
    prune(directory, offsets[0], None, clock=clock)
    assert [path.exists() for path in (*swept, *kept)] == [False] * 3 + [True] * 3


# --- dead letters


def test_a_damaged_range_is_buried_whole_and_once(directory: str, clock: FakeClock) -> None:
    queue = writer(directory)
    queue.append([line(0)])
    junk = b"\0\xff torn \xe2\x82" + "grüße".encode() * 20_000 + b"\n"
    with segments(directory)[0].open("ab") as file:
        file.write(junk)
    damage = damages(read_all(directory))[0]
    disk = FaultyDisk()
    path = bury(directory, damage, junk, damage.reason, clock=clock, fs=disk)
    assert disk.synced
    disk.synced.clear()
    assert bury(directory, damage, None, "again", clock=clock, fs=disk) == path
    assert disk.synced == []
    letters = dead_letters(directory)
    assert [(letter.path, letter.reason, letter.at) for letter in letters] == [
        (path, "filled with zero bytes", "2027-01-15T08:00:00.000000Z")
    ]
    assert letters[0].data() == junk
    assert (letters[0].segment, letters[0].end - letters[0].start) == (1, len(junk))
    assert all(len(row) < 100_000 for row in Path(path).read_bytes().splitlines())


def test_a_range_too_long_to_be_held_is_copied_from_its_segment(directory: str) -> None:
    writer(directory).append([line(0)])
    junk = os.urandom(700_000).replace(b"\n", b"") + b"\n"
    with segments(directory)[0].open("ab") as file:
        file.write(junk)
    damage = damages(read_all(directory, max_line_bytes=1000))[0]
    bury(directory, damage, None, damage.reason)
    assert dead_letters(directory)[0].data() == junk


def test_a_spoilt_dead_letter_is_listed_and_a_newer_one_stops(directory: str) -> None:
    assert dead_letters(directory) == []
    place = Path(directory, "dead")
    place.mkdir(parents=True)
    spoilt = place / "000000000001-000000000010-000000000020-0badf00d.ndjson"
    spoilt.write_bytes(b"\0\0\0")
    assert [(letter.segment, letter.reason, letter.data()) for letter in dead_letters(directory)] == [(1, "unreadable", b"")]
    spoilt.write_bytes(b'{"version":2}\n')
    with pytest.raises(NewerFormat):
        dead_letters(directory)
