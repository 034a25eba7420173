"""What the writer survives: torn lines, full and failing disks, rotation under its feet, the cap."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from activity_mcp.errors import DiskFull, InvalidInput, NotDurable, QueueBusy, QueueFull, QueueRefused
from activity_mcp.fs import LOCAL
from activity_mcp.queue import Offset, QueueReader, foreign_files, open_queue, publish_commit, read_queue
from activity_mcp.queue.manifest import seal_segment
from activity_mcp.queue.segment import MAX_LINE_BYTES, MAX_NUMBER, segment_numbers
from disks import FaultyDisk, damages, line, numbers, read_all, segments, writer
from fakes import FakeClock
from patience import PATIENCE_S, until


def torn_copy(directory: str, target: Path, keep: int) -> str:
    """The queue as it is when its only segment ends after ``keep`` bytes."""
    shutil.copytree(directory, target)
    os.truncate(segments(str(target))[-1], keep)
    return str(target)


# --- rule 1: whole lines, on the live segment


def test_a_truncation_at_every_byte_costs_only_the_torn_line(directory: str, tmp_path: Path) -> None:
    queue = writer(directory)
    ends = [queue.append([line(n)]).last.end for n in range(3)]
    queue.close()
    for keep in range(ends[0], ends[2] + 1):
        copy = torn_copy(directory, tmp_path / f"at-{keep}", keep)
        again = writer(copy)
        again.append([line(9)])
        again.close()
        items = read_all(copy)
        # a line of which only the newline was missing is whole again: it was never denied to anyone
        whole = [n for n, end in enumerate(ends) if end - 1 <= keep]
        torn = keep not in (*ends, *(end - 1 for end in ends))
        assert (numbers(items), len(damages(items))) == ([*whole, 9], torn), f"truncated at {keep}"


def test_a_torn_fragment_does_not_swallow_the_line_glued_behind_it(directory: str) -> None:
    queue = writer(directory)
    queue.append([line(0)])
    with open(segments(directory)[-1], "ab") as file:
        file.write(line(1)[:40])  # another writer, killed in the middle of its write
    last = queue.append([line(2)]).last
    items = read_all(directory)
    assert numbers(items) == [0, 2]
    assert [damage.end - damage.start for damage in damages(items)] == [41]
    assert items[-1].offset == last


def test_the_offsets_that_append_returns_are_those_that_the_reader_finds(directory: str) -> None:
    queue = writer(directory)
    one = queue.append([line(0), line(1), line(2)])
    two = queue.append([line(3)])
    found = [item.offset for item in read_all(directory)]
    assert (one.first, one.last) == (found[0], found[2])
    assert (two.first, two.last) == (found[3], found[3])


def test_a_paused_writer_follows_a_rotation_made_meanwhile(directory: str) -> None:
    paused, other = writer(directory), writer(directory, segment_bytes=400)
    paused.append([line(0)])
    for n in range(1, 12):
        other.append([line(n)])
    assert len(segments(directory)) > 2
    paused.append([line(12)])
    assert numbers(read_all(directory)) == list(range(13))
    assert read_all(directory)[-1].offset.segment == len(segments(directory))


def test_a_rotation_within_one_tick_of_the_directorys_clock_is_seen(directory: str) -> None:
    queue = writer(directory)
    queue.append([line(0)])
    queue.append([line(1)])
    place = f"{directory}/seg"
    stamp = os.stat(place).st_mtime_ns
    assert writer(directory, segment_bytes=1).append([line(2)]).first.segment == 2
    os.utime(place, ns=(stamp, stamp))
    assert queue.append([line(3)]).first.segment == 2


def test_nobody_gets_between_the_check_and_the_write(directory: str) -> None:
    disk = FaultyDisk()
    queue, other = writer(directory, fs=disk), writer(directory, lock_timeout=0.02)
    queue.append([line(0)])
    refusals: list[QueueBusy] = []

    def intrude() -> None:
        disk.before_write = None
        with pytest.raises(QueueBusy) as refused:
            other.append([line(1)])
        refusals.append(refused.value)

    disk.before_write = intrude
    queue.append([line(2)])
    assert numbers(read_all(directory)) == [0, 2]
    assert f"append.lock held by pid {os.getpid()}" in str(refusals[0])
    assert (refusals[0].retryable, refusals[0].exit_code, queue.refused()) == (True, 3, 1)


def test_nothing_is_appended_to_a_segment_that_was_removed(directory: str) -> None:
    queue = writer(directory)
    queue.append([line(0)])
    shutil.rmtree(directory)
    queue.append([line(1)])
    queue.append([line(2)])
    assert numbers(read_all(directory)) == [1, 2]


def test_nothing_is_appended_to_a_directory_that_was_moved_away(directory: str) -> None:
    queue = writer(directory)
    queue.append([line(0)])
    os.rename(directory, directory + ".old")
    writer(directory).append([line(1)])
    queue.append([line(2)])
    assert numbers(read_all(directory)) == [1, 2]
    assert numbers(read_all(directory + ".old")) == [0]


def test_a_lock_in_a_directory_that_was_moved_away_guards_nothing(directory: str) -> None:
    disk = FaultyDisk()
    queue, newcomer = writer(directory, lock_timeout=0.02), writer(directory, fs=disk)
    queue.append([line(0)])
    os.rename(directory, directory + ".old")
    newcomer.append([line(1)])

    def intrude() -> None:
        disk.before_write = None
        with pytest.raises(QueueBusy):
            queue.append([line(2)])

    disk.before_write = intrude
    newcomer.append([line(3)])
    assert numbers(read_all(directory)) == [1, 3]


def test_a_segment_that_somebody_shortened_is_left_alone(directory: str) -> None:
    queue = writer(directory)
    first = queue.append([line(0)]).last
    queue.append([line(1)])
    os.truncate(segments(directory)[0], first.end)
    appended = queue.append([line(2)])
    assert (appended.first.segment, numbers(read_all(directory))) == (2, [0, 2])


def test_a_segment_of_an_earlier_boot_is_never_appended_to(directory: str) -> None:
    disk = FaultyDisk()
    disk.boot = "one"
    first = writer(directory, fs=disk).append([line(0)]).last
    disk.boot = "two"
    after = writer(directory, fs=disk).append([line(1)]).first
    assert (first.segment, after.segment) == (1, 2)


def test_a_boot_known_only_by_its_time_survives_a_wavering_clock(directory: str) -> None:
    disk = FaultyDisk()
    found = []
    for boot in ("t:1000", "t:1002", "t:1060"):
        disk.boot = boot
        found.append(writer(directory, fs=disk).append([line(0)]).last.segment)
    assert found == [1, 1, 2]


def test_segments_rotate_by_size_and_by_age(directory: str, clock: FakeClock) -> None:
    queue = writer(directory, clock=clock, segment_bytes=1000, segment_age_s=60)
    by_size = [queue.append([line(n)]).last.segment for n in range(12)]
    assert by_size == sorted(by_size)
    assert by_size[-1] > 1
    assert all(path.stat().st_size <= 1000 for path in segments(directory))
    clock.advance(61)
    assert queue.append([line(99)]).last.segment == by_size[-1] + 1


def test_a_batch_larger_than_a_segment_stays_together(directory: str) -> None:
    appended = writer(directory, segment_bytes=300).append([line(n) for n in range(20)])
    assert appended.first.segment == appended.last.segment
    assert numbers(read_all(directory)) == list(range(20))


@pytest.mark.parametrize("bad", [b"{}\n", b"no newline", line(0)[:-1], line(0) + line(1), b""])
def test_what_is_not_a_line_is_refused_before_the_disk(directory: str, bad: bytes) -> None:
    with pytest.raises(ValueError, match="not a line of the queue"):
        writer(directory).append([line(0), bad])
    assert not os.path.exists(directory)


def test_a_line_that_the_reader_would_skip_is_refused(directory: str) -> None:
    with pytest.raises(InvalidInput, match="over the limit"):
        writer(directory).append([line(0, pad="x" * MAX_LINE_BYTES)])


def test_a_closed_writer_says_so(directory: str) -> None:
    queue = writer(directory)
    queue.append([line(0)])
    queue.close()
    queue.close()
    with pytest.raises(QueueRefused, match="closed"):
        queue.append([line(1)])


# --- rule 2: a full disk takes a whole line or none


@pytest.mark.parametrize("room", [0, 1, 50, 150, 240])
def test_a_disk_that_fills_up_in_the_middle_of_a_batch_keeps_none_of_it(directory: str, room: int) -> None:
    disk = FaultyDisk()
    queue = writer(directory, fs=disk)
    queue.append([line(0)])
    before = segments(directory)[0].read_bytes()
    disk.room = room
    with pytest.raises(DiskFull, match="nothing half-written remains"):
        queue.append([line(1), line(2), line(3)])
    assert segments(directory)[0].read_bytes() == before
    disk.room = None
    queue.append([line(4)])
    assert numbers(read_all(directory)) == [0, 4]
    assert queue.refused() == 3


def test_a_rollback_that_fails_is_admitted_and_closed_by_the_next_line(directory: str) -> None:
    disk = FaultyDisk()
    queue = writer(directory, fs=disk)
    queue.append([line(0)])
    disk.room, disk.truncate_error = 30, errno.EIO
    with pytest.raises(NotDurable, match="may still be recorded"):
        queue.append([line(1)])
    disk.room = disk.truncate_error = None
    queue.append([line(2)])
    items = read_all(directory)
    assert (numbers(items), len(damages(items))) == ([0, 2], 1)


def test_a_full_disk_refuses_a_rotation_without_losing_the_queue(directory: str) -> None:
    disk = FaultyDisk()
    queue = writer(directory, fs=disk, segment_bytes=300)
    queue.append([line(0)])
    disk.room = 10
    with pytest.raises(DiskFull):
        queue.append([line(1), line(2)])
    disk.room = None
    queue.append([line(3)])
    assert numbers(read_all(directory)) == [0, 3]
    assert [name for name in os.listdir(f"{directory}/seg") if name.endswith(".tmp")] == []


# --- rule 3: acknowledged after the sync


def test_a_durable_append_answers_after_the_sync_and_the_segment_entry_is_synced_too(directory: str) -> None:
    disk = FaultyDisk()
    queue = writer(directory, fs=disk, durability="event")
    queue.append([line(0)])
    disk.synced.clear()
    assert queue.append([line(1)]).durable
    assert disk.synced == ["000000000001.ndjson"]
    assert not queue.append([line(2)], durable=False).durable
    assert disk.synced == ["000000000001.ndjson"]


def test_nobody_waits_for_another_ones_sync_to_append(directory: str) -> None:
    disk = FaultyDisk()
    queue, other = writer(directory, fs=disk, durability="event"), writer(directory, lock_timeout=0.02)
    queue.append([line(0)])
    disk.before_sync = lambda: other.append([line(1)])  # would be QueueBusy if the lock were held
    queue.append([line(2)])
    assert sorted(numbers(read_all(directory))) == [0, 1, 2]


def test_threads_that_wait_share_one_sync(directory: str) -> None:
    disk = FaultyDisk()
    queue = writer(directory, fs=disk, durability="event", lock_timeout=60)
    queue.append([line(0)])
    disk.synced.clear()

    def until_all_have_written() -> None:
        live = queue._segments.current
        if len(disk.synced) == 1:
            until(lambda: live is not None and live._users == 5)

    disk.before_sync = until_all_have_written
    threads = [threading.Thread(target=queue.append, args=([line(n)],)) for n in range(1, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert sorted(numbers(read_all(directory))) == [0, 1, 2, 3, 4, 5]
    assert len(disk.synced) == 2  # the first one's, and one for the four that came while it ran


def test_a_failing_sync_seals_the_segment_and_every_waiting_caller_hears_of_it(directory: str) -> None:
    disk = FaultyDisk()
    queue = writer(directory, fs=disk, durability="event", lock_timeout=60)
    queue.append([line(0)])
    everyone_wrote, written, reported = threading.Event(), [], []
    disk.synced.clear()

    def count() -> None:
        written.append(1)
        if len(written) == 3:
            everyone_wrote.set()

    def fail_once() -> None:
        """The kernel tells of a lost page once; the next sync of that file succeeds and proves nothing."""
        everyone_wrote.wait(PATIENCE_S)
        if len(disk.synced) == 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def append(n: int) -> None:
        try:
            queue.append([line(n)])
        except NotDurable as error:
            reported.append(error.describe())

    disk.before_write = count
    disk.before_sync = fail_once
    threads = [threading.Thread(target=append, args=(n,)) for n in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert len(reported) == 3
    assert "not accepted, may still be recorded" in reported[0]
    assert "same activity_id" in reported[0]
    disk.before_sync = disk.before_write = None
    assert queue.append([line(4)]).first.segment == 2
    assert sorted(numbers(read_all(directory))) == [0, 1, 2, 3, 4]
    assert queue.refused() == 0  # none of them was surely not recorded


def test_after_a_failing_sync_another_process_does_not_append_behind_it_either(directory: str) -> None:
    disk = FaultyDisk()
    queue, other = writer(directory, fs=disk, durability="event"), writer(directory)
    other.append([line(0)])
    disk.sync_error = errno.EIO
    with pytest.raises(NotDurable):
        queue.append([line(1)])
    assert other.append([line(2)]).first.segment == 2


def test_a_writer_without_syncs_never_syncs(directory: str) -> None:
    open_queue(directory, sink="duckdb:test")
    disk = FaultyDisk()
    queue = writer(directory, fs=disk, segment_bytes=300)
    for n in range(9):
        queue.append([line(n)])
    queue.close()
    assert disk.synced == []


def test_sync_covers_every_segment_that_this_writer_filled(directory: str) -> None:
    open_queue(directory, sink="duckdb:test")
    disk = FaultyDisk()
    queue = writer(directory, fs=disk, segment_bytes=300)
    for n in range(6):
        queue.append([line(n)])
    queue.sync()
    assert disk.synced == [path.name for path in segments(directory)]
    queue.sync()
    assert len(disk.synced) == len(segments(directory))


def test_an_interval_syncs_behind_the_caller_and_close_syncs_the_rest(directory: str) -> None:
    open_queue(directory, sink="duckdb:test")
    disk, synced = FaultyDisk(), threading.Event()
    disk.before_sync = synced.set
    queue = writer(directory, fs=disk, durability=("interval", 1))
    assert not queue.append([line(0)]).durable
    assert synced.wait(PATIENCE_S)
    queue.close()
    patient = writer(directory, fs=disk, durability=("interval", 3_600_000))
    patient.append([line(1)])
    disk.synced.clear()
    patient.close()
    assert disk.synced == ["000000000001.ndjson"]


def test_an_interval_sync_that_fails_is_counted_and_seals(directory: str) -> None:
    open_queue(directory, sink="duckdb:test")
    disk, tried = FaultyDisk(), threading.Event()
    queue = writer(directory, fs=disk, durability=("interval", 1))
    disk.sync_error, disk.before_sync = errno.EIO, tried.set
    queue.append([line(0)])
    assert tried.wait(PATIENCE_S)
    disk.before_sync = None
    queue.close()
    assert queue.sync_failures == 1
    assert writer(directory).append([line(1)]).first.segment == 2


# --- rule 8: the cap


def test_accepted_and_refused_add_up_whatever_is_committed_between(directory: str) -> None:
    size = len(line(0))
    queue = writer(directory, max_bytes=20 * size, segment_bytes=6 * size)
    info = open_queue(directory, sink="duckdb:test")
    accepted, n = [], 0
    for wave in range(6):
        for _ in range(9 + wave):
            try:
                accepted.append((n, queue.append([line(n)]).last))
            except QueueFull:
                pass
            n += 1
        if wave % 2:
            publish_commit(directory, info.queue_id, accepted[len(accepted) // 2][1], "2026-11-22T10:00:00.000000Z")
    assert numbers(read_all(directory)) == [n for n, _ in accepted]
    assert 0 < queue.refused() == n - len(accepted)


def test_the_pressure_rises_at_eighty_percent_and_falls_with_the_commit(directory: str) -> None:
    size = len(line(0))
    queue = writer(directory, max_bytes=10 * size + 200)
    seen = []
    for n in range(10):
        degraded = queue.append([line(n)]).degraded
        assert degraded == (queue.pressure() != "ok")
        seen.append(queue.pressure())
    assert seen == ["ok"] * 7 + ["degraded"] * 3
    with pytest.raises(QueueFull) as refused:
        queue.append([line(10)])
    assert (refused.value.retryable, refused.value.exit_code) == (True, 3)
    assert "what was accepted before is kept" in refused.value.message
    assert "MAX_QUEUE_SIZE" in refused.value.hint
    info = open_queue(directory, sink="duckdb:test")
    last = read_all(directory)[-1].offset
    publish_commit(directory, info.queue_id, last, "2026-11-22T10:00:00.000000Z")
    assert (queue.pressure(), queue.uncommitted_bytes()) == ("ok", 0)
    queue.append([line(11)])


def test_space_that_a_commit_has_made_is_seen_by_the_append_that_needs_it(directory: str) -> None:
    queue = writer(directory, max_bytes=4 * len(line(0)) + 200)
    last = [queue.append([line(n)]).last for n in range(4)][-1]
    with pytest.raises(QueueFull):
        queue.append([line(4)])
    publish_commit(directory, open_queue(directory, sink="").queue_id, last, "2026-11-22T10:00:00.000000Z")
    queue.append([line(5)])


def test_a_commit_of_another_channel_frees_nothing(directory: str) -> None:
    queue = writer(directory)
    last = queue.append([line(0)]).last
    before = queue.uncommitted_bytes()
    publish_commit(directory, "another-channel", last, "2026-11-22T10:00:00.000000Z")
    assert queue.uncommitted_bytes() == before > 0


def test_refusals_are_reported_once_and_only_when_space_has_returned(directory: str) -> None:
    size = len(line(0))
    queue, other = (writer(directory, max_bytes=5 * size) for _ in range(2))
    for n in range(9):
        try:
            queue.append([line(n)])
        except QueueFull:
            pass
    refused = queue.refused()
    assert refused > 0
    assert queue.take_refusals() == 0
    info = open_queue(directory, sink="duckdb:test")
    publish_commit(directory, info.queue_id, read_all(directory)[-1].offset, "2026-11-22T10:00:00.000000Z")
    assert (other.take_refusals(), queue.take_refusals(), other.take_refusals()) == (refused, 0, 0)
    assert queue.refused() == refused


# --- rule 4: numbers


@pytest.mark.parametrize(("committed", "floor", "expected"), [(None, 0, 4), (41, 0, 42), (41, 50, 51), (2, 0, 4)])
def test_a_segment_number_is_never_used_twice(directory: str, committed: int | None, floor: int, expected: int) -> None:
    queue = writer(directory, segment_bytes=1)
    for n in range(3):
        queue.append([line(n)])
    queue.close()
    if committed is not None:
        publish_commit(directory, "any", Offset(committed, 10, 1), "2026-11-22T10:00:00.000000Z")
    again = writer(directory, segment_bytes=1, floor=floor)
    assert again.append([line(3)]).first.segment == expected


def test_a_queue_whose_segments_vanished_goes_on_above_the_committed_one(directory: str) -> None:
    queue = writer(directory)
    last = queue.append([line(0)]).last
    publish_commit(directory, "any", last, "2026-11-22T10:00:00.000000Z")
    queue.close()
    shutil.rmtree(f"{directory}/seg")
    assert writer(directory).append([line(1)]).first.segment == 2


def test_the_header_names_the_queue_and_carries_its_checksum(directory: str, clock: FakeClock) -> None:
    writer(directory, clock=clock).append([line(0)])
    first = segments(directory)[0].read_bytes().split(b"\n")[0]
    header = json.loads(first)
    info = read_queue(directory)
    assert info is not None
    assert (header["_segment"], header["queue_id"], header["version"]) == (1, info.queue_id, 1)
    assert list(header)[-1] == "_crc"
    assert QueueReader(directory).read(None).records[0].value["n"] == 0


@pytest.mark.parametrize("content", [b"", b"x", b"x\n", b"\0" * 5000], ids=["empty", "torn", "line", "zeros"])
@pytest.mark.parametrize(
    "number", ["999999999999", "999999000001", "9999999999999", "00000000000a", "000000000007 copy", "٠٠٠٠٠٠٠٠٠٠٠٧"]
)
def test_a_file_that_is_no_segment_changes_nothing(directory: str, number: str, content: bytes) -> None:
    before = writer(directory)
    before.append([line(0)])
    before.close()
    foreign = Path(directory, "seg", f"{number}.ndjson")
    foreign.write_bytes(content)
    after = writer(directory, segment_bytes=1)
    for n in range(1, 4):
        after.append([line(n)])
    assert segment_numbers(directory, LOCAL) == [1, 2, 3, 4]
    assert numbers(read_all(directory)) == [0, 1, 2, 3]
    assert damages(read_all(directory)) == []
    assert foreign.read_bytes() == content
    assert foreign_files(directory, LOCAL) == [foreign.name]


def _socket(path: Path) -> None:
    """A socket's path is short: it is bound where it is short, and moved."""
    with socket.socket(socket.AF_UNIX) as made, tempfile.TemporaryDirectory(dir="/tmp") as place:
        made.bind(f"{place}/s")
        os.rename(f"{place}/s", path) if os.stat(place).st_dev == os.stat(path.parent).st_dev else os.mknod(path, 0o140600)


