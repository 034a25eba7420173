"""What the reader survives: damage costs the touched lines and nothing else, and nothing makes it stall or guess."""

from __future__ import annotations

import errno
import os
import random
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activity_mcp.activity import encode_line
from activity_mcp.clock import SYSTEM_CLOCK
from activity_mcp.errors import NewerFormat
from activity_mcp.fs import LOCAL
from activity_mcp.queue import Offset, OffsetLost, QueueReader, Record, open_queue, renew_queue_id
from activity_mcp.queue.segment import header_line
from disks import FaultyDisk, damages, line, numbers, read_all, segments, writer
from lengths import examples


def filled(directory: str, events: int = 12, **options: object) -> list[Path]:
    queue = writer(directory, **options)
    for n in range(events):
        queue.append([line(n)])
    queue.close()
    return segments(directory)


def newer_header(number: int) -> bytes:
    return encode_line({"_segment": number, "queue_id": "q", "boot": "b", "created": "later", "version": 2, "codec": "zstd"})


# --- order and limits


def test_lines_come_in_order_across_segments_whatever_the_batches_are(directory: str) -> None:
    filled(directory, 40, segment_bytes=500)
    reader = QueueReader(directory)
    for max_bytes, max_records in ((1, 1000), (1000, 3), (10**9, 10**9)):
        found, after = [], None
        while True:
            batch = reader.read(after, max_bytes=max_bytes, max_records=max_records)
            assert 1 <= len(batch.items) <= max_records
            found += batch.records
            assert batch.end == batch.items[-1].offset
            after = batch.end
            if not batch.more:
                break
        assert numbers(list(found)) == list(range(40))
        assert [record.line for record in found] == [line(n) for n in range(40)]


def test_reading_at_the_end_gives_nothing_and_stays_where_it_is(directory: str) -> None:
    assert QueueReader(directory).read(None).end is None
    assert QueueReader(directory).end() is None
    filled(directory)
    reader = QueueReader(directory)
    end = reader.read(None).end
    assert reader.end() == end
    again = reader.read(end)
    assert (again.items, again.end, again.more) == ([], end, False)


def test_the_read_goes_on_with_what_was_appended_meanwhile(directory: str) -> None:
    queue = writer(directory, segment_bytes=400)
    queue.append([line(0)])
    reader = QueueReader(directory)
    end = reader.read(None).end
    for n in range(1, 9):
        queue.append([line(n)])
    assert numbers(reader.read(end).items) == list(range(1, 9))


# --- damage


@examples(25, 120)
@given(seed=st.integers(0, 10**9), kind=st.sampled_from(["bit", "zeros"]))
def test_a_flipped_bit_or_a_run_of_zeros_costs_only_the_lines_it_touches(tmp_path: Path, seed: int, kind: str) -> None:
    chance = random.Random(seed)
    directory = str(tmp_path / f"{kind}-{seed}-{chance.random()}")
    path = filled(directory, 12)[0]
    content = bytearray(path.read_bytes())
    start = chance.randrange(content.index(b"\n") + 1, len(content))
    length = 1 if kind == "bit" else chance.randint(1, 64)
    before = bytes(content)
    for at in range(start, min(start + length, len(content))):
        content[at] = content[at] ^ 1 << chance.randrange(8) if kind == "bit" else 0
    path.write_bytes(content)
    writer(directory).append([line(12)])
    items = read_all(directory)
    touched = set(range(before.count(b"\n", 0, start) - 1, before.count(b"\n", 0, min(start + length, len(before)) - 1)))
    touched.add(before.count(b"\n", 0, min(start + length, len(before)) - 1) - 1)
    if b"\n" in before[start : start + length]:  # a newline was hit: its line and the next are one range now
        touched.add(max(touched) + 1)
    survived = set(numbers(items))
    assert survived >= set(range(12)) - touched
    assert survived <= set(range(13))
    assert numbers(items) == sorted(survived)
    assert 12 in survived or 12 in touched
    assert damages(items)


