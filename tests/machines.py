"""Servers over one state directory and one warehouse, in one process: what the tests of leading stage their failures on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from activity_mcp.errors import WarehouseUnavailable
from activity_mcp.service import ActivityService
from activity_mcp.warehouse import Batch
from activity_mcp.warehouse.base import Folded
from activity_mcp.warehouse.memory import MemoryAdapter, MemoryWarehouse
from fakes import FakeClock


class Flaky(MemoryWarehouse):
    """A warehouse that can be switched off."""

    down = False
    appends = 0
    folds = 0

    def append(self, batch: Batch) -> None:
        self.appends += 1
        if self.down:
            raise WarehouseUnavailable("switched off")
        super().append(batch)

    def fold(self) -> Folded:
        if self.down:
            raise WarehouseUnavailable("switched off")
        folded = super().fold()
        self.folds += folded.rows > 0
        return folded


class Machine:
    """Servers over one state directory and one warehouse, driven turn by turn."""

    def __init__(self, home: Path) -> None:
        self.clock = FakeClock()
        self.warehouse = Flaky(clock=self.clock)
        self.home = home
        self.errors: list[BaseException] = []
        self.services: list[ActivityService] = []

    def server(self, **environ: str) -> ActivityService:
        """Another server; ``environ`` may name another ``ACTIVITY_HOME``. The warehouse is the same for all."""
        given = {"ACTIVITY_HOME": str(self.home), "ACTIVITY_CUSTOMER": "ada@example.com", "HOME": str(self.home), **environ}
        adapter = MemoryAdapter(self.warehouse)
        service = ActivityService.from_environ(given, clock=self.clock, on_error=self.errors.append, adapter=adapter)
        service.prepare_leader()
        self.services.append(service)
        return service

    def turns(self, *services: ActivityService, seconds: float = 2.0) -> None:
        for _ in range(round(seconds / 0.2)):
            for service in services:
                assert service.leader is not None
                service.leader.turn()
            self.clock.advance(0.2)

    def kill(self, service: ActivityService) -> None:
        """What the kernel does when a process dies: its locks are free, and whatever it still wanted to do is not done."""
        service.lease._lock.close()
        service.leader = None

    def ids(self) -> list[str]:
        """Of the events that somebody logged, once each, in the order in which they first arrived."""
        return list(dict.fromkeys(row.activity_id for row in self.warehouse.rows if row.event_name == "tool_event"))

    def names(self) -> list[str]:
        return [row.event_name for row in self.warehouse.rows]

    def recoveries(self) -> list[str]:
        """Every message of an error_recovery, with its reason where it has one."""
        return [found.get("reason") or found["message"] for found in self.reported("error_recovery")]

    def reported(self, event_type: str) -> list[dict[str, Any]]:
        features = [json.loads(row.feature_json) for row in self.warehouse.rows if row.event_name == "system_event"]
        return [found for found in features if found["event_type"] == event_type]