SPECIAL: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "directory": Path.mkdir,
    "socket": _socket,
    "link to nothing": lambda path: path.symlink_to("nothing"),
    "link to itself": lambda path: path.symlink_to(path.name),
    "link to a device": lambda path: path.symlink_to("/dev/zero"),
    "link to a directory": lambda path: path.symlink_to(path.parent),
}


@pytest.mark.parametrize("kind", SPECIAL)
@pytest.mark.parametrize("number", [1, 2, 3, 500_000_000_000])
def test_what_is_no_file_is_passed_by_wherever_a_segment_would_be(directory: str, kind: str, number: int) -> None:
    """A pipe would block the process that opens it, and nothing can be appended to a directory: neither ends the record."""
    open_queue(directory, sink="")
    foreign = Path(directory, "seg", f"{number:012d}.ndjson")
    if number > 1:
        writer(directory).append([line(0)])
    if not foreign.exists():
        SPECIAL[kind](foreign)
    kept = os.lstat(foreign)
    later = writer(directory, segment_bytes=1)
    for n in range(1, 5):
        later.append([line(n)])
    later.close()
    assert numbers(read_all(directory)) == list(range(number == 1, 5))
    assert damages(read_all(directory)) == []
    assert foreign_files(directory, LOCAL) == [foreign.name]
    assert (os.lstat(foreign).st_ino, os.lstat(foreign).st_mode) == (kept.st_ino, kept.st_mode)


