"""The service: one ``ActivityService`` per process, over one state directory and one warehouse. No transport.

    log       redact → validate → append → sync → answer                    (any process)
    context   memory → snapshot file → overlay of local events → answer     (any process, no warehouse asked)
    flush     lead for a moment, or request it from the leader and wait     (commands)
    start     a thread that is ready to lead                                (servers)

Its parts are put together in ``composition``, each when it is first needed.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from .clock import SYSTEM_CLOCK
from .composition import Composition
from .config import Config, read_config
from .context import ALL_PROJECTS
from .errors import ActivityError
from .lazy import lazy
from .project import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .clock import Clock
    from .health.document import StatusDocument
    from .queue import QueueWriter
    from .recall.answers import Refreshed
    from .recall.context_reader import ContextAnswer, ContextReader
    from .recording.answers import LoggedEvent
    from .recording.call_log import CallTotals, MethodTotals
    from .search.answers import SearchAnswer
    from .warehouse import QueryResult
    from .warehouse.adapter import Adapter

START_RETRY_S = 5.0
_NOT_RECORDED: LoggedEvent = {
    "activity_id": None,
    "accepted": False,
    "durable": False,
    "degraded": False,
    "reason": "recording is off here (ACTIVITY_RECORD=off, `activity-mcp pause`, or .activity-mcp-ignore in the project)",
}


class ActivityService(Composition):
    """Everything the server and the commands do. Thread-safe where a server needs it: ``log``, ``context``, ``record_call``.

    ``source`` is the origin of its events (``mcp`` or ``cli``); ``on_error`` gets the errors of the background.
    """

    def __init__(
        self,
        config: Config,
        environ: Mapping[str, str],
        *,
        source: str = "mcp",
        clock: Clock = SYSTEM_CLOCK,
        on_error: Callable[[BaseException], None] = lambda error: None,
        adapter: Adapter | None = None,
    ) -> None:
        super().__init__(config, environ, source=source, clock=clock, on_error=on_error, adapter=adapter)
        self._closed = False

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None, **options: Any) -> ActivityService:
        """The service that this environment configures. Raises InvalidConfig."""
        environ = os.environ if environ is None else environ
        return cls(read_config(environ), environ, **options)

    @lazy
    def _calls(self) -> CallTotals:
        from .recording.call_log import CallTotals

        return CallTotals()

    # --- record

    def log(
        self,
        event_name: str,
        features: Mapping[str, Any],
        *,
        activity: str | None = None,
        customer: str | None = None,
        project: str | None = None,
        link: str | None = None,
        revenue_impact: float | None = None,
        activity_id: str | None = None,
        ts: str | None = None,
    ) -> LoggedEvent:
        """Record one event. Blocks until it is as durable as configured.

        Raises InvalidActivity (nothing was recorded) or a QueueRefused. Where recording is off the answer has
        ``accepted: false`` and the reason.
        """
        project = place_of(project) if project else self.own_project
        if not self.is_recording(project):
            return _NOT_RECORDED.copy()
        return self.recorder.log(
            event_name,
            features,
            self.origin(customer, project),
            activity=activity,
            link=link,
            revenue_impact=revenue_impact,
            activity_id=activity_id,
            ts=ts,
        )

    def record_call(self, method: str, latency_ms: float, *, activity_id: str | None = None, **features: Any) -> None:
        """Note one call of the server itself, to be written by the background thread."""
        self._calls.add(method, latency_ms, features)
        if not self.is_recording(self.own_project):
            return
        try:
            self.call_log.record(method, latency_ms, features, activity_id)
        except ActivityError as error:  # there is no queue to note it in; ``log`` raises the same error
            self.on_error(error)

    def call_totals(self) -> dict[str, MethodTotals]:
        """What the calls of this process add up to, by method."""
        return self._calls.totals()

    def status(self) -> StatusDocument:
        """The state of the state directory, as ``status --json`` and ``health`` report it. Reads files; leads nothing."""
        return self.status_reader.read()

    # --- recall

    def context(
        self,
        *,
        customer: str | None = None,
        context_type: str = "default",
        project: str | None = None,
        max_bytes: int = 8192,
        focus: str | None = None,
        explain: bool = False,
    ) -> ContextAnswer:
        """What is known about a customer and a project, as the ``get_context`` tool answers it. Asks no warehouse.

        ``project`` None means the project this process was started for, else all; ``"*"`` means all. ``focus`` ranks everything
        by a text or a path, ``explain`` says of each entry why it is there.
        """
        return self.recall.context(customer, project, context_type, max_bytes, focus=focus, explain=explain)

    def read_ahead(self) -> None:
        """Take in what was recorded since a context was asked for last, so that the next one need not. Raises OSError."""
        recall: ContextReader | None = self.made("recall")
        if recall is not None:
            recall.read_ahead()

    def context_expected(self, customer: str | None, project: str | None) -> bool:
        """True at the first miss of a scope, for which a refresh was just requested: worth waiting a few milliseconds."""
        return self.recall.is_expected(customer, project)

    def query(
        self,
        sql: str,
        *,
        max_rows: int | None = None,
        max_bytes: int | None = None,
        timeout_s: float = 30.0,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> QueryResult:
        """Run one read-only statement on the warehouse. Raises QueryRefused, QueryCancelled or a WarehouseError."""
        return self.adapter.queries.query(sql, max_rows=max_rows, max_bytes=max_bytes, timeout_s=timeout_s, cancelled=cancelled)

    def search(
        self,
        text: str,
        *,
        kind: str | None = None,
        project: str | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int = 10,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> SearchAnswer:
        """What was recorded that has these words, ranked, as the ``search`` tool answers it. Raises InvalidInput.

        ``project`` None or ``"*"`` means all, the one this process was started for first.
        """
        place = None if project in (None, ALL_PROJECTS) else self.recall.scope(None, project)[1]
        return self.finding.searcher.search(
            text, kind=kind, project=place, since=since, until=until, limit=limit, cancelled=cancelled
        )

    def known_names(self, kind: str) -> list[str]:
        """The customers (``customer``) or the projects (``project``) of which there is a snapshot, this process's own first."""
        own = self.recall.scope(None, None)
        which = 0 if kind == "customer" else 1
        return list(dict.fromkeys([own[which], *sorted(scope[which] for scope in self.snapshots.known())]))

    def refresh(
        self,
        *,
        customer: str | None = None,
        project: str | None = None,
        timeout_s: float = 10.0,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Refreshed:
        """Have a context read from the warehouse again, and wait for it."""
        from .recall.on_demand_refresh import OnDemandRefresh

        scope = self.recall.scope(customer, project)
        on_demand = OnDemandRefresh(self.cache, self.snapshots, self.lease, self.clock)
        return on_demand.refresh(*scope, timeout_s=timeout_s, cancelled=cancelled)

    # --- the background

    def start(self) -> None:
        """Start the thread that is ready to lead, and writes this server's own events. Idempotent.

        Where the state directory cannot be used, that is reported, and tried again until it can be.
        """
        try:
            self.prepare_leader()
        except (ActivityError, OSError) as error:
            self.on_error(error)
            self._start_later()
            return
        with self.parts_lock:
            if self.leader is not None and not self._closed:
                self.leader.start()

    def _start_later(self) -> None:
        with self.parts_lock:
            if not self._closed:
                later = threading.Timer(START_RETRY_S, self.start)
                later.daemon = True
                later.start()

    def close(self, timeout: float = 0.5) -> None:
        """Write what is buffered, stop the thread, free the lease. Whatever is still in the queue stays there. Idempotent."""
        with self.parts_lock:
            if self._closed:
                return
            self._closed = True
        if self.made("receiver_post") is not None:
            self.receiver_post.close()
        self._write_calls(closing=True)
        writer: QueueWriter | None = self.made("writer")
        if writer is not None:
            try:
                writer.sync()
            except ActivityError as error:
                self.on_error(error)
        stopped = self.leader is None or self.leader.stop(timeout)
        if stopped and self.made("adapter") is not None:
            self.adapter.close()
        if stopped and self.made("finding") is not None:
            self.finding.close()
        if writer is not None:
            writer.close()