def test_damage_is_reported_with_its_range_and_reason_in_its_place(directory: str) -> None:
    path = filled(directory, 3)[0]
    content = path.read_bytes()
    path.write_bytes(content.replace(b"id-000001", b"id-900001"))
    items = read_all(directory)
    assert [type(item).__name__ for item in items] == ["Record", "Damage", "Record"]
    (damage,) = damages(items)
    assert (damage.segment, damage.start, damage.end) == (1, items[0].offset.end, damage.offset.end)
    assert damage.reason == "the checksum does not agree"
    assert QueueReader(directory).damaged_bytes(damage) == line(1).replace(b"id-000001", b"id-900001")
    assert QueueReader(directory).read(damage.offset).records[0].value["n"] == 2


def test_a_line_longer_than_the_buffer_does_not_stall_the_reader(directory: str) -> None:
    path = filled(directory, 2)[0]
    with path.open("ab") as file:
        file.write(b"x" * 3_000_000 + b"\n" + line(2))
    items = read_all(directory, max_line_bytes=1000)
    assert numbers(items) == [0, 1, 2]
    assert [(d.end - d.start, d.reason) for d in damages(items)] == [(3_000_001, "longer than a line can be")]
    assert QueueReader(directory, max_line_bytes=1000).verify(damages(items)[0].offset)
    assert QueueReader(directory).damaged_bytes(damages(items)[0]) is None


def test_a_tail_of_gigabytes_of_zeros_is_skipped_in_constant_memory(directory: str) -> None:
    path = filled(directory, 2, segment_bytes=100)[0]
    os.truncate(path, 300_000_000)  # a hole: zeros that take no space
    tracemalloc.start()
    items = read_all(directory)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert numbers(items) == [0, 1]
    assert [damage.end for damage in damages(items)] == [300_000_000]
    assert peak < 8 << 20


@pytest.mark.parametrize("torn", [1, 20, len(line(9)) - 1])
def test_an_incomplete_end_is_damage_only_once_its_segment_is_sealed(directory: str, torn: int) -> None:
    path = filled(directory, 2)[0]
    with path.open("ab") as file:
        file.write(line(9)[:torn])
    assert (numbers(read_all(directory)), damages(read_all(directory))) == ([0, 1], [])
    assert QueueReader(directory).backlog(read_all(directory)[-1].offset).bytes == 0
    renew_queue_id(directory)
    writer(directory).append([line(2)])
    items = read_all(directory)
    assert numbers(items) == [0, 1, 2]
    assert [(d.end - d.start, d.reason) for d in damages(items)] == [(torn, "incomplete at the end of its segment")]


def test_the_end_of_a_segment_of_an_earlier_boot_is_sealed_without_a_successor(directory: str) -> None:
    disk = FaultyDisk()
    disk.boot = "before the power cut"
    writer(directory, fs=disk).append([line(0)])
    with segments(directory)[0].open("ab") as file:
        file.write(b"\0" * 100)
    items = read_all(directory)
    assert (numbers(items), [d.end - d.start for d in damages(items)]) == ([0], [100])


def test_an_empty_segment_is_reported_once(directory: str) -> None:
    paths = filled(directory, 4, segment_bytes=250)
    os.truncate(paths[0], 0)
    items = read_all(directory)
    assert [(d.segment, d.start, d.end) for d in damages(items)] == [(1, 0, 0)]
    assert damages(read_all(directory, after=damages(items)[0].offset)) == []
    assert QueueReader(directory).verify(damages(items)[0].offset)


@pytest.mark.parametrize("damage", ["missing", "flipped", "of another segment", "torn"])
def test_a_header_that_is_gone_or_wrong_costs_no_line(directory: str, damage: str) -> None:
    path = filled(directory, 3)[0]
    header, rest = path.read_bytes().split(b"\n", 1)
    spoilt = {
        "missing": b"",
        "flipped": header.replace(b"created", b"creaked") + b"\n",
        "of another segment": header_line(7, open_queue(directory, sink="").queue_id, LOCAL.boot_id(), SYSTEM_CLOCK.time_us()),
        "torn": header[:30] + b"\n",
    }[damage]
    path.write_bytes(spoilt + rest)
    writer(directory).append([line(3)])
    items = read_all(directory)
    assert numbers(items) == [0, 1, 2, 3]
    assert len(damages(items)) == 1
    assert items[-1].offset.segment == 2  # nobody appends behind a header that cannot be trusted
    offsets = [item.offset for item in items]
    assert offsets == sorted(offsets)
    assert len(damages(read_all(directory, after=offsets[0]))) == 0


