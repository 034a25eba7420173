"""The flusher: from the queue's lines to the warehouse's rows, each exactly once.

    committed offset → read → sync → Sink.append(rows, expected, offset) → commit.json → delete what is behind

One step ships one batch. The sink's offset is the truth about what was committed; ``commit.json`` is a cache of it that serves
when the sink has none. Before reading on, the checksum at the committed place is verified: on a mismatch (a restored, copied
or edited directory) the queue takes a new id, and so a new channel, and starts again at the first line of that segment, or of
an earlier one where ``commit.json`` says that these files had come no further; duplicates fold by activity_id and nothing is
skipped.

A batch the engine has not the memory for is halved, down to one row, and the size that works is kept for a while
(``warehouse/batch_size.py``): no backlog of events that were accepted can stop the queue.

Lines that are plain become rows by what they have alike (``plain_rows``). Where one of them is no activity or the sink refuses
their batch, nothing was written; they are read one by one then, as everything else is.

A damaged range, a line that is no activity, and a row the engine refuses, or has not the memory for, are quarantined: the
bytes go, synced, to ``dead/``,
and one ``system_event`` (error_recovery) takes their place at their offset, so that the token can move past them.

The holder of the lease drives the flusher; it knows no thread and no clock but the one it is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from ..activity import Origin, build, derived_id
from ..clock import SYSTEM_CLOCK, iso
from ..errors import BatchRejected, BatchTooLarge, InvalidActivity, QueueBusy, WarehouseError
from ..fs import LOCAL
from ..queue import (
    Damage,
    Offset,
    OffsetLost,
    PlainLines,
    QueueReader,
    Record,
    bury,
    bury_range,
    prune,
    publish_commit,
    read_commit,
    renew_queue_id,
)
from ..recording.event_catalogue import ERROR_RECOVERY, FORGOTTEN, ROWS_LEFT_OUT
from ..warehouse import Batch, Row
from ..warehouse.base import LEFT_OUT
from ..warehouse.batch_size import BatchSize, weight
from .plain_rows import rows_of_lines
from .rows import PoisonLine, row_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..clock import Clock
    from ..fs import FileSystem
    from ..queue import ReadBatch
    from ..warehouse import Sink

_MAX_READS = 100  # of a live end that is taken back and written again; a full disk does so once or twice


@dataclass(frozen=True, slots=True)
class FlushStep:
    """What one step did: ``rows`` committed, the queue's ``offset`` now, and whether ``more`` is waiting behind it."""

    rows: int
    offset: Offset | None
    more: bool
    quarantined: int = 0


@dataclass(slots=True)
class Position:
    """Where this flusher is: the sink's token as it was last seen, and the queue's offset it means."""

    expected: str | None
    at: Offset | None


