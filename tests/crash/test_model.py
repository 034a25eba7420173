"""Queue, cap, backpressure and warehouse against a model of a few lines, through whatever order of faults Hypothesis finds.

The model knows what was acknowledged, what was refused, and what the warehouse has. The clock is the test's: the wall clock may
jump at any moment and must change nothing.
"""

from __future__ import annotations

import errno
import random
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from activity_mcp.errors import DiskFull, NotDurable, QueueFull, WarehouseUnavailable
from activity_mcp.pipeline.backpressure import Backpressure
from activity_mcp.pipeline.flusher import Flusher
from activity_mcp.queue import QueueWriter
from activity_mcp.warehouse import Batch
from activity_mcp.warehouse.memory import MemoryWarehouse
from disks import TroubledDisk, segments
from rigs import Rig

MAX_BYTES = 6000
THRESHOLD_S = 120.0
ABOUT_A_LINE = 460


class Shaky(MemoryWarehouse):
    """A warehouse that is down, or loses its answer after the commit, when a test asks for it."""

    down = False
    mute = False

    def append(self, batch: Batch) -> None:
        if self.down:
            raise WarehouseUnavailable("switched off")
        super().append(batch)
        if self.mute:
            raise WarehouseUnavailable("the answer was lost")


class QueueModel(RuleBasedStateMachine):
    """Two writers, a flusher that is replaced now and then, one disk, one clock."""

    @initialize()
    def start(self) -> None:
        self.place = Path(tempfile.mkdtemp(prefix="queue-model-"))
        self.disk = TroubledDisk()
        self.rig = Rig(self.place / "queue", fs=self.disk, max_bytes=MAX_BYTES, segment_bytes=1500)
        self.rig.warehouse = self.warehouse = Shaky(clock=self.rig.clock)
        self.writers: list[QueueWriter] = [self.rig.writer, self.rig.new_writer()]
        self.flusher: Flusher = self.rig.flusher()
        self.pressure = Backpressure(round(THRESHOLD_S * 1000), self.rig.clock)
        self.count = 0
        self.synced: list[str] = []  # acknowledged as durable: nothing may take these
        self.open: list[str] = []  # acknowledged, and safe from a kill only
        self.doubtful: set[str] = set()  # "not accepted, may still be recorded"
        self.lost: set[str] = set()  # not durable, and the power was cut
        self.refused = 0
        self.stalled_since: float | None = None

    def teardown(self) -> None:
        if not hasattr(self, "place"):
            return
        try:
            self.everything_arrives()
        finally:
            for writer in self.writers:
                writer.close()
            shutil.rmtree(self.place)

    # --- what happens

    def _names(self, count: int) -> list[str]:
        self.count += count
        return [f"e-{n:05d}" for n in range(self.count - count, self.count)]

    def _append(self, which: int, names: Sequence[str], durable: bool) -> bool:
        try:
            done = self.writers[which].append([self.rig.line(name) for name in names], durable=durable)
        except (QueueFull, DiskFull):
            self.refused += len(names)
            return False
        except NotDurable:
            self.doubtful |= set(names)
            return False
        (self.synced if done.durable else self.open).extend(names)
        return True

    @rule(which=st.integers(0, 1), count=st.integers(1, 3), durable=st.booleans())
    def append(self, which: int, count: int, durable: bool) -> None:
        names = self._names(count)
        room = MAX_BYTES - self.rig.writer.uncommitted_bytes()
        taken = self._append(which, names, durable)
        if taken:
            assert self.rig.writer.uncommitted_bytes() <= MAX_BYTES + 1, "accepted above the cap"
        else:
            assert room < (count + 1) * ABOUT_A_LINE, "refused below the cap"

    @rule(which=st.integers(0, 1), count=st.integers(1, 3), room=st.integers(0, 1200))
    def append_to_a_disk_with_so_much_room(self, which: int, count: int, room: int) -> None:
        self.disk.room = room
        self._append(which, self._names(count), False)
        self.disk.room = None
        self.writers[which].refused()  # writes down what the full disk did not take

    @rule(which=st.integers(0, 1), count=st.integers(1, 3), room=st.integers(0, 1200))
    def append_to_a_full_disk_that_takes_nothing_back(self, which: int, count: int, room: int) -> None:
        self.disk.room, self.disk.truncate_error = room, errno.EIO
        self._append(which, self._names(count), False)
        self.disk.room = self.disk.truncate_error = None
        self.writers[which].refused()

    @rule(which=st.integers(0, 1), count=st.integers(1, 2))
    def append_to_a_disk_that_cannot_sync(self, which: int, count: int) -> None:
        self.disk.sync_error = errno.EIO
        self._append(which, self._names(count), True)
        self.disk.sync_error = None

    @precondition(lambda self: self.count)
    @rule(which=st.integers(0, 1))
    def a_writer_is_killed_in_the_middle_of_a_line(self, which: int) -> None:
        line = self.rig.line("torn")
        if segments(self.rig.directory):
            self.rig.append_raw(line[: len(line) // 2])
        self.writers[which] = self.rig.new_writer()
        self.rig.writer = self.writers[0]

    @rule()
    def the_flusher_is_killed(self) -> None:
        self.flusher = self.rig.flusher()

    @rule(rows=st.integers(1, 5))
    def flush(self, rows: int) -> None:
        before = self.flusher.offset
        step = self.flusher.step(max_rows=rows)
        assert step.rows or not step.more
        assert before is None or step.offset is None or step.offset >= before or self.rig.reported
        self._observe()

    @rule(rows=st.integers(1, 5), mute=st.booleans())
    def flush_into_a_warehouse_that_fails(self, rows: int, mute: bool) -> None:
        self.warehouse.down, self.warehouse.mute = not mute, mute
        try:
            assert self.flusher.step(max_rows=rows).rows == 0
        except WarehouseUnavailable:
            pass
        self.warehouse.down = self.warehouse.mute = False
        self._observe()

    @rule(seconds=st.sampled_from([1.0, 50.0, 130.0, 4000.0]))
    def time_passes(self, seconds: float) -> None:
        self.rig.clock.advance(seconds)
        self._observe()

    @rule(seconds=st.sampled_from([-90_000.0, -130.0, 130.0, 90_000.0]))
    def the_wall_clock_is_set(self, seconds: float) -> None:
        active = self.pressure.active
        self.rig.clock.jump_wall(seconds)
        self._observe()
        assert self.pressure.active == active

    @rule()
    def what_is_behind_is_deleted(self) -> None:
        self.flusher.prune(self.flusher.offset)

    @rule(content=st.sampled_from([None, b"", b"\0" * 90, b"{"]))
    def commit_json_is_damaged(self, content: bytes | None) -> None:
        path = Path(self.rig.directory, "commit.json")
        if content is None:
            path.unlink(missing_ok=True)
        elif path.exists():
            path.write_bytes(content)
        self.flusher = self.rig.flusher()

    @rule(seed=st.integers(0, 1 << 16))
    def the_power_is_cut(self, seed: int) -> None:
        self.disk.power_cut(self.rig.directory, random.Random(seed))
        self.lost |= set(self.open)
        self.open.clear()
        self.refused = self.rig.new_writer().refused()  # a count is not worth a sync
        self.writers = [self.rig.new_writer(), self.rig.new_writer()]
        self.rig.writer = self.writers[0]
        self.flusher = self.rig.flusher()
        self.pressure = Backpressure(round(THRESHOLD_S * 1000), self.rig.clock)
        self.stalled_since = None

    # --- what holds

    def _observe(self) -> None:
        """As the leader does after each attempt; the model counts the seconds of a stall by itself."""
        offset, waiting = self.flusher.offset, self.rig.writer.uncommitted_bytes()
        now = self.rig.clock.monotonic()
        moved = str(offset) != getattr(self, "seen", None)
        self.seen = str(offset)
        if moved or not waiting or self.stalled_since is None:
            self.stalled_since = now
        change = self.pressure.observe(str(offset) if offset else None, waiting)
        if now - self.stalled_since > THRESHOLD_S and waiting:
            assert self.pressure.active
        if not waiting:
            assert not self.pressure.active
        assert change in (None, "entered", "left")

    @invariant()
    def each_event_is_there_once_and_none_that_was_refused(self) -> None:
        if not hasattr(self, "rig"):
            return
        ids = [name for name in self.rig.ids() if name != "torn"]
        known = {*self.synced, *self.open, *self.doubtful, *self.lost}
        assert set(ids) <= known
        offsets = [(row.channel_id, row.stream_offset) for row in self.warehouse.rows]
        assert len(offsets) == len(set(offsets))
        if not self.rig.reported:  # else files were lost, and a new channel sent some of them again: they fold by their id
            assert len(ids) == len(set(ids))
            assert ids == sorted(ids)

    @invariant()
    def refusals_add_up(self) -> None:
        if hasattr(self, "rig"):
            assert [writer.refused() for writer in self.writers] == [self.refused] * 2

    @rule()
    def everything_arrives(self) -> None:
        if MAX_BYTES - self.rig.writer.uncommitted_bytes() > 2 * ABOUT_A_LINE:
            assert self._append(0, self._names(1), True)  # closes whatever line was torn
        self.rig.drain(self.flusher)
        missing = {*self.synced, *self.open} - set(self.rig.ids())
        assert missing == set()
        self._observe()


TestQueueModel = QueueModel.TestCase
TestQueueModel.settings = settings(
    max_examples=30,
    stateful_step_count=30,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink what was found takes minutes: add it by hand
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
