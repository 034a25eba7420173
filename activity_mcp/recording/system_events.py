"""Writes the ``system_event`` rows of one process, each as soon as the queue has room for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import QueueRefused
from .event_catalogue import ERROR_RECOVERY, QUEUE_REFUSED, SYNC_FAILED
from .outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..queue import QueueInfo
    from .recorder import Recorder


class SystemEvents:
    """Writes this process's own system_events. ``on_error`` gets the refusals of the queue."""

    def __init__(self, recorder: Recorder, queue: QueueInfo, on_error: Callable[[BaseException], None]) -> None:
        self._recorder = recorder
        self._writer = recorder.writer
        self._queue = queue
        self._on_error = on_error
        self._outbox = Outbox()
        self._reported_sync_failures = 0

    def report(self, features: dict[str, Any], activity_id: str | None = None) -> None:
        """Write one, of a kind in ``event_catalogue``; where the queue has no room for it, as soon as it has."""
        self._outbox.add(self._recorder.system_event(features, activity_id))
        self.retry()

    def retry(self) -> None:
        """Write what the queue did not take before: a full queue must not lose the event that reports it."""
        try:
            self._outbox.deliver(lambda activity: self._recorder.append([activity], counted=False))
        except QueueRefused as error:
            self._on_error(error)

    def report_state(self) -> None:
        """Report everything that the queue has noted since the last call: rebuilt, refused, not synced."""
        self.report_rebuilt()
        self.report_refusals()
        self._report_failed_syncs()
        self.retry()

    def report_refusals(self) -> int:
        """Report the events refused since the last report, once there is room again; how many there were."""
        refused = self._writer.take_refusals()
        if refused:
            message = f"{refused} events were refused (queue or disk full, or lock busy); their callers got an error"
            self.report(QUEUE_REFUSED.features(message, metrics={"refused": refused}))
        return refused

    def report_rebuilt(self) -> None:
        """Report that queue.json was missing or damaged, and was rebuilt."""
        notes = self._queue.note, self._writer.take_note()
        self._queue.note = None
        for note in filter(None, notes):
            self.report(ERROR_RECOVERY.features(note, action_taken="queue_rebuilt"))

    def _report_failed_syncs(self) -> None:
        failed = self._writer.sync_failures - self._reported_sync_failures
        if failed:
            self._reported_sync_failures += failed
            message = f"the disk refused {failed} syncs: events answered just before them may be lost in a power cut"
            self.report(SYNC_FAILED.features(message, metrics={"failed": failed}))
