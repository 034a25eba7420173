"""The composition root: the parts of a service, made from the configuration, each part when it is first needed.

What is not needed is not made: a command that appends one event opens no snapshot, and nothing imports DuckDB until it leads.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from .activity import dump_json
from .clock import SYSTEM_CLOCK
from .config import Config
from .fs import LOCAL
from .identity import Identity, is_ignored, project_of, resolve_identity
from .lazy import lazy
from .plain_json import loads
from .queue import Lease, QueueReader, QueueWriter, open_queue, read_commit, read_queue
from .queue.moved import follow_move
from .recording.error_throttle import ErrorThrottle
from .recording.recorder import Recorder
from .recording.system_events import SystemEvents

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .activity import Origin
    from .claude_code.hooks.listener import HookListener
    from .claude_code.session_state import SessionState
    from .claude_code.transcripts.follower import TranscriptFollower
    from .clock import Clock
    from .context import SnapshotStore
    from .health.drift_report import DriftReport
    from .health.status import StatusReader
    from .pipeline.daily_retention import DailyRetention
    from .pipeline.flusher import Flusher
    from .pipeline.leader import Leader
    from .pipeline.refresher import Refresher
    from .provenance.artifact_store import ArtifactStore
    from .provenance.insights import Insights
    from .provenance.queries import ProvenanceQueries
    from .queue import QueueInfo
    from .recall.cache import ContextCache
    from .recall.context_reader import ContextReader
    from .recall.local_events import LocalEvents
    from .recording.call_log import CallLog
    from .redaction import Redactor
    from .sessions.finding import Finding
    from .usage.prices import PriceList
    from .warehouse.adapter import Adapter
    from .warehouse.base import Store


class Composition:
    """The parts of one process. ``source`` is the origin of its events (``mcp`` or ``cli``).

    ``adapter``: a warehouse in the place of the one that the configuration names.
    """

    def __init__(
        self,
        config: Config,
        environ: Mapping[str, str],
        *,
        source: str,
        clock: Clock = SYSTEM_CLOCK,
        on_error: Callable[[BaseException], None] = lambda error: None,
        adapter: Adapter | None = None,
    ) -> None:
        if config.is_embedded:
            follow_move(config.queue_dir, config.db)
        self.config = config
        self.on_error = ErrorThrottle(on_error, clock)
        self.leader: Leader | None = None
        self._given_adapter = adapter
        self.clock = clock
        self.source = source
        self.environ = environ
        self.parts_lock = threading.RLock()

    @lazy
    def json(self) -> tuple[Callable[[bytes], Any], Callable[[Any], bytes]]:
        """(loads, dumps): orjson's in a server and where it is loaded anyway; a short command does without its import."""
        if self.source == "cli" and "orjson" not in sys.modules:
            return loads, dump_json
        import orjson

        return orjson.loads, orjson.dumps

    @lazy
    def identity(self) -> Identity:
        return resolve_identity(self.config.home, self.environ, self.config.customer)

    @lazy
    def queue(self) -> QueueInfo:
        LOCAL.check_owner(self.config.home)
        self.identity  # noqa: B018  # refuses a directory that is not ours before a file is made in it
        return open_queue(self.config.queue_dir, sink=self.config.sink, clock=self.clock)

    @lazy
    def writer(self) -> QueueWriter:
        return QueueWriter(
            self.queue.directory,
            sink=self.config.sink,
            max_bytes=self.config.max_queue_bytes,
            durability="event" if self.config.interval_ms is None else ("interval", self.config.interval_ms),
            clock=self.clock,
        )

    @lazy
    def recorder(self) -> Recorder:
        redactor, org_id = self.redactor, self.config.org_id
        _, dumps = self.json
        return Recorder(self.writer, redactor, self.identity, org_id=org_id, clock=self.clock, dumps=dumps)

    @lazy
    def system_events(self) -> SystemEvents:
        return SystemEvents(self.recorder, self.queue, self.on_error)

    @lazy
    def local_events(self) -> LocalEvents:
        from .recall.local_events import LocalEvents

        return LocalEvents(self.queue.directory, self.queue.queue_id, self.writer)

    @lazy
    def snapshots(self) -> SnapshotStore:
        from .context import SnapshotStore

        directory = os.path.join(self.queue.directory, "context")
        loads, dumps = self.json
        return SnapshotStore(directory, clock=self.clock, loads=loads, dumps=dumps)

    @lazy
    def lease(self) -> Lease:
        return Lease(self.queue.directory, clock=self.clock)

    @lazy
    def adapter(self) -> Adapter:
        from .warehouse.factory import adapter_of

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
    def refresher(self) -> Refresher:
        from .context.instructions import InstructionFiles
        from .pipeline.poll_schedule import PollSchedule
        from .pipeline.refresher import Refresher

        are_free = self.adapter.capabilities.reads_are_free
        return Refresher(
            self.warehouse,
            self.snapshots,
            ttl_s=self.config.context_ttl_s,
            clock=self.clock,
            poll_schedule=None if are_free else PollSchedule(self.clock),
            instructions=InstructionFiles(self.environ).of,
            on_changes=self._look_after_flush(are_free),
        )

    def _look_after_flush(self, reads_are_free: bool) -> Callable[[], None] | None:
        """The look at the warehouse itself after each flush, beside its contexts."""
        from .health.task_report import TaskReport

        if self.adapter.tasks is not None:
            return TaskReport(self.queue.directory, self.adapter.tasks, self.clock).look
        return self.drift_report.look if self.drift_report is not None and reads_are_free else None

    @lazy
    def drift_report(self) -> DriftReport | None:
        from .health.drift_report import DriftReport

        drifts = self.adapter.drift
        return DriftReport(self.queue.directory, drifts, self.clock) if drifts is not None else None

    @lazy
    def cache(self) -> ContextCache:
        from .recall.cache import ContextCache

        return ContextCache(
            self.snapshots,
            ttl_s=self.config.context_ttl_s,
            max_stale_s=self.config.context_max_stale_s,
            clock=self.clock,
            revalidate=self.request_context,
        )

    @lazy
    def recall(self) -> ContextReader:
        from .context.instructions import InstructionFiles
        from .pipeline.refresher import ACTIVE_S
        from .recall.context_reader import ContextReader
        from .recall.memoized_renderer import Renderer

        return ContextReader(
            self.cache,
            self.local_events,
            Renderer(dumps=self.json[1]),
            customer=self.identity.customer,
            own_project=self.own_project,
            redactor=self.redactor,
            instructions=InstructionFiles(self.environ).of,
            keep_warm=self._keep_warm,
            warm_s=ACTIVE_S / 2,
            ttl_s=self.config.context_ttl_s,
            clock=self.clock,
        )

    def _keep_warm(self, customer: str, project: str) -> None:
        """Let the leader know that this scope is still requested; a fresh answer leaves no request."""
        if self.leader is not None and self.leader.leads:
            self.refresher.keep_active(customer, project)
        elif self.snapshots.stat(customer, project) is not None:  # without a snapshot the cache leaves the request itself
            self.snapshots.request(customer, project)

    @lazy
    def artifacts(self) -> ArtifactStore:
        from .provenance.artifact_store import ArtifactStore

        return ArtifactStore(self.config.artifacts_dir, clock=self.clock)

    @lazy
    def status_reader(self) -> StatusReader:
        from .health.status import StatusReader

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

    def is_recording(self, project: str | None) -> bool:
        """False where ``ACTIVITY_RECORD=off`` or the project's ``.activity-mcp-ignore`` forbids it."""
        return self.config.record and not is_ignored(project)

    def origin(self, customer: str | None, project: str | None) -> Origin:
        """Who and where, for what this process records; None means its own customer, and no project."""
        return self.recorder.origin(self.source, customer=customer, project=project, session_id=self.session_id)

    @lazy
    def redactor(self) -> Redactor:
        return self.config.redactor()

    @lazy
    def call_log(self) -> CallLog:
        from .recording.call_log import CallLog

        return CallLog(self.recorder.origin("mcp", session_id=self.session_id), self.clock)

    @lazy
    def session_state(self) -> SessionState:
        from .claude_code.session_state import SessionState

        return SessionState(self.queue.directory)

    @lazy
    def hook_listener(self) -> HookListener:
        from .claude_code.hooks.listener import HookListener

        return HookListener(self.queue.directory, self.on_error, self.clock)

    @lazy
    def follower(self) -> TranscriptFollower:
        """Reads transcripts while their sessions run. Its backlog takes at most a quarter of the queue."""
        from .claude_code.transcripts.live import live_follower

        return live_follower(
            self.session_state,
            self.queue.directory,
            identity=self.identity,
            config=self.config,
            redactor=self.recorder.redactor,
            estimate=self.prices.estimate,
            append=self.recorder.append_read,
            has_room=lambda: self.writer.uncommitted_bytes() < self.config.max_queue_bytes // 4,
            clock=self.clock,
        )

    @lazy
    def finding(self) -> Finding:
        """Search, sessions, and the index behind them."""
        from .sessions.finding import Finding

        return Finding(self.queue.directory, self.adapter, self.own_project, self.on_error, self.clock)

    def follow_sources(self) -> None:
        """What the leader reads in each turn: transcripts, and what the search index does not have yet."""
        self.follow_transcripts()
        if self.finding.feed is not None:
            self.finding.feed.turn()

    @lazy
    def prices(self) -> PriceList:
        """What a request cost where nobody measured it."""
        from .usage.prices import PriceList

        return PriceList()

    def follow_transcripts(self) -> None:
        """What the leader does in each turn: mostly to see that no transcript has anything new."""
        if self.config.record and self.session_state.has_requests():
            self.follower.turn()

    @property
    def session_id(self) -> str | None:
        return self.environ.get("CLAUDE_CODE_SESSION_ID") or None

    @lazy
    def own_project(self) -> str | None:
        """The project this process was started for, where Claude Code names it."""
        directory = self.environ.get("CLAUDE_PROJECT_DIR")
        return project_of(directory) if directory else None

    def request_context(self, customer: str, project: str) -> None:
        """Request a newer snapshot for the cache: a file that the leader finds."""
        self.snapshots.request(customer, project)

    @lazy
    def provenance_queries(self) -> ProvenanceQueries:
        from .provenance.queries import ProvenanceQueries

        return ProvenanceQueries(
            lambda sql, **limits: self.adapter.queries.query(sql, **limits),
            self.artifacts,
            self.recorder,
            self.lease,
            origin=self.origin,
            is_recording=self.is_recording,
            is_urgent=self.local_events.urgent,
            own_project=self.own_project,
            queue_id=self.queue.queue_id,
            clock=self.clock,
        )

    @lazy
    def insights(self) -> Insights:
        from .provenance.insights import Insights

        return Insights(self.provenance_queries, self.recorder, is_recording=self.is_recording)

    @lazy
    def upkeep(self) -> DailyRetention | None:
        """The daily work, where the engine does not do it by itself."""
        maintenance = self.adapter.maintenance
        if maintenance is None:
            return None
        from .pipeline.daily_retention import DailyRetention

        if self.finding.feed is not None:
            maintenance = self.finding.feed.followed_by(maintenance)
        return DailyRetention(self.queue.directory, maintenance, keep_days=self.config.retention_days, clock=self.clock)

    def made(self, name: str) -> Any:
        """The part of that name where it was made already, else None: what closes must not open what nothing has used."""
        return self.__dict__.get(name)

    def make_flusher(self, omits: Callable[[dict[str, Any]], bool] | None = None) -> Flusher:
        """A flusher over this queue; only the holder of the lease may drive it. ``omits``: see ``Flusher``."""
        from .pipeline.flusher import Flusher

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
            on_shipped=self.finding.feed.shipped if self.finding.feed is not None else None,
        )
        flusher.batch_size.resume(self.lease.last_report().get("batch_weight"))
        return flusher