@pytest.mark.parametrize("body", [b"[1,2]", b'{"n":1,}', b'"text"', b'{"n":' + b"[" * 100_000])
def test_a_checksum_makes_no_object(directory: str, body: bytes) -> None:
    path = filled(directory, 1)[0]
    body = body.removesuffix(b"}")
    with path.open("ab") as file:
        file.write(b'%s,"_crc":"%08x"}\n' % (body, zlib.crc32(body)) + line(1))
    items = read_all(directory)
    assert numbers(items) == [0, 1]
    assert [damage.reason for damage in damages(items)] == ["not a JSON object"]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(junk=st.binary(max_size=400))
def test_no_content_whatever_makes_the_reader_fail_or_lose_the_next_line(tmp_path: Path, junk: bytes) -> None:
    directory = str(tmp_path / f"{zlib.crc32(junk)}-{len(junk)}-{random.random()}")
    path = filled(directory, 1)[0]
    with path.open("ab") as file:
        file.write(junk)
    writer(directory).append([line(1)])
    items = read_all(directory)
    assert numbers(items) == [0, 1]
    covered = sum(item.end - item.start for item in damages(items)) + sum(len(i.line) for i in items if isinstance(i, Record))
    header = len(path.read_bytes().split(b"\n")[0]) + 1
    assert covered == sum(p.stat().st_size for p in segments(directory)) - header


# --- rule 11


def test_a_newer_segment_stops_the_reader_behind_what_it_knows(directory: str) -> None:
    paths = filled(directory, 3)
    newer = paths[0].with_name("000000000002.ndjson")
    newer.write_bytes(newer_header(2) + b"something this version does not know\n")
    reader = QueueReader(directory)
    batch = reader.read(None)
    assert (numbers(batch.items), batch.more) == ([0, 1, 2], True)
    with pytest.raises(NewerFormat, match="format 2") as raised:
        reader.read(batch.end)
    assert "upgrade" in raised.value.hint
    assert not os.path.exists(f"{directory}/dead")


def test_a_newer_segment_is_neither_appended_to_nor_changed(directory: str) -> None:
    path = filled(directory, 1)[0]
    path.write_bytes(newer_header(1))
    with pytest.raises(NewerFormat):
        writer(directory).append([line(1)])
    assert path.read_bytes() == newer_header(1)
    assert segments(directory) == [path]


def test_a_newer_header_is_believed_without_our_checksum_but_not_with_a_wrong_one(directory: str) -> None:
    path = filled(directory, 1)[0]
    path.write_bytes(b'{"_segment":1,"version":3}\n')
    with pytest.raises(NewerFormat):
        QueueReader(directory).read(None)
    path.write_bytes(header_line(1, "q", "b", 0).replace(b'"version":1', b'"version":3') + line(1))  # a flipped bit
    items = read_all(directory)
    assert (numbers(items), len(damages(items))) == ([1], 1)


# --- rule 4


def test_an_offset_is_verified_by_the_bytes_before_it(directory: str) -> None:
    filled(directory, 6, segment_bytes=300)
    reader = QueueReader(directory)
    offsets = [item.offset for item in read_all(directory)]
    assert all(reader.verify(offset) for offset in offsets)
    first = offsets[0]
    for wrong in (
        Offset(first.segment, first.end, first.crc ^ 1),
        Offset(first.segment, first.end - 1, first.crc),
        Offset(first.segment, 10**9, first.crc),
        Offset(99, first.end, first.crc),
        Offset(first.segment, 0, 1),
    ):
        assert not reader.verify(wrong)
    assert reader.verify(Offset(1, 0, 0))


