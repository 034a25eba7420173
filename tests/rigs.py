"""One queue, one warehouse, and flushers over them, in one process: what the tests of the log path stage their failures on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from activity_mcp.activity import Origin, build
from activity_mcp.fs import LOCAL, FileSystem
from activity_mcp.pipeline.flusher import Flusher
from activity_mcp.queue import QueueWriter, open_queue
from activity_mcp.warehouse.memory import MemoryWarehouse
from fakes import FakeClock

ORIGIN = Origin("ada@example.com", "mcp", session_id="s1", project="/w")


class Rig:
    """A queue in ``directory`` on the disk ``fs``, and the double of a warehouse. ``options`` go to each writer."""

    def __init__(self, directory: Path, *, fs: FileSystem = LOCAL, sink: str = "memory", **options: Any) -> None:
        self.clock = FakeClock()
        self.directory = str(directory)
        self.fs = fs
        self.sink = sink
        self.options = options
        self.queue = open_queue(self.directory, sink=self.sink, clock=self.clock, fs=fs)
        self.warehouse = MemoryWarehouse(clock=self.clock)
        self.reported: list[dict[str, Any]] = []
        self.writer = self.new_writer()
        self.written = 0

    def new_writer(self, **options: Any) -> QueueWriter:
        given: dict[str, Any] = {"durability": "none", "fs": self.fs} | self.options | options
        return QueueWriter(self.directory, sink=self.sink, clock=self.clock, **given)

    def flusher(self, sink: Any = None) -> Flusher:
        channel = open_queue(self.directory, sink=self.sink, fs=self.fs).queue_id
        warehouse = sink or self.warehouse
        return Flusher(self.directory, channel, warehouse, ORIGIN, clock=self.clock, on_event=self.reported.append, fs=self.fs)

    def line(self, activity_id: str, **features: Any) -> bytes:
        """One tool event, as a recorder would write it."""
        given = {"tool_name": "Bash", "success": True, **features}
        activity = build("tool_event", given, ORIGIN, now_us=self.clock.time_us(), activity_id=activity_id)
        activity.validated = True
        return activity.line()

    def write(self, count: int = 1, **features: Any) -> list[str]:
        """Append tool events, one at a time; their ids."""
        ids = []
        for _ in range(count):
            self.written += 1
            ids.append(f"id-{self.written}")
            self.writer.append([self.line(ids[-1], **{"latency_ms": self.written, **features})])
        return ids

    def append_raw(self, data: bytes) -> None:
        """Bytes at the end of the newest segment, past every rule."""
        newest = sorted(Path(self.directory, "seg").iterdir())[-1]
        with newest.open("ab") as file:
            file.write(data)

    def drain(self, flusher: Flusher | None = None, **limits: int) -> Flusher:
        flusher = flusher or self.flusher()
        while flusher.step(**limits).more:
            pass
        return flusher

    def ids(self) -> list[str]:
        return [row.activity_id for row in self.warehouse.rows if row.event_name != "system_event"]

    def recoveries(self) -> list[dict[str, Any]]:
        return [json.loads(row.feature_json) for row in self.warehouse.rows if row.event_name == "system_event"]
