"""What a process does while it leads: it ships the queue, keeps contexts new, and looks after health, budgets and retention."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..activity import derived_id
from ..context import ALL_PROJECTS
from ..errors import ActivityError, QueueRefused
from ..lazy import lazy
from ..queue import Sweeper, read_queue
from .sources import SourceParts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..health.check import Check
    from ..health.watcher import HealthWatcher
    from ..pipeline.daily_retention import DailyRetention
    from ..pipeline.flusher import Flusher
    from ..pipeline.folding import Folding
    from ..recording.call_log import CallLog
    from ..usage.budgets import Budget, BudgetWatch
    from ..warehouse.base import Folded


class LeadingParts(SourceParts):
    """Above the sources: the leader and its duties in each turn."""

    @lazy
    def sweeper(self) -> Sweeper:
        """Removes what a kill left of files that were never published."""
        return Sweeper((self.config.home, self.config.queue_root, self.config.artifacts_dir), clock=self.clock)

    def make_flusher(self, omits: Callable[[dict[str, Any]], bool] | None = None) -> Flusher:
        """A flusher over this queue; only the holder of the lease may drive it. ``omits``: see ``Flusher``."""
        from ..pipeline.flusher import Flusher

        self.system_events.report_rebuilt()
        present = read_queue(self.queue.directory) or self.queue  # another leader may have renewed the id meanwhile
        flusher = Flusher(
            self.queue.directory,
            present.queue_id,
            self.warehouse,
            self.recorder.origin("mcp"),
            clock=self.clock,
            on_event=self.system_events.report,
            omits=omits,
        )
        flusher.batch_size.resume(self.lease.last_report().get("batch_weight"))
        return flusher

    def make_folding(self) -> Folding:
        """When what this process appends while it leads is folded; the search index takes it before, or meanwhile."""
        from ..pipeline.folding import Folding

        return Folding(
            self.warehouse,
            self.adapter.capabilities,
            before=self._index_unfolded,
            beside=self._index_while_folding,
            clock=self.clock,
        )

    def _index_unfolded(self) -> None:
        if self.finding.feed is not None:
            self.finding.feed.take_unfolded()

    def _index_while_folding(self) -> Folded:
        feed = self.finding.feed
        return feed.fold_beside() if feed is not None else self.warehouse.fold()

    @lazy
    def upkeep(self) -> DailyRetention | None:
        """The daily work, where the engine does not do it by itself."""
        maintenance = self.adapter.maintenance
        if maintenance is None:
            return None
        from ..pipeline.daily_retention import DailyRetention

        if self.finding.feed is not None:
            maintenance = self.finding.feed.followed_by(maintenance)
        return DailyRetention(self.queue.directory, maintenance, keep_days=self.config.retention_days, clock=self.clock)

    @lazy
    def health_watcher(self) -> HealthWatcher:
        from ..health.watcher import HealthWatcher

        return HealthWatcher(self.queue.directory, self._judge, self.system_events.report, self.clock)

    def _judge(self) -> Iterable[Check]:
        """The health of everything if this process leads, else of the leader."""
        from ..health.assessment import judge_leader, of_document

        if self.leader is not None and self.leader.leads:
            return of_document(self.status_reader.read())
        return [judge_leader(self.status_reader.leader(), waiting=0)]

    @lazy
    def budget_watch(self) -> BudgetWatch:
        """What is spent, beside the budgets that are set."""
        from ..usage.budgets import BudgetWatch
        from ..usage.sums import spent_between

        customer, config = self.recall.scope(None, ALL_PROJECTS)[0], self.config
        return BudgetWatch(
            self.queue.directory,
            config.budget_day_usd,
            config.budget_month_usd,
            today=self._spent_today,
            earlier=lambda since, until: spent_between(self.adapter.queries.query, customer, since, until),
            report=self._report_budget,
            clock=self.clock,
        )

    def _spent_today(self) -> float:
        from ..context.usage import usage_of

        snapshot = self.snapshots.read(*self.recall.scope(None, ALL_PROJECTS))
        models = usage_of(snapshot.blob, self.clock.time_us()).today.values() if snapshot is not None else ()
        return sum(use["cost_usd"] for use in models)

    def _report_budget(self, budget: Budget, level: int) -> None:
        from ..recording.event_catalogue import BUDGET_REACHED

        metrics = {"spent_usd": round(budget.spent_usd, 6), "budget_usd": budget.limit_usd, "level_percent": level}
        severity = "error" if level >= 100 else "warning"
        features = BUDGET_REACHED.features(budget.describe(), severity=severity, metrics=metrics)
        key = f"{budget.period}\0{budget.name}\0{budget.limit_usd!r}\0{level}"
        self.system_events.report(features, derived_id("system_event", "budget_reached", key))

    def prepare_leader(self) -> None:
        """Make the leader without its thread, for a caller that drives its turns. Idempotent."""
        if self.leader is not None:
            return
        from ..pipeline.backpressure import Backpressure, Filling
        from ..pipeline.leader import Leader

        self.leader = Leader(
            self.lease,
            self.make_flusher,
            self.make_folding(),
            self.refresher,
            self.adapter,
            Backpressure(self.config.backpressure_ms, self.clock),
            Filling(self.config.max_queue_bytes),
            is_urgent=self.local_events.urgent,
            backlog_bytes=self.writer.uncommitted_bytes,
            before_turn=self._write_own_events,
            raise_event=self.system_events.report,
            on_error=self.on_error,
            upkeep=self.upkeep,
            follow=self.follow_sources,
            on_lead=self.hook_listener.open,
            on_resign=self._resigned,
            clock=self.clock,
        )
        self.refresher.keep(*self.recall.scope(None, ALL_PROJECTS))
        if self.own_project:
            self.refresher.keep(*self.recall.scope(None, None))

    def _resigned(self) -> None:
        self.hook_listener.close()
        self.finding.close()

    def _write_own_events(self) -> None:
        self.system_events.report_state()
        self.sweeper.sweep()
        self._watch_health()
        self._write_calls()
        self._watch_budget()
        if self.config.record and self.config.otlp_port is not None:
            self.receiver_post.keep(self.leader is not None and self.leader.leads)

    def _watch_health(self) -> None:
        try:
            self.health_watcher.look()
        except (ActivityError, OSError) as error:  # what keeps it from being judged must not keep a turn from being taken
            self.on_error(error)

    def _watch_budget(self) -> None:
        config = self.config
        has_one = config.budget_day_usd is not None or config.budget_month_usd is not None
        if not has_one or self.leader is None or not self.leader.leads:
            return
        try:
            self.budget_watch.look()
        except (ActivityError, OSError) as error:  # it is looked at again in a minute
            self.on_error(error)

    def _write_calls(self, *, closing: bool = False) -> None:
        calls: CallLog | None = self.made("call_log")
        if calls is None:
            return
        try:
            calls.write_to(self.recorder, closing=closing)
        except QueueRefused as error:
            self.on_error(error)
