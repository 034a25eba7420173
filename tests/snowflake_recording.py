"""One queue whose rows go to Snowflake, as far as the tests of the writer need it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from activity_mcp.activity import Origin, build
from activity_mcp.errors import WarehouseError
from activity_mcp.pipeline.flusher import Flusher
from activity_mcp.queue import QueueWriter, open_queue
from activity_mcp.warehouse.snowflake.warehouse import SnowflakeWarehouse
from standins.started import StandIn

ORIGIN = Origin("ada@example.com", "mcp", session_id="s1", project="/w")


class Recording:
    """``write`` appends events, ``flush`` ships them as a leader would: again after each error that may pass."""

    def __init__(self, directory: Path, service: StandIn, database: str) -> None:
        self.directory = str(directory / "queue")
        self.service = service
        self.database = database
        self.queue = open_queue(self.directory, sink="snowflake:test")
        self.writer = QueueWriter(self.directory, sink="snowflake:test", durability="none")
        self.errors: list[WarehouseError] = []
        self.reported: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.now_us = time.time_ns() // 1000 - 60_000_000  # contexts hold the last days
        self.warehouses: list[SnowflakeWarehouse] = []

    def warehouse(self, *, timeout_s: float = 20.0, **parameters: Any) -> SnowflakeWarehouse:
        named = self.service.connection(self.database, **parameters)
        warehouse = SnowflakeWarehouse(lambda: named, timeout_s=timeout_s)
        self.warehouses.append(warehouse)
        return warehouse

    def flusher(self, warehouse: SnowflakeWarehouse) -> Flusher:
        return Flusher(self.directory, self.queue.queue_id, warehouse, ORIGIN, on_event=self.reported.append)

    def write(self, count: int, **features: Any) -> None:
        for _ in range(count):
            given = {"tool_name": "Bash", "success": True, **features}
            activity = build("tool_event", given, ORIGIN, now_us=self.now_us, activity_id=f"id-{len(self.ids):05d}")
            activity.validated = True
            self.writer.append([activity.line()])
            self.ids.append(activity.activity_id)

    def flush(self, flusher: Flusher, *, attempts: int = 8, max_rows: int = 1000) -> None:
        for _ in range(attempts):
            try:
                while flusher.step(max_rows=max_rows).more:
                    pass
            except WarehouseError as error:
                self.errors.append(error)
                if not error.retryable:
                    raise
            else:
                return
        raise AssertionError(f"still failing: {self.errors}")

    def stored(self) -> list[str]:
        """The ids in the warehouse, in the order in which they came."""
        return [row["ACTIVITY_ID"] for row in self.service.rows(self.database)]

    def close(self) -> None:
        self.writer.close()
        for warehouse in self.warehouses:
            warehouse.close()
