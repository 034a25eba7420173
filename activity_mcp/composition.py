"""The composition root: what a service stands on, made from the configuration, each part when it is first needed.

What is not needed is not made: a command that appends one event opens no snapshot, and nothing imports DuckDB until it leads.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import orjson

from .clock import SYSTEM_CLOCK
from .config import Config
from .context import SnapshotStore
from .fs import LOCAL
from .identity import Identity, project_of, resolve_identity
from .pipeline.poll_schedule import Pace
from .pipeline.refresher import Refresher
from .queue import Lease, QueueWriter, open_queue
from .queue.moved import follow_move
from .recall.cache import ContextCache
from .recall.local_events import LocalEvents
from .recall.memoized_renderer import Renderer
from .recording.call_log import SelfLog
from .recording.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .clock import Clock
    from .queue import QueueInfo
    from .warehouse.duckdb.warehouse import DuckDBWarehouse
    from .warehouse.snowflake.warehouse import SnowflakeWarehouse


class Composed(Protocol):
    """An object with lazy parts: it has the reentrant lock under which they are made."""

    parts_lock: threading.RLock


_Part = TypeVar("_Part")


class lazy(Generic[_Part]):
    """A property made at first use, once, by one thread: ``functools.cached_property`` with a lock."""

    def __init__(self, make: Callable[[Any], _Part]) -> None:
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    def __get__(self, composed: Composed, owner: type | None = None) -> _Part:
        with composed.parts_lock:
            if self._name not in composed.__dict__:
                composed.__dict__[self._name] = self._make(composed)
            made: _Part = composed.__dict__[self._name]
            return made


class Composition:
    """The parts of one process. ``source`` says who is speaking (``mcp`` or ``cli``)."""

    def __init__(self, config: Config, environ: Mapping[str, str], *, source: str, clock: Clock = SYSTEM_CLOCK) -> None:
        if not config.snow_connection:
            follow_move(config.queue_dir, config.db)
        self.config = config
        self.clock = clock
        self.source = source
        self.environ = environ
        self.parts_lock = threading.RLock()

    @lazy
    def identity(self) -> Identity:
        return resolve_identity(self.config.home, self.environ, self.config.customer)

    @lazy
    def queue(self) -> QueueInfo:
        LOCAL.check_owner(self.config.home)
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
        return Recorder(self.config, self.identity, self.writer, self.clock)

    @lazy
    def local_events(self) -> LocalEvents:
        return LocalEvents(self.queue.directory, self.queue.queue_id, self.writer)

    @lazy
    def snapshots(self) -> SnapshotStore:
        directory = os.path.join(self.queue.directory, "context")
        return SnapshotStore(directory, clock=self.clock, loads=orjson.loads, dumps=orjson.dumps)

    @lazy
    def lease(self) -> Lease:
        return Lease(self.queue.directory, clock=self.clock)

    @lazy
    def warehouse(self) -> DuckDBWarehouse | SnowflakeWarehouse:
        if self.config.snow_connection:
            from .warehouse.snowflake.warehouse import SnowflakeWarehouse

            return SnowflakeWarehouse(self.config.snow_connection, customer=self.identity.customer, clock=self.clock)
        from .warehouse.duckdb.warehouse import DuckDBWarehouse

        return DuckDBWarehouse(self.config.db, clock=self.clock)

    @lazy
    def refresher(self) -> Refresher:
        kind: dict[str, Any] = {"ttl_s": self.config.context_ttl_s, "clock": self.clock}
        if self.config.snow_connection:
            return Refresher(self.warehouse, self.snapshots, pace=Pace(self.clock), **kind)
        from .health.drift_report import DriftWatch
        from .warehouse.duckdb.warehouse import DuckDBWarehouse

        warehouse = self.warehouse
        if isinstance(warehouse, DuckDBWarehouse):  # the double knows no statements
            kind["on_changes"] = DriftWatch(self.queue.directory, warehouse, self.clock).look
        return Refresher(warehouse, self.snapshots, **kind)

    @lazy
    def cache(self) -> ContextCache:
        return ContextCache(
            self.snapshots,
            ttl_s=self.config.context_ttl_s,
            max_stale_s=self.config.context_max_stale_s,
            clock=self.clock,
            revalidate=self.ask_for_context,
        )

    @lazy
    def renderer(self) -> Renderer:
        return Renderer(dumps=orjson.dumps)

    @lazy
    def self_log(self) -> SelfLog:
        return SelfLog(self.recorder.origin("mcp", session_id=self.session_id), self.clock)

    @property
    def session_id(self) -> str | None:
        return self.environ.get("CLAUDE_CODE_SESSION_ID") or None

    @lazy
    def own_project(self) -> str | None:
        """The project this process was started for, when Claude Code says so."""
        directory = self.environ.get("CLAUDE_PROJECT_DIR")
        return project_of(directory) if directory else None

    def ask_for_context(self, customer: str, project: str) -> None:
        """The cache wants this scope newer: a wish on disk, which whoever leads will see."""
        self.snapshots.want(customer, project)
