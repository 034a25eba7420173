"""A machine that loses its power: what was answered as durable is there afterwards, and no offset means two things."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from activity_mcp.queue import QueueReader, dead_letters, read_commit
from crash.points import KeptWarehouse
from disks import TroubledDisk, VolatileDisk, numbers, read_all, segments, writer
from disks import line as short_line
from rigs import Rig


@pytest.fixture
def disk() -> TroubledDisk:
    return TroubledDisk()


@pytest.mark.parametrize("seed", range(6))
def test_a_power_cut_takes_nothing_that_was_answered_as_durable(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    disk, directory = VolatileDisk(), str(tmp_path / "queue")
    durable: set[int] = set()
    n = 0
    for _ in range(4):
        queue = writer(directory, fs=disk, segment_bytes=700)
        for _ in range(chance.randint(3, 25)):
            if queue.append([short_line(n)], durable=chance.random() < 0.3).durable:
                durable.add(n)
            n += 1
        queue.close()
        disk.power_cut(directory, chance if seed % 2 else None)
        found = numbers(read_all(directory, fs=disk))
        assert durable <= set(found) <= set(range(n))
        assert found == sorted(set(found))
    assert len(durable) < n
    assert len(found) < n  # something was lost, or this showed nothing


def test_the_first_event_of_a_new_queue_survives_a_power_cut_right_behind_its_answer(
    tmp_path: Path, disk: TroubledDisk
) -> None:
    """The queue's name, the segment's entry in its directory, and the line: each needs a sync of its own."""
    rig = Rig(tmp_path / "home" / "queue", fs=disk, durability="event")
    ids = rig.write(1)
    disk.power_cut(str(tmp_path / "home"))
    after = Rig(tmp_path / "home" / "queue", fs=disk)
    assert after.queue.queue_id == rig.queue.queue_id
    assert after.queue.note is None
    after.drain()
    assert after.ids() == ids


def test_the_first_event_of_a_new_segment_survives_a_power_cut_right_behind_its_answer(
    tmp_path: Path, disk: TroubledDisk
) -> None:
    rig = Rig(tmp_path / "queue", fs=disk, durability="event", segment_bytes=1)
    ids = rig.write(3)
    disk.power_cut(rig.directory)
    rig.drain()
    assert rig.ids() == ids


def test_offsets_shipped_before_a_power_cut_are_not_given_to_other_lines_after_it(tmp_path: Path, disk: TroubledDisk) -> None:
    """Without a sync before the shipping the same bytes would be written again, and the new lines taken for shipped ones."""
    rig = Rig(tmp_path / "queue", fs=disk)
    before = rig.write(100)
    shipped = rig.drain().offset
    assert shipped is not None
    rig.write(1)  # not shipped, not synced: this one may go
    disk.power_cut(rig.directory)
    rig.writer = rig.new_writer()
    after = rig.write(100)
    rig.drain()
    assert rig.ids()[:100] == before
    assert rig.ids()[-100:] == after
    assert len(rig.ids()) <= 201
    assert QueueReader(rig.directory, fs=disk).verify(shipped)
    assert int(segments(rig.directory)[-1].stem) > shipped.segment


def test_what_was_set_aside_is_still_there_after_a_power_cut(tmp_path: Path, disk: TroubledDisk) -> None:
    rig = Rig(tmp_path / "queue", fs=disk)
    rig.write(1)
    rig.append_raw(b"what nobody can read\n")
    rig.drain()
    assert len(rig.recoveries()) == 1  # the token is behind it: nobody will ever look at these bytes again
    disk.power_cut(rig.directory)
    assert [letter.data() for letter in dead_letters(rig.directory, fs=disk)] == [b"what nobody can read\n"]


def test_the_committed_offset_is_never_ahead_of_what_the_sink_has(tmp_path: Path, disk: TroubledDisk) -> None:
    rig = Rig(tmp_path / "queue", fs=disk)
    rig.warehouse = KeptWarehouse(tmp_path / "warehouse")
    rig.write(5)
    rig.drain()
    disk.power_cut(rig.directory)
    commit = read_commit(rig.directory, fs=disk)
    assert commit is not None
    assert str(commit.offset) == rig.warehouse.committed(rig.queue.queue_id)


def test_lines_that_a_failing_disk_never_took_are_shipped_while_they_can_be_read(tmp_path: Path, disk: TroubledDisk) -> None:
    rig = Rig(tmp_path / "queue", fs=disk)
    rig.write(3)
    disk.sync_error = 5
    rig.drain()
    disk.sync_error = None
    disk.power_cut(rig.directory)
    rig.writer = rig.new_writer()
    after = rig.write(3)
    rig.drain()
    assert rig.ids()[:3] == ["id-1", "id-2", "id-3"]
    assert rig.ids()[-3:] == after
