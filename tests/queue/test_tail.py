"""The tail survives rotation, deletion and torn lines, and never reads what nobody asked for."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity_mcp.activity import decode_line
from activity_mcp.queue import Polled, SegmentTail
from disks import FaultyDisk, line, read_all, segments, writer
from lengths import examples


def ns(polled: Polled) -> list[int]:
    return [decode_line(content)["n"] for _, content in polled.records]


def test_the_tail_follows_appends_across_rotation(directory: str) -> None:
    tail = SegmentTail(directory, start=None)
    assert tail.poll().records == []
    queue = writer(directory, segment_bytes=300)
    found = []
    for n in range(20):
        queue.append([line(n)])
        if n % 3 == 0:
            found += ns(tail.poll())
    found += ns(tail.poll())
    assert found == list(range(20))
    assert len(segments(directory)) > 3
    assert tail.poll().records == []


def test_the_tail_gives_the_offsets_that_the_reader_gives(directory: str) -> None:
    queue = writer(directory, segment_bytes=300)
    for n in range(9):
        queue.append([line(n)])
    items = read_all(directory)
    found = [offset for offset, _ in SegmentTail(directory, start=None).poll().records]
    assert found == [str(item.offset) for item in items]
    assert ns(SegmentTail(directory, start=items[4].offset).poll()) == [5, 6, 7, 8]


@examples(25, 120)
@given(
    waves=st.lists(st.integers(0, 30), min_size=1, max_size=5),
    limit_bytes=st.integers(1, 2500),
    limit_records=st.integers(1, 12),
    segment_bytes=st.integers(1, 900),
)
def test_what_is_delivered_and_what_is_skipped_add_up(
    tmp_path_factory: object, waves: list[int], limit_bytes: int, limit_records: int, segment_bytes: int
) -> None:
    directory = str(tmp_path_factory.mktemp("tail") / "queue")  # type: ignore[attr-defined]
    queue = writer(directory, segment_bytes=segment_bytes)
    tail = SegmentTail(directory, start=None, limit_bytes=limit_bytes, limit_records=limit_records)
    n = 0
    for wave in waves:
        new = list(range(n, n + wave))
        for _ in new:
            queue.append([line(n)])
            n += 1
        polled = tail.poll()
        assert ns(polled) == new[len(new) - len(polled.records) :]
        assert len(polled.records) + polled.skipped == wave
        assert len(polled.records) <= limit_records
        assert sum(len(content) for _, content in polled.records) <= limit_bytes


def test_a_torn_line_is_waited_for_and_given_up_when_its_segment_is_sealed(directory: str) -> None:
    queue = writer(directory)
    queue.append([line(0)])
    tail = SegmentTail(directory, start=None)
    tail.poll()
    whole = line(1)
    with segments(directory)[0].open("ab") as file:
        file.write(whole[:30])
        file.flush()
        assert tail.poll().records == []
        file.write(whole[30:])
    assert ns(tail.poll()) == [1]
    with segments(directory)[0].open("ab") as file:
        file.write(whole[:30])
    assert tail.poll().records == []
    writer(directory, segment_bytes=1).append([line(2)])
    assert ns(tail.poll()) == [2]


def test_damage_is_passed_over_without_a_word(directory: str) -> None:
    queue = writer(directory)
    queue.append([line(n) for n in range(3)])
    path = segments(directory)[0]
    path.write_bytes(path.read_bytes().replace(b"id-000001", b"id-000007"))
    assert ns(SegmentTail(directory, start=None).poll()) == [0, 2]


def test_an_endless_torn_line_does_not_stall_the_tail(directory: str) -> None:
    queue = writer(directory)
    queue.append([line(0)])
    tail = SegmentTail(directory, start=None, limit_bytes=1000)
    tail.poll()
    for _ in range(4):
        with segments(directory)[0].open("ab") as file:
            file.write(b"x" * 900)
        assert tail.poll().records == []
    queue.append([line(1)])
    assert ns(tail.poll()) == [1]


def test_deleted_segments_and_a_directory_made_again_are_survived(directory: str) -> None:
    queue = writer(directory, segment_bytes=1)
    tail = SegmentTail(directory, start=None)
    for n in range(4):
        queue.append([line(n)])
    for path in segments(directory)[:2]:
        path.unlink()
    assert ns(tail.poll()) == [2, 3]
    shutil.rmtree(directory)
    assert tail.poll().records == []
    queue.append([line(4)])
    assert ns(tail.poll()) == [4]


def test_a_batch_taken_back_from_a_full_disk_is_not_waited_for_in_vain(directory: str) -> None:
    queue = writer(directory)
    last = queue.append([line(0)]).last
    tail = SegmentTail(directory, start=None)
    with segments(directory)[0].open("ab") as file:
        file.write(line(1) + line(2)[:20])  # seen in the moment before the writer takes it back
    assert ns(tail.poll()) == [0, 1]
    os.truncate(segments(directory)[0], last.end)
    assert tail.poll().records == []
    queue.append([line(3)])
    assert ns(tail.poll()) == [3]


def test_a_poll_opens_nothing_when_nothing_was_appended(directory: str) -> None:
    disk = FaultyDisk()
    queue = writer(directory)
    queue.append([line(0)])
    os.utime(f"{directory}/seg", (1, 1))  # the directory has rested for a while
    tail = SegmentTail(directory, start=None, fs=disk)
    tail.poll()
    disk.calls = 0
    for _ in range(5):
        tail.poll()
    assert disk.calls == 0
    queue.append([line(1)])
    assert ns(tail.poll()) == [1]


def test_a_poll_opens_no_file_to_read_what_was_appended_to_the_newest_segment(directory: str) -> None:
    disk = FaultyDisk()
    queue = writer(directory)
    queue.append([line(0)])
    os.utime(f"{directory}/seg", (1, 1))  # the directory has rested for a while
    tail = SegmentTail(directory, start=None, fs=disk)
    tail.poll()
    disk.calls = 0
    for n in range(1, 6):
        queue.append([line(n)])
        assert ns(tail.poll()) == [n]
    assert disk.calls == 0


def test_nothing_is_read_from_a_segment_that_was_removed_or_replaced_while_it_was_open(directory: str) -> None:
    writer(directory).append([line(0)])
    path = segments(directory)[0]
    os.utime(path.parent, (1, 1))
    tail = SegmentTail(directory, start=None)
    assert ns(tail.poll()) == [0]
    whole = path.read_bytes()
    with path.open("ab") as removed:
        Path(directory, "restored").write_bytes(whole + line(1))
        os.replace(Path(directory, "restored"), path)
        removed.write(line(7) + line(8))
        removed.flush()
        assert ns(tail.poll()) == [1]
    with path.open("ab") as removed:
        path.unlink()
        removed.write(line(9))
        removed.flush()
        assert tail.poll().records == []
        assert tail.poll().records == []


def _open_segments() -> list[str]:
    """What of the segments this process has open; a file that is gone is marked by the kernel."""
    found = []
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found.append(os.readlink(f"/proc/self/fd/{fd}"))
    return [os.path.basename(path) for path in found if ".ndjson" in path]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs Linux's list of what is open")
def test_a_file_that_is_gone_is_held_until_the_next_poll_and_none_when_the_tail_is(directory: str) -> None:
    before = _open_segments()
    with contextlib.closing(writer(directory, segment_bytes=1)) as queue:
        queue.append([line(0)])
    tail = SegmentTail(directory, start=None)
    tail.poll()
    assert len(_open_segments()) == len(before) + 1
    with contextlib.closing(writer(directory, segment_bytes=1)) as queue:
        queue.append([line(1)])  # another segment
    tail.poll()
    assert sorted(_open_segments()) == sorted([*before, segments(directory)[-1].name])
    shutil.rmtree(directory)
    tail.poll()
    assert _open_segments() == before
    with contextlib.closing(writer(directory)) as queue:
        queue.append([line(2)])
    assert ns(tail.poll()) == [2]
    del tail
    assert _open_segments() == before


def test_a_forked_child_and_its_parent_each_read_everything(directory: str) -> None:
    queue = writer(directory)
    queue.append([line(0)])
    tail = SegmentTail(directory, start=None)
    tail.poll()
    queue.append([line(1)])
    child = os.fork()
    if not child:
        os._exit(0 if ns(tail.poll()) == [1] and tail.poll().records == [] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert ns(tail.poll()) == [1]
    queue.append([line(2)])
    assert ns(tail.poll()) == [2]
