"""Draining the queue on demand, for commands: lead for a moment, or request a flush from the leader and wait for it.

Either way the call returns when everything that was in the queue at its start is committed, or raises WarehouseUnavailable at
its deadline. Nothing is ever lost by giving up: the queue holds it.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from ..errors import WarehouseError, WarehouseRefused, WarehouseUnavailable
from ..fs import LOCAL
from ..pipeline.draining import drain
from ..pipeline.folding import left_out_event
from ..queue import QueueReader, ask_leader, is_committed, is_folded

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..pipeline.flusher import Flusher, FlushStep
    from ..pipeline.folding import Folding
    from ..queue import Offset
    from ..service import ActivityService

BATCH_ROWS = 10_000
BATCH_BYTES = 6 << 20
"""A batch where no caller waits for the first of it: what a refresh costs beside its rows is paid once for all of them."""
FULL_FOR_S = 2.0
"""A leader makes room on a full disk by removing what is shipped; after so long it has found none."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Drained:
    """What a flush did: ``rows`` written by this process (another leader's are not counted), and how long it took.

    ``unpublished``: why the contexts are as old as before: the disk, or a warehouse that may be written to and not read. The
    rows are in the warehouse all the same.
    """

    rows: int
    quarantined: int
    led: bool
    elapsed_ms: float
    unpublished: str | None = None


