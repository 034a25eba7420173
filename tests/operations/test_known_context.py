"""A context for a command comes from what is at hand where nothing can be missing from it; else the warehouse is asked first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.operations.drain import Drainer
from activity_mcp.operations.known_context import known_context
from activity_mcp.service import ActivityService
from fakes import FakeClock

HOUR_S = 3600


class Machine:
    """One state directory, of which each command opens a service of its own."""

    def __init__(self, home: Path) -> None:
        self.environ = {"ACTIVITY_HOME": str(home), "ACTIVITY_CUSTOMER": "ada@example.com", "HOME": str(home)}
        self.clock = FakeClock()
        self.settled = 0
        self._opened: list[ActivityService] = []

    def service(self, **more: str) -> ActivityService:
        self._opened.append(ActivityService.from_environ(self.environ | more, source="cli", clock=self.clock))
        return self._opened[-1]

    def log(self, count: int = 1) -> None:
        for number in range(count):
            self.service().log("tool_event", {"tool_name": f"t{number}", "success": True})

    def flush(self) -> None:
        Drainer(self.service()).drain()

    def context(self, **more: str) -> dict[str, Any]:
        return known_context(self.service(**more), self._settle, customer=None, project="*")

    def _settle(self, service: ActivityService) -> None:
        self.settled += 1
        Drainer(service).drain()

    def close(self) -> None:
        for service in self._opened:
            service.close()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path / "home")
    yield made
    made.close()


def counted(answer: dict[str, Any]) -> int:
    return sum(answer["context"].get("activity_counts", {}).values())


def test_what_was_never_asked_for_is_read_from_the_warehouse_once(machine: Machine) -> None:
    machine.log(2)
    assert (counted(machine.context()), machine.settled) == (2, 1)
    assert (counted(machine.context()), machine.settled) == (2, 1)


def test_what_waits_in_the_queue_is_in_it_without_a_flush(machine: Machine) -> None:
    machine.log(2)
    machine.context()
    machine.log(3)
    answer = machine.context()
    assert (counted(answer), answer["pending_local"], machine.settled) == (5, 0, 1)
    assert answer["source"] == "snapshot"


def test_an_older_snapshot_serves_while_nobody_else_writes_and_says_how_old_it_is(machine: Machine) -> None:
    machine.log()
    machine.context()
    machine.clock.advance(0.9 * HOUR_S)
    machine.log()
    answer = machine.context()
    assert (counted(answer), answer["freshness"], machine.settled) == (2, "stale", 1)
    assert answer["age_ms"] == pytest.approx(0.9 * HOUR_S * 1000)


def test_a_snapshot_that_has_expired_is_renewed_first(machine: Machine) -> None:
    machine.log()
    machine.context()
    machine.clock.advance(2 * HOUR_S)
    assert (machine.context()["freshness"], machine.settled) == ("fresh", 2)


def test_events_that_were_committed_behind_the_snapshot_are_read_first(machine: Machine) -> None:
    machine.log()
    machine.context()
    machine.clock.advance(700)  # the scope is asked for no more
    machine.log(2)
    machine.flush()
    assert counted(machine.context()) == 3


def test_a_leader_that_let_the_context_grow_old_is_asked_for_a_flush(machine: Machine) -> None:
    machine.log()
    machine.context()
    leader = machine.service()
    assert leader.lease.try_acquire()
    machine.clock.advance(120)
    asked: list[ActivityService] = []
    known_context(machine.service(), asked.append, customer=None, project="*")
    assert len(asked) == 1
    leader.lease.release()


def test_a_leader_that_keeps_the_context_fresh_is_not(machine: Machine) -> None:
    machine.log()
    machine.context()
    leader = machine.service()
    assert leader.lease.try_acquire()
    asked: list[ActivityService] = []
    assert counted(known_context(machine.service(), asked.append, customer=None, project="*")) == 1
    assert asked == []
    leader.lease.release()
