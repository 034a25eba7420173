"""What answers: the warehouse, the contexts made from it, search, provenance, the state of everything."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..lazy import lazy
from ..queue import Lease, QueueReader, read_commit
from .recording import RecordingParts

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..context import SnapshotStore
    from ..context.instructions import InstructionFiles
    from ..health.drift_report import DriftReport
    from ..health.status import StatusReader
    from ..pipeline.refresher import Refresher
    from ..provenance.artifact_store import ArtifactStore
    from ..provenance.artifacts import Artifacts
    from ..provenance.insights import Insights
    from ..provenance.queries import ProvenanceQueries
    from ..recall.cache import ContextCache
    from ..recall.context_reader import ContextReader
    from ..recall.local_events import LocalEvents
    from ..sessions.finding import Finding
    from ..warehouse import QueryResult
    from ..warehouse.adapter import Adapter
    from ..warehouse.base import Store


class ReadingParts(RecordingParts):
    """Above recording: what a process reads, and asks the leader for."""

    @lazy
    def adapter(self) -> Adapter:
        from ..warehouse.factory import adapter_of

        return self._given_adapter or adapter_of(
            self.config, customer=self.identity.customer, clock=self.clock, waiting=self._backlog
        )

    def _backlog(self) -> tuple[int, int]:
        """How many events wait in the queue, and the age of the oldest in ms."""
        commit = read_commit(self.queue.directory)
        backlog = QueueReader(self.queue.directory).backlog(commit.offset if commit else None)
        oldest_us = backlog.oldest_us
        return backlog.events, max(0, self.clock.time_us() - oldest_us) // 1000 if oldest_us is not None else 0

    @lazy
    def warehouse(self) -> Store:
        return self.adapter.store

    @lazy
    def lease(self) -> Lease:
        return Lease(self.queue.directory, clock=self.clock)

    @lazy
    def snapshots(self) -> SnapshotStore:
        from ..context import SnapshotStore

        directory = os.path.join(self.queue.directory, "context")
        loads, dumps = self.json
        return SnapshotStore(directory, clock=self.clock, loads=loads, dumps=dumps)

    def request_context(self, customer: str, project: str) -> None:
        """Request a newer snapshot for the cache: a file that the leader finds."""
        self.snapshots.request(customer, project)

    @lazy
    def cache(self) -> ContextCache:
        from ..recall.cache import ContextCache

        return ContextCache(
            self.snapshots,
            ttl_s=self.config.context_ttl_s,
            max_stale_s=self.config.context_max_stale_s,
            clock=self.clock,
            revalidate=self.request_context,
        )

    @lazy
    def local_events(self) -> LocalEvents:
        from ..recall.local_events import LocalEvents

        return LocalEvents(self.queue.directory, self.queue.queue_id, self.writer)

    @lazy
    def recall(self) -> ContextReader:
        from ..pipeline.refresher import ACTIVE_S
        from ..recall.context_reader import ContextReader
        from ..recall.memoized_renderer import Renderer

        return ContextReader(
            self.cache,
            self.local_events,
            Renderer(dumps=self.json[1]),
            customer=self.identity.customer,
            own_project=self.own_project,
            redactor=self.redactor,
            instructions=self.instruction_files.of,
            keep_warm=self._keep_warm,
            warm_s=ACTIVE_S / 2,
            ttl_s=self.config.context_ttl_s,
            clock=self.clock,
            budgets=self._budgets(),
        )

    def _budgets(self) -> Callable[[], list[dict[str, Any]]]:
        """What reads the budgets that are nearly spent; where none is set no file is looked at."""
        from ..context.spent import nearly_spent

        limits = {"day": self.config.budget_day_usd, "month": self.config.budget_month_usd}
        if not any(limits.values()):
            return list
        return lambda: nearly_spent(self.queue.directory, limits, self.clock.time_us())

    def _keep_warm(self, customer: str, project: str) -> None:
        """Let the leader know that this scope is still requested; a fresh answer leaves no request."""
        if self.leader is not None and self.leader.leads:
            self.refresher.keep_active(customer, project)
        elif self.snapshots.stat(customer, project) is not None:  # without a snapshot the cache leaves the request itself
            self.snapshots.request(customer, project)

    @lazy
    def instruction_files(self) -> InstructionFiles:
        """What the sessions of a project read anyway, in CLAUDE.md and MEMORY.md."""
        from ..context.instructions import InstructionFiles

        return InstructionFiles(self.environ)

    @lazy
    def refresher(self) -> Refresher:
        from ..pipeline.poll_schedule import PollSchedule
        from ..pipeline.refresher import Refresher

        are_free = self.adapter.capabilities.reads_are_free
        return Refresher(
            self.warehouse,
            self.snapshots,
            ttl_s=self.config.context_ttl_s,
            clock=self.clock,
            poll_schedule=None if are_free else PollSchedule(self.clock),
            instructions=self.instruction_files.of,
            on_changes=self._look_after_flush(are_free),
        )

    def _look_after_flush(self, reads_are_free: bool) -> Callable[[], None] | None:
        """The look at the warehouse itself after each flush, beside its contexts."""
        from ..health.task_report import TaskReport

        if self.adapter.tasks is not None:
            return TaskReport(self.queue.directory, self.adapter.tasks, self.clock).look
        if self.drift_report is None or not reads_are_free:
            return None
        look, feed = self.drift_report.look, self.finding.feed

        def look_and_hide() -> None:
            look()
            if feed is not None:
                feed.hide_quarantined()

        return look_and_hide

    @lazy
    def drift_report(self) -> DriftReport | None:
        from ..health.drift_report import DriftReport

        drifts = self.adapter.drift
        return DriftReport(self.queue.directory, drifts, self.clock) if drifts is not None else None

    @lazy
    def status_reader(self) -> StatusReader:
        from ..health.status import StatusReader

        return StatusReader(
            self.config,
            self.queue,
            self.writer,
            self.lease,
            self.cache,
            self.snapshots,
            self.adapter,
            customer=self.identity.customer,
            is_recording=lambda: self.is_recording(self.own_project),
            clock=self.clock,
        )

    @lazy
    def finding(self) -> Finding:
        """Search, sessions, and the index behind them."""
        from ..sessions.finding import Finding

        return Finding(self.queue.directory, self.adapter, self.own_project, self.on_error, self.clock)

    @lazy
    def artifact_store(self) -> ArtifactStore:
        from ..provenance.artifact_store import ArtifactStore

        return ArtifactStore(self.config.artifacts_dir, clock=self.clock)

    @lazy
    def artifacts(self) -> Artifacts:
        from ..provenance.artifacts import Artifacts

        return Artifacts(
            self.artifact_store,
            self._ask,
            self.recorder,
            origin=self.origin,
            is_recording=self.is_recording,
            own_project=self.own_project,
            queue_id=self.queue.queue_id,
            clock=self.clock,
        )

    @lazy
    def provenance_queries(self) -> ProvenanceQueries:
        from ..provenance.queries import ProvenanceQueries

        return ProvenanceQueries(
            self._ask,
            self.artifacts,
            self.recorder,
            self.lease,
            origin=self.origin,
            is_recording=self.is_recording,
            is_urgent=self.local_events.urgent,
            own_project=self.own_project,
            clock=self.clock,
        )

    def _ask(self, sql: str, **limits: Any) -> QueryResult:
        return self.adapter.queries.query(sql, **limits)

    @lazy
    def insights(self) -> Insights:
        from ..provenance.insights import Insights

        return Insights(self.artifacts, self.recorder, is_recording=self.is_recording)