@pytest.mark.parametrize("rest", [b"\0" * 87, b"more\n", line(12), b"x" * 5000 + b"\n"])
def test_a_damaged_end_that_grows_after_it_was_passed_does_not_hold_the_reader(
    directory: str, monkeypatch: pytest.MonkeyPatch, rest: bytes
) -> None:
    """A power cut may leave zeros at the end of a segment, and a later look may find more of them behind those passed."""
    path = filled(directory)[0]
    with path.open("ab") as file:
        file.write(b"\0" * 140)
    monkeypatch.setattr("activity_mcp.queue.segment_reader.same_boot", lambda one, other: False)
    reader = QueueReader(directory, max_line_bytes=4000)
    passed = reader.read(None).end
    with path.open("ab") as file:
        file.write(rest)
    batch = reader.read(passed)
    assert batch.end is not None
    assert batch.end.end == path.stat().st_size
    assert reader.is_settled(batch)
    assert reader.read(batch.end).items == []


def test_an_edited_segment_is_not_read_on_from_the_middle_of_something_else(directory: str) -> None:
    path = filled(directory, 4)[0]
    at = read_all(directory)[1].offset
    path.write_bytes(path.read_bytes().replace(b"id-000001", b"id-9"))
    with pytest.raises(OffsetLost) as lost:
        QueueReader(directory).read(at)
    assert lost.value.offset == at
    assert lost.value.retryable


def test_a_new_queue_id_starts_a_new_channel_and_loses_nothing(directory: str) -> None:
    queue = writer(directory, segment_bytes=300)
    for n in range(6):
        queue.append([line(n)])
    before = open_queue(directory, sink="duckdb:test").queue_id
    after = renew_queue_id(directory, start=2)
    assert before != after == open_queue(directory, sink="duckdb:test").queue_id
    assert queue.append([line(6)]).first.segment == len(segments(directory))
    from_two = [item for item in read_all(directory) if item.offset.segment >= 2]
    assert numbers(read_all(directory, after=Offset(2, 0, 0))) == numbers(from_two)
    assert queue.uncommitted_bytes() == sum(path.stat().st_size for path in segments(directory)[1:])


# --- rule 5


def test_everything_up_to_the_batch_is_synced_before_it_is_shipped(directory: str) -> None:
    filled(directory, 6, segment_bytes=300)
    disk = FaultyDisk()
    reader = QueueReader(directory, fs=disk)
    end = reader.read(None, max_records=4).end
    assert end is not None
    assert reader.sync_segments(end) == []
    assert disk.synced == [path.name for path in segments(directory) if int(path.stem) <= end.segment]
    disk.synced.clear()
    reader.sync_segments(end)
    assert disk.synced == []
    writer(directory).append([line(6)])
    last = reader.read(end).end
    assert last is not None
    reader.sync_segments(last)
    assert disk.synced[-1] == segments(directory)[-1].name


def test_a_segment_that_cannot_be_synced_is_sealed_and_shipped_all_the_same(directory: str) -> None:
    filled(directory, 2)
    disk = FaultyDisk()
    disk.sync_error = errno.EIO
    reader = QueueReader(directory, fs=disk)
    batch = reader.read(None)
    assert batch.end is not None
    assert reader.sync_segments(batch.end) == [1]
    assert numbers(reader.read(None).items) == [0, 1]
    assert writer(directory).append([line(2)]).first.segment == 2


# --- what waits


def test_the_backlog_counts_lines_bytes_and_the_oldest(directory: str) -> None:
    filled(directory, 10, segment_bytes=400)
    reader = QueueReader(directory)
    offsets = [item.offset for item in read_all(directory)]
    whole = reader.backlog(None)
    assert (whole.events, whole.bytes, whole.oldest_us) == (10, 10 * len(line(0)), 1_795_341_600_000_000)
    assert reader.backlog(offsets[6]).events == 3
    empty = reader.backlog(offsets[-1])
    assert (empty.events, empty.bytes, empty.oldest_us) == (0, 0, None)
