"""The flusher: every acknowledged line becomes one row, whatever the files have suffered and however many ship them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.activity import build, encode_line
from activity_mcp.errors import BatchRejected, BatchTooLarge, OffsetConflict, WarehouseUnavailable
from activity_mcp.queue import Offset, dead_letters, open_queue, read_commit
from activity_mcp.warehouse import Batch
from activity_mcp.warehouse.batch_size import REMEMBER_S
from activity_mcp.warehouse.memory import MemoryWarehouse
from rigs import ORIGIN, Rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path / "queue")
    yield made
    made.writer.close()


def test_every_line_becomes_one_row_in_order_with_its_place(rig: Rig) -> None:
    ids = rig.write(250)
    flusher = rig.drain(max_rows=40)
    assert rig.ids() == ids
    offsets = [row.stream_offset for row in rig.warehouse.rows]
    assert offsets == sorted(set(offsets))
    assert {row.channel_id for row in rig.warehouse.rows} == {rig.queue.queue_id}
    assert rig.warehouse.committed(rig.queue.queue_id) == offsets[-1] == str(flusher.offset)


def test_an_empty_queue_ships_nothing(rig: Rig) -> None:
    step = rig.flusher().step()
    assert (step.rows, step.offset, step.more) == (0, None, False)


def test_a_new_flusher_goes_on_where_the_last_one_committed(rig: Rig) -> None:
    first = rig.write(10)
    rig.drain()
    second = rig.write(10)
    rig.drain()
    assert rig.ids() == first + second


@pytest.mark.parametrize("content", [None, b"", b"\0" * 200, b"{", b"older", b"newer"])
def test_the_sink_is_the_truth_whatever_commit_json_says(rig: Rig, content: bytes | None) -> None:
    path = Path(rig.directory, "commit.json")
    ids = rig.write(5)
    rig.drain()
    older = path.read_bytes()
    ids += rig.write(5)
    rig.drain()
    if content is None:
        path.unlink()
    elif content == b"older":
        path.write_bytes(older)
    elif content == b"newer":
        path.write_bytes(path.read_bytes().replace(b'"offset":"000000000001', b'"offset":"000000000009'))
    else:
        path.write_bytes(content)
    ids += rig.write(5)
    rig.drain()
    assert rig.ids() == ids


def test_with_a_sink_that_forgot_its_token_commit_json_keeps_rows_from_being_sent_twice(rig: Rig) -> None:
    rig.write(5)
    rig.drain()
    rig.warehouse = MemoryWarehouse(clock=rig.clock)
    later = rig.write(3)
    rig.drain()
    assert rig.ids() == later


def test_a_sink_that_fails_loses_nothing_and_the_same_flusher_goes_on(rig: Rig) -> None:
    class Failing(MemoryWarehouse):
        failures = 3

        def append(self, batch: Batch) -> None:
            if self.failures:
                self.failures -= 1
                raise WarehouseUnavailable("down")
            super().append(batch)

    ids = rig.write(20)
    rig.warehouse = Failing(clock=rig.clock)
    flusher = rig.flusher()
    for _ in range(3):
        with pytest.raises(WarehouseUnavailable):
            flusher.step(max_rows=7)
    rig.drain(flusher, max_rows=7)
    assert rig.ids() == ids


def test_an_answer_that_was_lost_after_the_commit_doubles_nothing(rig: Rig) -> None:
    class Mute(MemoryWarehouse):
        mute = True

        def append(self, batch: Batch) -> None:
            super().append(batch)
            if self.mute:
                self.mute = False
                raise WarehouseUnavailable("the connection was cut")

    ids = rig.write(20)
    rig.warehouse = Mute(clock=rig.clock)
    flusher = rig.flusher()
    with pytest.raises(WarehouseUnavailable):
        flusher.step(max_rows=8)
    rig.drain(flusher, max_rows=8)
    assert rig.ids() == ids


def test_two_flushers_in_turn_stay_exact(rig: Rig) -> None:
    ids = rig.write(60)
    one, other = rig.flusher(), rig.flusher()
    one.step(max_rows=10)
    other.step(max_rows=10)
    with pytest.raises(OffsetConflict):
        one.step(max_rows=10)
    while one.step(max_rows=10).more:
        pass
    rig.write(1)
    with pytest.raises(OffsetConflict):
        other.step(max_rows=10)
    rig.drain(other)
    assert rig.ids() == [*ids, f"id-{rig.written}"]


def test_a_poison_line_is_set_aside_and_the_rest_flows(rig: Rig) -> None:
    before = rig.write(2)
    poison = encode_line({"activity_id": "p", "feature_json": {}, "ts": "yesterday"})
    rig.append_raw(poison)
    after = rig.write(2)
    rig.drain()
    assert rig.ids() == before + after
    (recovery,) = rig.recoveries()
    assert (recovery["event_type"], recovery["action_taken"]) == ("error_recovery", "quarantined")
    assert "customer" in recovery["reason"]
    (letter,) = dead_letters(rig.directory)
    assert Path(letter.path).stat().st_size > 0


@pytest.mark.parametrize(
    "members",
    [
        {"event_name": "web_event"},
        {"event_name": "web_event", "v": "1"},
        {"feature_json": {"deep": json.loads("[" * 400 + "]" * 400)}},
        {"customer": 7},
        {"ts": "half past nine"},
    ],
    ids=["unknown event", "unknown event, validated", "nested without end", "no text", "no time"],
)
def test_a_line_no_warehouse_could_take_never_stalls_the_queue(rig: Rig, members: dict[str, Any]) -> None:
    before = rig.write(1)
    whole = build("tool_event", {"tool_name": "Bash", "success": True}, ORIGIN, now_us=rig.clock.time_us()).record()
    rig.append_raw(encode_line({**whole, **members}))
    after = rig.write(2)
    rig.drain()
    assert rig.ids() == before + after
    assert len(rig.recoveries()) == 1


@pytest.mark.parametrize("damage", [b"torn in the mid", b"\0" * 64 + b"\n", b'{"a":1}\n', b"x" * (2 << 20) + b"\n"], ids=len)
def test_damage_costs_only_itself_and_takes_a_place_in_the_stream(rig: Rig, damage: bytes) -> None:
    before = rig.write(3)
    rig.append_raw(damage)
    after = rig.new_writer()
    rig.writer.close()
    rig.writer = after
    late = rig.write(3)
    flusher = rig.drain()
    assert rig.ids() == before + late
    assert len(rig.recoveries()) == flusher.quarantined == 1
    assert rig.warehouse.rows[3].event_name == "system_event"


def test_a_batch_of_nothing_but_poison_moves_the_token(rig: Rig) -> None:
    rig.write(1)
    rig.append_raw(b"garbage\n" * 50)
    rig.drain(max_rows=10)
    assert len(rig.recoveries()) == 50
    assert rig.flusher().step().rows == 0


def test_a_row_the_engine_refuses_is_found_and_set_aside(rig: Rig) -> None:
    class Picky(MemoryWarehouse):
        def append(self, batch: Batch) -> None:
            if any(row.activity_id in ("id-7", "id-8", "id-30") for row in batch.rows):
                raise BatchRejected("no sevens")
            super().append(batch)

    ids = rig.write(40)
    rig.warehouse = Picky(clock=rig.clock)
    rig.drain()
    assert rig.ids() == [given for given in ids if given not in ("id-7", "id-8", "id-30")]
    assert [recovery["reason"] for recovery in rig.recoveries()] == ["no sevens"] * 3
    assert len(dead_letters(rig.directory)) == 3


def test_a_sink_that_refuses_everything_is_an_error_and_not_an_endless_loop(rig: Rig) -> None:
    class Closed(MemoryWarehouse):
        def append(self, batch: Batch) -> None:
            raise BatchRejected("nothing today")

    rig.write(3)
    rig.warehouse = Closed(clock=rig.clock)
    with pytest.raises(BatchRejected):
        rig.flusher().step()
    assert dead_letters(rig.directory) == []


class Narrow(MemoryWarehouse):
    """Takes batches of at most ``room`` rows; ``failed`` counts the others."""

    room = 3
    failed = 0
    largest = 0

    def append(self, batch: Batch) -> None:
        if len(batch.rows) > self.room:
            self.failed += 1
            raise BatchTooLarge("out of memory")
        super().append(batch)
        self.largest = max(self.largest, len(batch.rows))


def test_a_batch_without_the_memory_for_it_is_halved_until_it_passes_and_nothing_is_set_aside(rig: Rig) -> None:
    ids = rig.write(40)
    rig.warehouse = Narrow(clock=rig.clock)
    rig.drain()
    assert rig.ids() == ids
    assert dead_letters(rig.directory) == []


def test_the_size_that_works_is_kept_for_ten_minutes_and_grows_again_afterwards(rig: Rig) -> None:
    rig.warehouse = narrow = Narrow(clock=rig.clock)
    flusher = rig.flusher()
    for _ in range(10):
        rig.write(40)
        flusher.step()
        rig.clock.advance(40)
    assert narrow.failed == 4  # 40, 20, 10 and 5 rows of the first step
    narrow.room = 1000
    rig.clock.advance(REMEMBER_S)
    for _ in range(6):
        rig.write(40)
        flusher.step()
    assert narrow.largest == 40
    assert len(set(rig.ids())) == len(rig.ids()) == 16 * 40


def test_another_flusher_begins_with_the_size_that_worked(rig: Rig) -> None:
    rig.write(40)
    rig.warehouse = narrow = Narrow(clock=rig.clock)
    before = rig.drain()
    rig.write(40)
    after = rig.flusher()
    after.batch_size.resume(before.batch_size.reduced)
    failed = narrow.failed
    rig.drain(after)
    assert narrow.failed == failed


@pytest.mark.parametrize("reported", [None, True, 0, -5, 10**30, "12", 2.5, {}])
def test_a_size_that_cannot_be_one_is_not_taken_over(rig: Rig, reported: object) -> None:
    flusher = rig.flusher()
    flusher.batch_size.resume(reported)
    assert flusher.batch_size.reduced is None


def test_a_row_there_is_no_memory_for_at_all_is_set_aside_with_its_reason_and_the_rest_is_shipped(rig: Rig) -> None:
    class Small(MemoryWarehouse):
        def append(self, batch: Batch) -> None:
            if sum(len(row.feature_json) for row in batch.rows) > 20_000:
                raise BatchTooLarge("out of memory")
            super().append(batch)

    rig.warehouse = Small(clock=rig.clock)
    before = rig.write(60)
    rig.write(1, text="x" * 50_000)
    after = rig.write(60)
    rig.drain()
    assert rig.ids() == before + after
    assert [recovery["reason"] for recovery in rig.recoveries()] == ["out of memory"]
    (letter,) = dead_letters(rig.directory)
    assert b"x" * 50_000 in letter.data()


def test_a_time_out_makes_the_next_batch_smaller_but_sets_nothing_aside(rig: Rig) -> None:
    class Slow(MemoryWarehouse):
        def append(self, batch: Batch) -> None:
            if len(batch.rows) > 3:
                late = WarehouseUnavailable("did not answer in time")
                late.smaller_may_pass = True
                raise late
            super().append(batch)

    ids = rig.write(40)
    rig.warehouse = Slow(clock=rig.clock)
    flusher = rig.flusher()
    for _ in range(4):
        with pytest.raises(WarehouseUnavailable):
            flusher.step()
    rig.drain(flusher)
    assert rig.ids() == ids
    assert dead_letters(rig.directory) == []


def test_files_edited_behind_the_committed_place_are_shipped_again_on_a_new_channel(rig: Rig) -> None:
    rig.write(5)
    rig.drain()
    (segment,) = Path(rig.directory, "seg").iterdir()
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join(lines[:3]))  # somebody cut the file
    later = rig.write(2)
    rig.drain()
    assert set(later) <= set(rig.ids())
    assert open_queue(rig.directory, sink="memory").queue_id != rig.queue.queue_id
    assert [reported["action_taken"] for reported in rig.reported] == ["new_channel"]


def test_a_restored_older_directory_skips_no_new_event(rig: Rig, tmp_path: Path) -> None:
    rig.write(2)
    rig.drain()
    backup = tmp_path / "backup"
    shutil.copytree(rig.directory, backup)
    for _ in range(3):
        rig.clock.advance(7200)  # a new segment by age
        rig.write(2)
    rig.drain()
    rig.writer.close()
    shutil.rmtree(rig.directory)
    shutil.copytree(backup, rig.directory)
    os.unlink(Path(rig.directory, "commit.json"))
    rig.writer = rig.new_writer()
    new = rig.write(2, tool_name="after the restore")
    rig.drain()
    assert set(new) <= set(rig.ids())


def test_a_directory_made_again_under_a_running_flusher_is_shipped_from_its_beginning(rig: Rig) -> None:
    for _ in range(3):
        rig.clock.advance(7200)
        rig.write(1)
    flusher = rig.drain()
    rig.writer.close()
    shutil.rmtree(rig.directory)
    rig.writer = rig.new_writer()
    new = rig.write(2, tool_name="after")
    rig.drain(flusher)
    assert rig.ids()[-2:] == new


def test_segment_numbers_are_not_used_again_after_the_files_vanished(rig: Rig) -> None:
    rig.write(3)
    for _ in range(2):
        rig.clock.advance(7200)
        rig.write(1)
    rig.drain()
    highest = max(int(path.stem) for path in Path(rig.directory, "seg").iterdir())
    for path in Path(rig.directory, "seg").iterdir():
        path.unlink()
    Path(rig.directory, "commit.json").unlink()
    rig.flusher().step()  # what a leader does first: the sink's token goes back to commit.json
    commit = read_commit(rig.directory)
    assert commit is not None
    assert commit.offset.segment == highest
    rig.writer.close()
    rig.writer = rig.new_writer()
    new = rig.write(1)
    rig.drain()
    assert rig.ids()[-1:] == new
    assert min(int(path.stem) for path in Path(rig.directory, "seg").iterdir()) > highest


def test_lines_nobody_validated_are_checked_and_marked_and_kept(rig: Rig) -> None:
    activity = build("tool_event", {"tool_name": 7}, ORIGIN, now_us=rig.clock.time_us(), activity_id="hooked")
    rig.writer.append([activity.line()])
    rig.drain()
    (row,) = rig.warehouse.rows
    marked = {error["path"] for error in json.loads(row.feature_json)["_schema_errors"]}
    assert marked == {"feature_json", "feature_json.tool_name"}


def test_segments_are_deleted_once_they_are_behind_and_never_the_newest(rig: Rig) -> None:
    for _ in range(4):
        rig.write(2)
        rig.clock.advance(7200)
    flusher = rig.drain()
    assert flusher.prune(flusher.offset) == 3
    (left,) = Path(rig.directory, "seg").iterdir()
    assert flusher.offset == Offset.parse(rig.warehouse.committed(rig.queue.queue_id) or "")
    assert int(left.stem) == flusher.offset.segment
