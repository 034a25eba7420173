"""The background thread of a server: one of them on a machine leads, the others are ready to take over.

Each turn it writes this server's own buffered events; then, if it holds the lease, it flushes and refreshes:

    a backlog that matters, or a request to flush → Flusher.step until drained
    a few seconds since the last fold, or a request → Sink.fold → Refresher.publish_changes
    a request for a context, or an active key not verified for most of a TTL → Refresher.verify
    a transcript that has something new → what is injected as ``follow``
    a day since it was done last → DailyRetention.run (retention, and what has expired)
    what neither needs for a while → close the warehouse, so that readers get in

The thread owns the lease and frees it in ``finally``; when the process dies the kernel frees it, and another server takes over
at its next turn. An error ends a turn, never the thread: it is logged, published in ``leader.json``, and tried again later.

``turn`` is the whole of it and takes no time of its own, so that tests drive it with a clock of theirs.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from ..clock import SYSTEM_CLOCK, iso
from ..errors import ActivityError, NewerFormat, WarehouseBusy, WarehouseNewer
from ..queue import read_commit
from .backpressure import filled_event, stalled_event
from .draining import drain
from .folding import left_out_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..clock import Clock
    from ..queue import Lease, Offset
    from ..warehouse.adapter import Adapter
    from .backpressure import Backpressure, Filling
    from .daily_retention import DailyRetention
    from .flusher import Flusher, FlushStep
    from .folding import Folding
    from .refresher import Refresher

TURN_S = 0.2
QUIET_TURN_S = 0.5
"""The time between turns of a server that does not lead, and of a leader that has had nothing to ship for ``QUIET_S``."""
QUIET_S = 10.0
LEASE_RETRY_S = 1.0
FLUSH_EVERY_S = 1.0
RIDE_ALONG_MAX_WAIT_S = 60.0
REST_FACTOR = 4
"""After a flush the leader rests so many times as long as the flush took: a fifth of one core at the most."""
MAX_REST_S = 2.0
RESIGNED_S = 60.0
"""How long a server that met a newer version leaves leading to others before it looks again."""


NICENESS = 5
"""What is given up of the thread's priority, and of those it starts: where cores are short, whoever answers comes first, and a
flush still gets a quarter of a core."""


class Leader:
    """Runs ``turn`` five times a second, in quiet times twice, on a daemon thread between ``start`` and ``stop``.

    Of the uncommitted part of the queue, ``is_urgent`` says whether it holds more than the server's own calls, and
    ``backlog_bytes`` how long it is. ``on_lead`` and ``on_resign`` are called when it has taken the lease and before it
    frees it; neither raises.
    """

    def __init__(
        self,
        lease: Lease,
        make_flusher: Callable[[], Flusher],
        folding: Folding,
        refresher: Refresher,
        adapter: Adapter,
        backpressure: Backpressure,
        filling: Filling,
        *,
        is_urgent: Callable[[], bool],
        backlog_bytes: Callable[[], int],
        before_turn: Callable[[], None],
        raise_event: Callable[[dict[str, Any]], None],
        on_error: Callable[[BaseException], None],
        upkeep: DailyRetention | None = None,
        follow: Callable[[], None] = lambda: None,
        on_lead: Callable[[], None] = lambda: None,
        on_resign: Callable[[], None] = lambda: None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.leads = False
        self.last_error: str | None = None
        self._lease = lease
        self._make_flusher = make_flusher
        self._flusher: Flusher | None = None
        self._refresher = refresher
        self._warehouse = adapter.store
        self._capabilities = adapter.capabilities
        self._is_urgent = is_urgent
        self._backlog_bytes = backlog_bytes
        self._backpressure = backpressure
        self._filling = filling
        self._before_turn = before_turn
        self._raise_event = raise_event
        self._on_error = on_error
        self._upkeep = upkeep
        self._follow = follow
        self._on_lead = on_lead
        self._on_resign = on_resign
        self._clock = clock
        self._next_lease_try = 0.0
        self._last_flush = 0.0
        self._flush_took = 0.0
        self._folding = folding
        self._published: Offset | None = None
        self._last_offset: Offset | None = None
        self._last_progress = -1e9
        self._flushed_at: str | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    # --- the thread

    def start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="activity-leader", daemon=True)
            self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Ask the thread to end and wait for it; False when it is still in a call of the warehouse at the deadline."""
        self._stopping.set()
        if self._thread is None:
            self._resign()
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        if sys.platform == "linux":  # elsewhere it would be that of all threads
            os.nice(NICENESS)
        try:
            while not self._stopping.is_set():
                try:
                    self.turn()
                    pause = self._pause()
                except Exception as error:  # the thread outlives whatever a turn met
                    self._failed(error)
                    pause = LEASE_RETRY_S
                self._stopping.wait(pause)
        finally:
            self._resign()

    def _pause(self) -> float:
        ships = self.leads and self._clock.monotonic() - self._last_flush < QUIET_S
        return TURN_S if ships else QUIET_TURN_S

    def _resign(self, *, folds: bool = True) -> None:
        if folds and self._folding.rows:
            try:
                self._fold()
            except Exception as error:  # the next leader folds it
                self._failed(error)
        self.leads = False
        self._flusher = None
        self._folding.rows = 0
        self._on_resign()
        try:
            self._warehouse.close()
        finally:
            self._lease.release()

    # --- one turn

    def turn(self) -> None:
        """Everything that is due now."""
        self._before_turn()
        if self.leads and not self._lease.in_place():
            self._resign(folds=False)  # the directory was removed under us: the process that made it again may lead there
        if self._lease.is_asked_to_step_down():
            self._resign()
            return
        if not self.leads and not self._take_lease():
            return
        try:
            self._flush_if_due()
            self._verify_contexts()
            self._follow_transcripts()
            self._keep_up()
        except (NewerFormat, WarehouseNewer) as error:
            self._give_up(error)
            return
        finally:
            self._warehouse.release()
        self._tell()

    def _give_up(self, error: ActivityError) -> None:
        """What a newer version wrote is not ours to touch: keep appending, and leave leading to a newer server."""
        self._failed(error)
        self._resign(folds=False)
        self._next_lease_try = self._clock.monotonic() + RESIGNED_S

    def _take_lease(self) -> bool:
        now = self._clock.monotonic()
        if now < self._next_lease_try:
            return False
        self._next_lease_try = now + LEASE_RETRY_S
        if not self._lease.try_acquire():
            return False
        try:
            self._flusher = self._make_flusher()
        except BaseException:
            self._resign()
            raise
        self.leads = True
        before = self._lease.last_report()  # what the previous leader left behind
        self._backpressure.resume(before.get("backpressure") is True, self._backlog_bytes())
        self._filling.active = before.get("degraded") is True
        self._last_flush = now - FLUSH_EVERY_S
        self._last_progress = -1e9
        self._folding.began()
        self._published = None
        self._on_lead()
        return True

    def _flush_if_due(self) -> None:
        now = self._clock.monotonic()
        requested = self._lease.is_flush_requested()
        flushes = requested or self._flush_is_due(now)
        try:
            if (flushes or self._folding.is_due()) and self._backpressure.may_try():
                self._attempt(flushes, requested, now)
        finally:
            self._observe()

    def _attempt(self, flushes: bool, requested: bool, began: float) -> None:
        try:
            if flushes:
                self._drain(requested)
            if requested or self._folding.is_due():
                self._fold()
            self._led().prune(self._published)
        except Exception as error:
            if requested:
                self._lease.request_flush()
            if isinstance(error, (NewerFormat, WarehouseNewer)):
                raise
            self._failed(error)
            self._backpressure.failed(busy=isinstance(error, WarehouseBusy))
        else:
            self._backpressure.succeeded()
            self.last_error = None
            if self._refresher.disk_error is not None:
                self._failed(self._refresher.disk_error)
        finally:
            self._last_flush = self._clock.monotonic()
            self._flush_took = self._last_flush - began

    def _flush_is_due(self, now: float) -> bool:
        if self._is_urgent():
            return now - self._last_flush >= max(FLUSH_EVERY_S, min(REST_FACTOR * self._flush_took, MAX_REST_S))
        return now - self._last_flush >= RIDE_ALONG_MAX_WAIT_S and self._backlog_bytes() > 0

    def _drain(self, requested: bool) -> None:
        flusher = self._led()
        if requested:
            self._lease.clear_flush_request()  # before the flush that fulfils it: a request that comes meanwhile is kept
        drain(
            lambda: flusher.step(max_rows=self._backpressure.batch_rows(self._capabilities.batch_rows)),
            on_step=self._shipped,
            goes_on=lambda: not self._stopping.is_set(),
        )

    def _shipped(self, step: FlushStep) -> None:
        if step.rows:
            self._flushed_at = iso(self._clock.time_us())
            self._folding.appended(step.rows)
            if self._folding.is_full():
                self._fold()
        self._last_progress = -1e9
        self._tell()

    def _fold(self) -> None:
        """What is committed is in the contexts afterwards, and these are on disk."""
        flusher, appended = self._led(), self._folding.rows
        folded = self._folding.fold(flusher.offset)
        for reason in folded.left_out:
            self._raise_event(left_out_event(reason))
        if appended or folded.rows:
            self._publish_changes(flusher)
        if self._refresher.disk_error is None:
            self._published = self._folding.known_offset()
        self._last_progress = -1e9
        self._tell()

    def _publish_changes(self, flusher: Flusher) -> None:
        """Publish the contexts that changed. On a full disk the segments that are committed make room for them first."""
        self._refresher.publish_changes()
        if self._refresher.disk_error is not None and flusher.prune(flusher.offset):
            self._refresher.publish_changes()

    def _verify_contexts(self) -> None:
        due = self._refresher.due() if self._backpressure.may_try() else []
        if not due:
            return
        try:
            if self._folding.is_pending:
                self._fold()
            self._refresher.verify(due, self._led().channel_id, self._upto())
        except (NewerFormat, WarehouseNewer):
            raise
        except Exception as error:
            self._failed(error)
            self._backpressure.failed(busy=isinstance(error, WarehouseBusy))
        else:
            self._backpressure.succeeded()

    def _follow_transcripts(self) -> None:
        try:
            self._follow()
        except (NewerFormat, WarehouseNewer):
            raise
        except Exception as error:  # a transcript that cannot be read, or a full queue: the next turn tries again
            self._failed(error)

    def _keep_up(self) -> None:
        """What is done once a day, when nothing waits that matters more."""
        if self._upkeep is None or not self._upkeep.is_due() or self._is_urgent():
            return
        try:
            if self._folding.is_pending:
                self._fold()
            removed = self._upkeep.run()
            if removed is not None:
                self._refresher.publish_changes()
                self._refresher.verify_all(self._led().channel_id, self._upto())
        except (NewerFormat, WarehouseNewer):
            raise
        except Exception as error:
            self._failed(error)
            return
        if removed is not None:
            self._raise_event(removed)

    def _observe(self) -> None:
        """Notice what begins and what ends: the warehouse takes nothing, the queue fills up."""
        waiting = self._backlog_bytes()
        self._last_offset = self._led().offset or self._last_offset
        offset = str(self._last_offset) if self._last_offset else None
        stalled = self._backpressure.observe(offset, waiting if waiting and self._should_move() else 0)
        if stalled is not None:
            self._tell_change(stalled_event(stalled, self.last_error, waiting, self._backpressure.stalled_s()))
        filled = self._filling.observe(waiting)
        if filled is not None:
            self._tell_change(filled_event(filled, waiting))

    def _should_move(self) -> bool:
        """The server's own calls may rest for a minute; that is no stall."""
        return self._backpressure.active or self._backpressure.failures > 0 or self._is_urgent()

    def _tell_change(self, features: dict[str, Any]) -> None:
        self._last_progress = -1e9
        self._raise_event(features)

    def _upto(self) -> str | None:
        """The committed offset, where the contexts hold all that is committed."""
        holds_all = self._capabilities.folds_on_request and not self._folding.is_pending
        commit = read_commit(self._lease.directory) if holds_all else None
        return str(commit.offset) if commit is not None and commit.channel_id == self._led().channel_id else None

    def _led(self) -> Flusher:
        if self._flusher is None:
            raise RuntimeError("only the leader flushes")
        return self._flusher

    def _tell(self) -> None:
        """Publish who leads and how far it got: at each flush, and every few seconds in between."""
        now = self._clock.monotonic()
        if now - self._last_progress < 5.0:
            return
        self._last_progress = now
        offset, folded = self._led().offset, self._folding.offset
        self._lease.progress(
            offset=str(offset) if offset else None,
            folded=str(folded) if folded else None,
            flushed_at=self._flushed_at,
            error=self.last_error,
            backpressure=self._backpressure.active,
            degraded=self._filling.active,
            quarantined=self._led().quarantined,
            batch_weight=self._led().batch_size.reduced,
        )

    def _failed(self, error: BaseException) -> None:
        self.last_error = error.describe() if isinstance(error, ActivityError) else f"{type(error).__name__}: {error}"
        self._last_progress = -1e9
        self._on_error(error)
