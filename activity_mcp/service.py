"""The service: one ``ActivityService`` per process, over one state directory and one warehouse. No transport.

    log       redact → validate → append → sync → answer                    (any process)
    context   memory → snapshot file → overlay of local events → answer     (any process, no warehouse asked)
    flush     lead for a moment, or wish and wait                           (commands)
    start     a thread that stands ready to lead                            (servers)

What it stands on is put together in ``composition``, each part when it is first needed.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from .clock import SYSTEM_CLOCK
from .composition import Composition, lazy
from .config import Config, read_config
from .context import ALL_PROJECTS
from .errors import ActivityError, QueueRefused
from .health.watcher import HealthWatch
from .identity import is_ignored, place_of
from .pipeline.backpressure import Backpressure, Filling
from .pipeline.leader import Leader
from .queue import Sweeper, read_queue
from .recall.context_reader import Recall
from .recording.call_log import AllCalls
from .recording.outbox import OncePerMinute, OwedEvents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .clock import Clock
    from .health.check import Check
    from .pipeline.daily_retention import Upkeep
    from .pipeline.flusher import Flusher
    from .provenance.insights import Insights
    from .provenance.queries import Findings
    from .recording.call_log import CallTotals
    from .warehouse import QueryResult

START_RETRY_S = 5.0
_NOT_RECORDED = {
    "activity_id": None,
    "accepted": False,
    "durable": False,
    "degraded": False,
    "reason": "recording is off here (ACTIVITY_RECORD=off, or .activity-mcp-ignore in the project)",
}


class ActivityService(Composition):
    """Everything the server and the commands do. Thread-safe where a server needs it: ``log``, ``context``, ``record_call``.

    ``source`` says who is speaking (``mcp`` or ``cli``); ``on_error`` is told of what went wrong in the background.
    """

    def __init__(
        self,
        config: Config,
        environ: Mapping[str, str],
        *,
        source: str = "mcp",
        clock: Clock = SYSTEM_CLOCK,
        on_error: Callable[[BaseException], None] = lambda error: None,
    ) -> None:
        super().__init__(config, environ, source=source, clock=clock)
        self._on_error = OncePerMinute(on_error, clock)
        self._owed = OwedEvents()
        self._told_sync_failures = 0
        self._calls = AllCalls()
        self.leader: Leader | None = None
        self._closed = False
        self._recall = Recall(self)
        self._sweeper = Sweeper((config.home, config.queue_root, config.artifacts_dir), clock=clock)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None, **options: Any) -> ActivityService:
        """The service this environment asks for. Raises InvalidConfig."""
        environ = os.environ if environ is None else environ
        return cls(read_config(environ), environ, **options)

    @lazy
    def health_watch(self) -> HealthWatch:
        return HealthWatch(self.queue.directory, self._judge, self.raise_event, self.clock)

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
    ) -> dict[str, Any]:
        """Record one event: {activity_id, accepted, durable, degraded}. Blocks until it is as durable as configured.

        Raises InvalidActivity (nothing was recorded) or a QueueRefused. Where recording is off the answer says
        ``accepted: false`` and why.
        """
        project = place_of(project) if project else self.own_project
        if not self.recording(project):
            return dict(_NOT_RECORDED)
        origin = self.recorder.origin(self.source, customer=customer, project=project, session_id=self.session_id)
        return self.recorder.log(
            event_name,
            features,
            origin,
            activity=activity,
            link=link,
            revenue_impact=revenue_impact,
            activity_id=activity_id,
            ts=ts,
        )

    def recording(self, project: str | None) -> bool:
        """False where ``ACTIVITY_RECORD=off`` or the project's ``.activity-mcp-ignore`` says so."""
        return self.config.record and not is_ignored(project)

    def record_call(self, method: str, latency_ms: float, *, activity_id: str | None = None, **features: Any) -> None:
        """Note one call of the server itself, to be written by the background thread."""
        self._calls.add(method, latency_ms, features)
        if not self.recording(self.own_project):
            return
        try:
            self.self_log.record(method, latency_ms, features, activity_id)
        except ActivityError as error:  # there is no queue to note it in; who logs an event is told so
            self._on_error(error)

    def call_totals(self) -> dict[str, CallTotals]:
        """What the calls of this process add up to, by method."""
        return self._calls.totals()

    def status(self) -> dict[str, Any]:
        """The state of the state directory, as ``status --json`` and ``health`` tell it. Reads files; leads nothing."""
        from .health.status import status_of

        return status_of(self)

    def _judge(self) -> Iterable[Check]:
        """The health of everything if this process leads, else of whoever does."""
        from .health.assessment import judge_leader, of_document
        from .health.status import leader_of

        if self.leader is not None and self.leader.leads:
            return of_document(self.status())
        return [judge_leader(leader_of(self), waiting=0)]

    # --- recall

    def context(
        self,
        *,
        customer: str | None = None,
        context_type: str = "default",
        project: str | None = None,
        max_bytes: int = 8192,
    ) -> dict[str, Any]:
        """What is known about a customer and a project, as the ``get_context`` tool answers it. Asks no warehouse.

        ``project`` None means the project this process was started for, else all; ``"*"`` means all.
        """
        return self._recall.context(customer, project, context_type, max_bytes)

    def context_expected(self, customer: str | None, project: str | None) -> bool:
        """True at the first miss of a scope, for which a refresh was just asked: worth waiting a few milliseconds."""
        return self._recall.is_expected(customer, project)

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
        limits: dict[str, Any] = {
            "max_rows": max_rows, "max_bytes": max_bytes, "timeout_s": timeout_s, "cancelled": cancelled,
        }  # fmt: skip
        if self.config.snow_connection:
            from .warehouse.snowflake.connection import read_connection
            from .warehouse.snowflake.query import SnowflakeQueries

            return SnowflakeQueries(read_connection(self.config.snow_connection)).query(sql, **limits)
        from .warehouse.duckdb.query import DuckDBQueries

        return DuckDBQueries(self.config.db).query(sql, **limits)

    @lazy
    def findings(self) -> Findings:
        from .provenance.queries import Findings

        return Findings(self)

    @lazy
    def insights(self) -> Insights:
        from .provenance.insights import Insights

        return Insights(self, self.findings)

    def known_names(self, kind: str) -> list[str]:
        """The customers (``customer``) or the projects (``project``) of which there is a snapshot, this process's own first."""
        own = (self.identity.customer, self.own_project or ALL_PROJECTS)
        which = 0 if kind == "customer" else 1
        return list(dict.fromkeys([own[which], *sorted(scope[which] for scope in self.snapshots.known())]))

    def refresh(
        self,
        *,
        customer: str | None = None,
        project: str | None = None,
        timeout_s: float = 10.0,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> dict[str, Any]:
        """Have a context read from the warehouse again, and wait for it: {as_of, age_ms, freshness, refreshed, reason?}."""
        from .recall.on_demand_refresh import OnDemand

        scope = self._recall.scope(customer, project)
        on_demand = OnDemand(self.cache, self.snapshots, self.lease, self.clock)
        return on_demand.refresh(*scope, timeout_s=timeout_s, cancelled=cancelled)

    # --- the background

    def start(self) -> None:
        """Start the thread that stands ready to lead, and writes this server's own events. Idempotent.

        Where the state directory cannot be used, that is told, and tried again until it can be.
        """
        try:
            self.prepare_leader()
        except (ActivityError, OSError) as error:
            self._on_error(error)
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

    def prepare_leader(self) -> None:
        """Make the leader without its thread, for whoever drives its turns. Idempotent."""
        if self.leader is not None:
            return
        self.leader = Leader(
            self.lease,
            self.make_flusher,
            self.refresher,
            self.warehouse,
            self.local_events,
            Backpressure(self.config.backpressure_ms, self.clock),
            Filling(self.config.max_queue_bytes),
            before_turn=self._write_own_events,
            raise_event=self.raise_event,
            on_error=self._on_error,
            upkeep=self._upkeep(),
            clock=self.clock,
        )
        self.refresher.keep(self.identity.customer, ALL_PROJECTS)
        if self.own_project:
            self.refresher.keep(self.identity.customer, self.own_project)

    def _upkeep(self) -> Upkeep | None:
        """The daily work; Snowflake does its own."""
        if self.config.snow_connection:
            return None
        from .pipeline.daily_retention import Upkeep
        from .warehouse.duckdb.warehouse import DuckDBWarehouse

        warehouse = self.warehouse
        if not isinstance(warehouse, DuckDBWarehouse):
            return None
        return Upkeep(self.queue.directory, warehouse, keep_days=self.config.retention_days, clock=self.clock)

    def make_flusher(self, omits: Callable[[dict[str, Any]], bool] | None = None) -> Flusher:
        """A flusher over this queue; only the holder of the lease may drive it. ``omits``: see ``Flusher``."""
        from .pipeline.flusher import Flusher

        self._tell_rebuilt()
        present = read_queue(self.queue.directory) or self.queue  # another leader may have renewed the id meanwhile
        flusher = Flusher(
            self.queue.directory,
            present.queue_id,
            self.warehouse,
            self.recorder.origin("mcp"),
            clock=self.clock,
            on_event=self.raise_event,
            omits=omits,
        )
        flusher.batch_size.resume(self.lease.last_told().get("batch_weight"))
        return flusher

    def _write_own_events(self) -> None:
        self._tell_rebuilt()
        self.report_refusals()
        self._tell_failed_syncs()
        self._pay()
        self._sweeper.sweep()
        self._watch_health()
        noted = "self_log" in self.__dict__ and self.self_log.waits()
        if noted and self.writer.pressure() != "full":  # else they stay in their buffer, which is bounded
            self._append_quietly(self.self_log.take())

    def _watch_health(self) -> None:
        try:
            self.health_watch.look()
        except (ActivityError, OSError) as error:  # what keeps it from being judged must not keep a turn from being taken
            self._on_error(error)

    def report_refusals(self) -> int:
        """One ``system_event`` about what was refused since the last one, once space has returned; how many it tells of."""
        refused = self.writer.take_refusals()
        if refused:
            self.raise_event(
                {
                    "event_type": "queue_refused",
                    "severity": "error",
                    "message": f"{refused} events were refused (queue or disk full, or lock busy); their callers were told",
                    "metrics": {"refused": refused},
                }
            )
        return refused

    def _tell_failed_syncs(self) -> None:
        """One ``system_event`` about the syncs that the disk refused since the last one: who was answered does not know."""
        failed = self.writer.sync_failures - self._told_sync_failures
        if failed:
            self._told_sync_failures += failed
            self.raise_event(
                {
                    "event_type": "sync_failed",
                    "severity": "error",
                    "message": f"the disk refused {failed} syncs: events answered just before them may be lost in a power cut",
                    "metrics": {"failed": failed},
                }
            )

    def _tell_rebuilt(self) -> None:
        """One ``system_event`` where queue.json was gone or damaged, and was made anew."""
        notes = self.queue.note, self.writer.take_note()
        self.queue.note = None
        for note in filter(None, notes):
            message = {"event_type": "error_recovery", "severity": "warning", "message": note, "action_taken": "queue_rebuilt"}
            self.raise_event(message)

    def raise_event(self, features: dict[str, Any], activity_id: str | None = None) -> None:
        """Write a ``system_event`` of this process; where the queue has no room for it, as soon as it has."""
        self._owed.add(self.recorder.system_event(features, activity_id))
        self._pay()

    def _pay(self) -> None:
        """Write what the queue did not take before: a full queue must not swallow the news that it is full."""
        try:
            self._owed.pay(lambda activity: self.recorder.append([activity], counted=False))
        except QueueRefused as error:
            self._on_error(error)

    def _append_quietly(self, activities: list[Any]) -> None:
        if not activities:
            return
        try:
            self.recorder.append(activities, durable=False, counted=False)
        except QueueRefused as error:
            self.self_log.dropped += len(activities)
            self._on_error(error)

    def close(self, timeout: float = 0.5) -> None:
        """Write what is buffered, stop the thread, free the lease. Whatever is still in the queue stays there. Idempotent."""
        with self.parts_lock:
            if self._closed:
                return
            self._closed = True
        if "self_log" in self.__dict__:
            self._append_quietly(self.self_log.drain())
        if "writer" in self.__dict__:
            try:
                self.writer.sync()
            except ActivityError as error:
                self._on_error(error)
        stopped = self.leader is None or self.leader.stop(timeout)
        if stopped and "warehouse" in self.__dict__:
            self.warehouse.close()
        if "writer" in self.__dict__:
            self.writer.close()
