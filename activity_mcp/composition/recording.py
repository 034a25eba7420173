"""What every process has: its configuration, who it is, its queue, and what it records with."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

from ..activity import dump_json
from ..clock import SYSTEM_CLOCK
from ..config import Config
from ..fs import LOCAL
from ..identity import Identity, is_paused, resolve_identity
from ..lazy import lazy
from ..plain_json import loads
from ..project import is_ignored, project_of
from ..queue import QueueWriter, open_queue
from ..queue.moved import follow_move
from ..recording.error_throttle import ErrorThrottle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..activity import Origin
    from ..clock import Clock
    from ..pipeline.leader import Leader
    from ..queue import QueueInfo
    from ..recording.call_log import CallLog
    from ..recording.recorder import Recorder
    from ..recording.system_events import SystemEvents
    from ..redaction import Redactor
    from ..warehouse.adapter import Adapter


class RecordingParts:
    """``source`` is the origin of the events of this process (``mcp`` or ``cli``); ``adapter``: a warehouse in the place of the
    one that the configuration names.
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
    def redactor(self) -> Redactor:
        return self.config.redactor(remembers=True)

    @lazy
    def recorder(self) -> Recorder:
        from ..recording.recorder import Recorder

        redactor, org_id = self.redactor, self.config.org_id
        _, dumps = self.json
        return Recorder(self.writer, redactor, self.identity, org_id=org_id, clock=self.clock, dumps=dumps)

    @lazy
    def system_events(self) -> SystemEvents:
        from ..recording.system_events import SystemEvents

        return SystemEvents(self.recorder, self.queue, self.on_error)

    @lazy
    def call_log(self) -> CallLog:
        from ..recording.call_log import CallLog

        return CallLog(self.recorder.origin("mcp", session_id=self.session_id), self.clock)

    @property
    def session_id(self) -> str | None:
        return self.environ.get("CLAUDE_CODE_SESSION_ID") or None

    @lazy
    def own_project(self) -> str | None:
        """The project this process was started for, where Claude Code names it."""
        directory = self.environ.get("CLAUDE_PROJECT_DIR")
        return project_of(directory) if directory else None

    def origin(self, customer: str | None, project: str | None) -> Origin:
        """Who and where, for what this process records; None means its own customer, and no project."""
        return self.recorder.origin(self.source, customer=customer, project=project, session_id=self.session_id)

    def is_recording(self, project: str | None) -> bool:
        """False where ``ACTIVITY_RECORD=off``, a pause or the project's ``.activity-mcp-ignore`` forbids it."""
        return self.config.record and not is_paused(self.config.home) and not is_ignored(project)

    def made(self, name: str) -> Any:
        """The part of that name where it was made already, else None: what closes must not open what nothing has used."""
        return self.__dict__.get(name)