class Flusher:
    """Ships the queue in ``directory`` into ``sink``. ``origin`` signs the system_events it writes itself.

    ``on_event`` receives recoveries (``error_recovery`` features) that have no place in the stream of their own. ``omits``
    returns True for lines to leave out, by their members: they are to be forgotten before the warehouse has them.
    """

    def __init__(
        self,
        directory: str,
        channel_id: str,
        sink: Sink,
        origin: Origin,
        *,
        clock: Clock = SYSTEM_CLOCK,
        on_event: Callable[[dict[str, Any]], None] | None = None,
        omits: Callable[[dict[str, Any]], bool] | None = None,
        fs: FileSystem = LOCAL,
    ) -> None:
        self.directory = directory
        self.channel_id = channel_id
        self.quarantined = 0
        self._sink = sink
        self._origin = origin
        self._clock = clock
        self._on_event = on_event
        self._omits = omits
        self._fs = fs
        self._reader = QueueReader(directory, loads=orjson.loads, clock=clock, fs=fs)
        self._position: Position | None = None
        self._left_out = 0
        self.batch_size = BatchSize(sink.batch_weight, clock=clock)

    @property
    def offset(self) -> Offset | None:
        """The committed offset as this flusher last saw it."""
        return self._position.at if self._position else None

    def step(self, *, max_rows: int = 1000, max_bytes: int = 4 << 20) -> FlushStep:
        """Ship one batch. Raises what the sink raises; the queue then still holds everything.

        After any error the next step asks the sink again where it is.
        """
        is_plain = self._omits is None and self.batch_size.reduced is None  # else each is judged, or weighed
        step = self._step(max_rows, max_bytes, plainly=is_plain)
        return step or self._step(max_rows, max_bytes, plainly=False) or FlushStep(0, None, more=False)

    def _step(self, max_rows: int, max_bytes: int, *, plainly: bool) -> FlushStep | None:
        """One step; ``plainly``: without reading each line, where that may be.

        None where one of the lines has to be found by reading them one by one: nothing was written then.
        """
        position = self._position or self._locate()
        if position.at is not None and self._is_beyond(position.at):
            position = self._locate()  # the directory was removed and made again under us
        try:
            batch = self._read(position.at, max_bytes, max_rows, plainly=plainly)
        except OffsetLost as lost:
            position = self._restart(lost.offset)
            batch = self._read(position.at, max_bytes, max_rows, plainly=plainly)
        if batch.is_empty or batch.end is None:
            self._restore_commit(position.at)
            return FlushStep(0, position.at, more=False)
        self._position = None  # until the sink has said yes
        self._reader.sync_segments(batch.end)
        shipped = self._ship_plain(position, batch) if isinstance(batch, PlainLines) else self._ship_each(position, batch)
        if shipped is None:
            return None
        rows, quarantined = shipped
        self._keep_left_out(position.at, batch.end)
        self._position = Position(str(batch.end), batch.end)
        self._publish(batch.end)
        self.quarantined += quarantined
        return FlushStep(rows, batch.end, batch.more, quarantined)

    def _ship_plain(self, position: Position, lines: PlainLines) -> tuple[int, int] | None:
        """All in one batch. None where one is no activity, or the sink does not take one, or not so many."""
        rows = rows_of_lines(lines, self.channel_id)
        if rows is None:
            return None
        try:
            self._append(Batch(self.channel_id, position.expected, str(lines.end), rows))
        except (BatchRejected, BatchTooLarge):
            return None
        return len(rows), 0

    def _ship_each(self, position: Position, batch: ReadBatch) -> tuple[int, int]:
        rows, quarantined = self._rows(batch)
        return len(rows), quarantined + self._ship(position, rows, batch)

    def forget_position(self) -> None:
        """Ask the sink again before the next step, as after another process may have led."""
        self._position = None

    def prune(self, watermark: Offset | None) -> int:
        """Delete the segments that are wholly behind the committed offset and the watermark; how many."""
        committed = self.offset
        return prune(self.directory, committed, watermark, clock=self._clock, fs=self._fs) if committed else 0

    def _read(self, at: Offset | None, max_bytes: int, max_rows: int, *, plainly: bool) -> ReadBatch | PlainLines:
        for _ in range(_MAX_READS):
            batch: ReadBatch | PlainLines | None = self._reader.read_plain(at, max_bytes, max_rows) if plainly else None
            batch = batch or self._reader.read(at, max_bytes=max_bytes, max_records=max_rows)
            if batch.is_empty or self._reader.is_settled(batch):
                return batch
        raise QueueBusy(
            f"the end of the queue changed {_MAX_READS} times while it was read; nothing was shipped, the queue holds it all",
            hint="it is tried again by itself",
        )

    # --- where to start

    def _locate(self) -> Position:
        """Where the sink is; its token is restored to ``commit.json``, so that no segment number is ever used again."""
        token = self._sink.committed(self.channel_id)
        cached, self._left_out = self._cached()
        text = token or cached or self._sink.highest_offset(self.channel_id)
        at = Offset.parse(text) if text else None
        if at is not None and self._is_lost(at):
            return self._restart(at)  # before commit.json is touched: it says how far these files had come
        if at is not None and text != cached:
            self._keep_left_out(Offset.parse(cached) if cached else None, at)  # committed by one who died before noting it
            self._publish(at)
        self._position = Position(token, at)
        return self._position

    def _is_lost(self, at: Offset) -> bool:
        """Whether ``at`` cannot be an offset of these files. A segment that is gone is for the reader to report."""
        return self._is_beyond(at) or (at.segment in self._reader.segments() and not self._reader.verify(at))

    def _is_beyond(self, at: Offset) -> bool:
        segments = self._reader.segments()
        return bool(segments) and at.segment > segments[-1]

    def _cached(self) -> tuple[str | None, int]:
        """What ``commit.json`` knows of this channel: its offset, and how many rows of it the sink has left out."""
        commit = read_commit(self.directory, fs=self._fs)
        return (str(commit.offset), commit.left_out) if commit and commit.channel_id == self.channel_id else (None, 0)

    def _publish(self, offset: Offset) -> None:
        now = iso(self._clock.time_us())
        publish_commit(self.directory, self.channel_id, offset, now, left_out=self._left_out, fs=self._fs)

    def _keep_left_out(self, after: Offset | None, upto: Offset) -> None:
        """Where the sink took rows and left some out, keep the range they are in, before its segment may go."""
        left_out = self._sink.left_out(self.channel_id)
        more, self._left_out = left_out.rows - self._left_out, left_out.rows
        if more <= 0:
            return
        reason = f"{LEFT_OUT}, {more} of this range: {left_out.message}"
        bury_range(self.directory, after, upto, reason, clock=self._clock, fs=self._fs)
        if self._on_event:
            self._on_event(
                ROWS_LEFT_OUT.features(
                    f"{reason}; the lines up to offset {upto} are kept in dead/",
                    action_taken="kept_range",
                    segment=upto.segment,
                    metrics={"rows": more},
                )
            )

    def _restore_commit(self, at: Offset | None) -> None:
        """Write commit.json again where it was deleted or damaged: others wait for what it says, and count by it."""
        if at is not None and read_commit(self.directory, fs=self._fs) is None:
            self._publish(at)

    def _restart(self, lost: Offset) -> Position:
        """The place the sink remembers is not in these files: a new channel, from a place that they surely share with it."""
        before, segment = self.channel_id, self._shared_until(lost)
        self.channel_id = renew_queue_id(self.directory, start=segment, clock=self._clock, fs=self._fs)
        if self._on_event:
            self._on_event(
                ERROR_RECOVERY.features(
                    f"the queue's files do not hold offset {lost} of channel {before} (restored, copied or edited); "
                    f"channel {self.channel_id} ships them again from segment {segment}, duplicates fold",
                    action_taken="new_channel",
                    segment=segment,
                )
            )
        self._position = Position(self._sink.committed(self.channel_id), Offset(segment, 0, 0))
        return self._position

    def _shared_until(self, lost: Offset) -> int:
        """The segment to begin with. In a copy that went its own way for longer than a segment, the lost one is too late."""
        segments, (cached, _) = self._reader.segments(), self._cached()
        if self._is_beyond(lost) or cached is None:
            return segments[0]
        return max(segments[0], min(lost.segment, Offset.parse(cached).segment))

    # --- from lines to rows

    def _rows(self, batch: ReadBatch) -> tuple[list[Row], int]:
        rows, quarantined = [], 0
        for item in batch.items:
            if isinstance(item, Damage):
                rows.append(self._quarantine(item, self._reader.damaged_bytes(item)))
                quarantined += 1
                continue
            try:
                row = row_of(item, self.channel_id)
                if self._omits is None or not self._omits(item.value):
                    rows.append(row)
            except (PoisonLine, InvalidActivity, TypeError, ValueError, RecursionError) as error:
                rows.append(self._quarantine(_damage_of(item, str(error) or type(error).__name__), item.line))
                quarantined += 1
        if not rows and batch.end is not None:  # every batch has a row, so that the token can move
            forgotten = FORGOTTEN.features(None)
            rows.append(self._stand_in(batch.end, "forgotten", str(batch.end), forgotten))
        return rows, quarantined

    # --- quarantine

    def _quarantine(self, damage: Damage, content: bytes | None) -> Row:
        bury(self.directory, damage, content, damage.reason, clock=self._clock, fs=self._fs)
        return self._stand_in_for(damage)

    def _stand_in_for(self, damage: Damage) -> Row:
        features = ERROR_RECOVERY.features(
            f"{damage.end - damage.start} bytes of segment {damage.segment} are damaged and were set aside",
            severity="error",
            action_taken="quarantined",
            segment=damage.segment,
            **{"from": damage.start, "to": damage.end},
            reason=damage.reason[:300],
        )
        place = f"{damage.segment}:{damage.start}:{damage.end}"
        return self._stand_in(damage.offset, "quarantine", place, features)

    def _stand_in(self, offset: Offset, kind: str, place: str, features: dict[str, Any]) -> Row:
        """The system_event that takes the place of lines which end at ``offset``; ``kind`` and ``place`` make its id."""
        activity = build(
            "system_event",
            features,
            self._origin,
            now_us=self._clock.time_us(),
            activity_id=derived_id("system_event", kind, f"{self.channel_id}:{place}"),
            strict=False,
        )
        members = activity.record() | {
            "feature_json": activity.encoded_features(orjson.dumps).decode(),
            "channel_id": self.channel_id,
            "stream_offset": str(offset),
        }
        return Row(**{name: members[name] for name in Row._fields})

    def _ship(self, position: Position, rows: list[Row], batch: ReadBatch) -> int:
        """Append the rows, in as many parts as it takes; a row the engine refuses is quarantined. How many it refused."""
        expected, refused, start, size = position.expected, 0, 0, len(rows)
        weights = [weight(row) for row in rows]
        while start < len(rows):
            end = min(start + size, self.batch_size.end(weights, start))
            part = rows[start:end]
            offset = str(batch.end) if end == len(rows) else part[-1].stream_offset
            try:
                self._append(Batch(self.channel_id, expected, offset, part))
            except (BatchRejected, BatchTooLarge) as error:
                if len(part) > 1:
                    size = len(part) // 2
                    continue
                self._ship_stand_in(part[0], expected, offset, batch, error)
                refused += 1
            expected = offset
            start = end
            size = min(size * 2, len(rows))
        return refused

    def _append(self, batch: Batch) -> None:
        try:
            self._sink.append(batch)
        except WarehouseError as error:
            if error.smaller_may_pass:
                self.batch_size.failed([weight(row) for row in batch.rows])
            raise
        self.batch_size.passed()

    def _ship_stand_in(self, row: Row, expected: str | None, offset: str, batch: ReadBatch, error: WarehouseError) -> None:
        """In the place of a refused row its system_event. If that is refused as well, the fault is not in the row: raise."""
        found = [item for item in batch.items if isinstance(item, Record) and str(item.offset) == row.stream_offset]
        if not found:
            raise error
        damage = _damage_of(found[0], str(error))
        self._sink.append(Batch(self.channel_id, expected, offset, [self._stand_in_for(damage)]))
        bury(self.directory, damage, found[0].line, damage.reason, clock=self._clock, fs=self._fs)


def _damage_of(record: Record, reason: str) -> Damage:
    start = record.offset.end - len(record.line)
    return Damage(record.offset.segment, start, record.offset.end, record.offset, reason)