@pytest.mark.parametrize("kind", SPECIAL)
def test_what_stands_between_two_segments_ends_no_read(directory: str, kind: str) -> None:
    queue = writer(directory, segment_bytes=1)
    queue.append([line(0)])
    SPECIAL[kind](Path(directory, "seg", f"{2:012d}.ndjson"))
    queue.append([line(1)])
    queue.append([line(2)])
    reader = QueueReader(directory)
    assert segment_numbers(directory, LOCAL) == [1, 3, 4]
    at, found = None, []
    while (plain := reader.read_plain(at, 1 << 20, 100)) is not None or not (batch := reader.read(at)).is_empty:
        at = plain.end if plain is not None else batch.end
        found.append(at.segment if at is not None else 0)
        assert plain is None or plain.more == (plain.end.segment < 4)
    assert found[-1] == 4
    assert reader.backlog(None).events == 3
    reader.sync_segments(Offset(4, 1, 0))
    seal_segment(directory, 4)
    assert segment_numbers(directory, LOCAL) == [1, 3, 4, 5]


def test_a_segment_that_was_taken_away_is_missed_though_a_directory_is_in_the_next_place(directory: str) -> None:
    queue = writer(directory, segment_bytes=1)
    for n in range(4):
        queue.append([line(n)])
    Path(directory, "seg", f"{2:012d}.ndjson").unlink()
    Path(directory, "seg", f"{3:012d}.ndjson").unlink()
    Path(directory, "seg", f"{3:012d}.ndjson").mkdir()
    assert len(damages(read_all(directory))) == 1


@pytest.mark.parametrize("number", [7, 500_000_000_000, MAX_NUMBER - 1])
@pytest.mark.parametrize("content", [b"", b"x\n", b"\0" * 5000], ids=["empty", "line", "zeros"])
def test_behind_a_strangers_file_that_could_be_a_segment_everything_is_still_read(
    directory: str, number: int, content: bytes
) -> None:
    writer(directory).append([line(0)])
    Path(directory, "seg", f"{number:012d}.ndjson").write_bytes(content)
    writer(directory).append([line(1)])
    assert segment_numbers(directory, LOCAL) == [1, number, number + 1]
    assert numbers(read_all(directory)) == [0, 1]


def test_beyond_the_last_number_events_are_refused_and_said_until_the_file_is_moved_away(directory: str) -> None:
    writer(directory).append([line(0)])
    foreign = Path(directory, "seg", f"{MAX_NUMBER:012d}.ndjson")
    foreign.write_bytes(b"x\n")
    with pytest.raises(QueueRefused, match="beyond the last") as refused:
        writer(directory).append([line(1)])
    assert "move the file" in refused.value.hint
    foreign.unlink()
    writer(directory).append([line(2)])
    assert numbers(read_all(directory)) == [0, 2]