class Drainer:
    """Drains ``service``'s queue. ``on_progress`` gets (bytes shipped, bytes there were).

    ``batch_rows``: the most events in a batch, where less memory is worth more than time.
    """

    def __init__(
        self,
        service: ActivityService,
        *,
        on_progress: Callable[[int, int], None] | None = None,
        batch_rows: int = BATCH_ROWS,
    ) -> None:
        self._service = service
        self._batch_rows = batch_rows
        self._on_progress = on_progress or (lambda done, total: None)
        self._reader = QueueReader(service.queue.directory)

    def drain(self, timeout_s: float = 60.0, *, verify: bool = True, leaves_bytes: int = 0) -> Drained:
        """Commit everything that is queued now. Raises WarehouseUnavailable at the deadline, else what the sink raises.

        ``verify``: fold it and publish the requested contexts as well; else only what is too much to wait is folded.
        ``leaves_bytes``: where this process leads, stop once no more than so many wait.
        """
        started = time.monotonic()
        deadline = started + timeout_s
        self._service.writer.sync()
        if self._service.lease.try_acquire():
            try:
                rows, quarantined, refused = self._lead(deadline, verify, leaves_bytes)
            finally:
                self._service.warehouse.release()
                self._service.lease.release()
            error = self._service.refresher.disk_error
            unpublished = (error.strerror or str(error)) if error else refused
            return Drained(rows, quarantined, True, (time.monotonic() - started) * 1000, unpublished)
        if self._wait_for_leader(deadline, timeout_s):
            return Drained(0, 0, False, (time.monotonic() - started) * 1000)
        return self.drain(max(0.1, deadline - time.monotonic()), verify=verify, leaves_bytes=leaves_bytes)

    def _lead(self, deadline: float, verify: bool, leaves_bytes: int) -> tuple[int, int, str | None]:
        service = self._service
        flusher = service.make_flusher()
        folding = service.make_folding()
        folding.began()
        rows = self._ship(flusher, folding, deadline, leaves_bytes)
        if service.system_events.report_refusals():  # there is room again, and perhaps no server to report it
            rows += self._ship(flusher, folding, deadline, leaves_bytes)
        refused = self._publish(flusher, folding, deadline, rows, verify)
        flusher.prune(folding.known_offset())
        if service.refresher.disk_error is not None:  # a full disk: what is committed makes room for the contexts
            flusher.prune(flusher.offset)
            retry_while_busy(service.refresher.publish_changes, deadline)
        return rows, flusher.quarantined, refused

    def _fold(self, flusher: Flusher, folding: Folding, deadline: float) -> int:
        """Fold all that is committed, and say so; how many rows."""
        folded = retry_while_busy(lambda: folding.fold(flusher.offset), deadline)
        for reason in folded.left_out:
            self._service.system_events.report(left_out_event(reason))
        if folding.offset is not None:
            self._service.lease.report_folded(str(folding.offset))
        return folded.rows

    def _publish(self, flusher: Flusher, folding: Folding, deadline: float, rows: int, verify: bool) -> str | None:
        """Renew the contexts. Why not, where the warehouse may not be read: what was written is written all the same."""
        refresher = self._service.refresher
        try:
            rows += self._fold(flusher, folding, deadline) if verify else 0
            if rows and folding.may_have_changed():
                retry_while_busy(refresher.publish_changes, deadline)
            if verify:
                scopes = refresher.due()
                retry_while_busy(lambda: refresher.verify(scopes, flusher.channel_id), deadline)
        except WarehouseRefused as error:
            return error.message
        return None

    def _ship(self, flusher: Flusher, folding: Folding, deadline: float, leaves_bytes: int) -> int:
        writer = self._service.writer
        total, rows = writer.uncommitted_bytes(), 0

        def shipped(step: FlushStep) -> None:
            nonlocal rows
            rows += step.rows
            folding.appended(step.rows)
            if folding.is_full():
                self._fold(flusher, folding, deadline)
            waiting = writer.uncommitted_bytes()
            self._on_progress(max(0, total - waiting), total)
            if step.more and time.monotonic() >= deadline:
                raise WarehouseUnavailable(
                    f"the time was up after {rows} events; {waiting} bytes still wait, and the queue holds them",
                    hint="run it again, or with a longer --timeout: it goes on from there",
                )

        def ship() -> FlushStep:
            return retry_while_busy(lambda: flusher.step(max_rows=self._batch_rows, max_bytes=BATCH_BYTES), deadline)

        return drain(ship, on_step=shipped, goes_on=lambda: not leaves_bytes or writer.uncommitted_bytes() > leaves_bytes)

    def _wait_for_leader(self, deadline: float, timeout_s: float) -> bool:
        """True when the leader has committed all there was; False when no process leads any more."""
        target, lease, writer = self._reader.end(), self._service.lease, self._service.writer
        if target is None:
            return True
        total, had_room_at = writer.uncommitted_bytes(), time.monotonic()

        def waiting() -> None:
            nonlocal had_room_at
            self._on_progress(max(0, total - writer.uncommitted_bytes()), total)
            if not LOCAL.is_full(lease.directory):
                had_room_at = time.monotonic()
            elif time.monotonic() - had_room_at >= FULL_FOR_S:
                raise self._no_room(target)

        try:
            outcome = ask_leader(
                lease, is_folded(lease, target), deadline=deadline, pause_s=0.05, needs_leader=True, on_wait=waiting
            )
        except OSError:
            if LOCAL.is_full(lease.directory):  # not even the request has room
                raise self._no_room(target) from None
            raise
        if outcome == "late":
            report = lease.holder() or {}
            who, last = report.get("pid", "?"), report.get("last_progress", "an unknown time")
            why = f" (its last error: {report['error']})" if report.get("error") else ""
            raise WarehouseUnavailable(
                f"process {who} leads and did not flush within {timeout_s:g} s{why}; the queue holds everything",
                hint=f"its last progress was at {last}; if that is long ago, end that process and another takes over",
            )
        return outcome == "done"

    def _no_room(self, target: Offset) -> WarehouseUnavailable:
        """The leader reports how far it is in files: on a full disk nobody learns of it."""
        directory = self._service.queue.directory
        where = (
            "the events are in the warehouse, and the contexts may be as old as before"
            if is_committed(directory, target)()
            else "the queue holds everything, and it goes on shipping what it can"
        )
        return WarehouseUnavailable(
            f"the disk of {directory} is full: the process that leads cannot report how far it is; {where}",
            hint="free some space, then run it again",
        )


def retry_while_busy(call: Callable[[], _T], deadline: float) -> _T:
    """Try again while the warehouse is busy, with jitter, until the deadline."""
    while True:
        try:
            return call()
        except WarehouseError as error:
            if not error.retryable or time.monotonic() >= deadline:
                raise
        time.sleep(random.uniform(0.02, 0.1))  # noqa: S311 - spreads writers, guards nothing
