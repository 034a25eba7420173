"""The composition root: what a service stands on, made from the configuration, each part when it is first needed.

What is not needed is not made: a command that appends one event opens no snapshot, and nothing imports DuckDB until it leads.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import orjson

from .clock import SYSTEM_CLOCK
from .config import Config
from .context import ContextCache, Renderer, SnapshotStore
from .fs import LOCAL
from .identity import Identity, project_of, resolve_identity
from .local_events import LocalEvents
from .pace import Pace
from .parts import part
from .queue import Lease, QueueWriter, open_queue
from .recorder import Recorder
from .refresher import Refresher
from .selflog import SelfLog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .clock import Clock
    from .queue import QueueInfo
    from .warehouse.duckdb import DuckDBWarehouse
    from .warehouse.snowflake import SnowflakeWarehouse


class Composition:
    """The parts of one process. ``source`` says who is speaking (``mcp`` or ``cli``)."""

    def __init__(self, config: Config, environ: Mapping[str, str], *, source: str, clock: Clock = SYSTEM_CLOCK) -> None:
        self.config = config
        self.clock = clock
        self.source = source
        self.environ = environ
        self.parts_lock = threading.RLock()

    @part
    def identity(self) -> Identity:
        return resolve_identity(self.config.home, self.environ, self.config.customer)

    @part
    def queue(self) -> QueueInfo:
        LOCAL.check_owner(self.config.home)
        return open_queue(self.config.queue_dir, sink=self.config.sink, clock=self.clock)

    @part
    def writer(self) -> QueueWriter:
        return QueueWriter(
            self.queue.directory,
            sink=self.config.sink,
            max_bytes=self.config.max_queue_bytes,
            durability="event" if self.config.interval_ms is None else ("interval", self.config.interval_ms),
            clock=self.clock,
        )

    @part
    def recorder(self) -> Recorder:
        return Recorder(self.config, self.identity, self.writer, self.clock)

    @part
    def local_events(self) -> LocalEvents:
        return LocalEvents(self.queue.directory, self.queue.queue_id, self.writer)

    @part
    def snapshots(self) -> SnapshotStore:
        directory = os.path.join(self.queue.directory, "context")
        return SnapshotStore(directory, clock=self.clock, loads=orjson.loads, dumps=orjson.dumps)

    @part
    def lease(self) -> Lease:
        return Lease(self.queue.directory, clock=self.clock)

    @part
    def warehouse(self) -> DuckDBWarehouse | SnowflakeWarehouse:
        if self.config.snow_connection:
            from .warehouse.snowflake import SnowflakeWarehouse

            return SnowflakeWarehouse(self.config.snow_connection, customer=self.identity.customer, clock=self.clock)
        from .warehouse.duckdb import DuckDBWarehouse

        return DuckDBWarehouse(self.config.db, clock=self.clock)

    @part
    def refresher(self) -> Refresher:
        kind: dict[str, Any] = {"ttl_s": self.config.context_ttl_s, "clock": self.clock}
        if self.config.snow_connection:
            return Refresher(self.warehouse, self.snapshots, pace=Pace(self.clock), **kind)
        from .drift_watch import DriftWatch
        from .warehouse.duckdb import DuckDBWarehouse

        warehouse = self.warehouse
        if isinstance(warehouse, DuckDBWarehouse):  # the double knows no statements
            kind["on_changes"] = DriftWatch(self.queue.directory, warehouse, self.clock).look
        return Refresher(warehouse, self.snapshots, **kind)

    @part
    def cache(self) -> ContextCache:
        return ContextCache(
            self.snapshots,
            ttl_s=self.config.context_ttl_s,
            max_stale_s=self.config.context_max_stale_s,
            clock=self.clock,
            revalidate=self.ask_for_context,
        )

    @part
    def renderer(self) -> Renderer:
        return Renderer(dumps=orjson.dumps)

    @part
    def self_log(self) -> SelfLog:
        return SelfLog(self.recorder.origin("mcp", session_id=self.session_id), self.clock)

    @property
    def session_id(self) -> str | None:
        return self.environ.get("CLAUDE_CODE_SESSION_ID") or None

    @part
    def own_project(self) -> str | None:
        """The project this process was started for, when Claude Code says so."""
        directory = self.environ.get("CLAUDE_PROJECT_DIR")
        return project_of(directory) if directory else None

    def ask_for_context(self, customer: str, project: str) -> None:
        """The cache wants this scope newer: a wish on disk, which whoever leads will see."""
        self.snapshots.want(customer, project)
