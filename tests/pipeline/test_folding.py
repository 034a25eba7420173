"""Append now, fold soon: when the leader folds, and what everybody sees until it has."""

from __future__ import annotations

from typing import Any

from activity_mcp.operations.drain import Drainer
from activity_mcp.pipeline.folding import FOLD_EVERY_S, FOLD_ROWS, Folding
from activity_mcp.queue import Offset, QueueReader, is_folded
from activity_mcp.service import ActivityService
from activity_mcp.warehouse.base import Capabilities, Folded
from activity_mcp.warehouse.memory import MemoryWarehouse
from fakes import FakeClock
from machines import Machine
from patience import PATIENCE_S

TOOL = {"tool_name": "Bash", "success": True}


def logged(server: ActivityService, count: int = 1) -> None:
    for _ in range(count):
        server.log("tool_event", TOOL, project="/w")


def counted(server: ActivityService) -> int:
    return int(server.context(project="/w")["context"].get("activity_counts", {}).get("tool_event", 0))


def appended_but_not_folded(machine: Machine, server: ActivityService) -> None:
    """A second event, appended so soon after the first one's fold that its own is not due."""
    logged(server)
    machine.turns(server)
    assert machine.warehouse.folds == 1
    logged(server)
    while len(machine.ids()) < 2:
        machine.turns(server, seconds=0.2)
    assert machine.warehouse.folds == 1


def test_the_first_events_after_a_rest_are_folded_in_the_turn_that_appends_them(machine: Machine) -> None:
    server = machine.server()
    machine.turns(server, seconds=10)
    logged(server)
    while not machine.warehouse.appends:
        machine.turns(server, seconds=0.2)
    assert machine.warehouse.folds == 1
    assert server.context(project="/w")["pending_local"] == 0


def test_a_busy_machine_folds_every_few_seconds_and_shows_each_event_at_once(machine: Machine) -> None:
    server, other, seconds = machine.server(), machine.server(), 24
    machine.turns(server, other)
    for number in range(seconds * 5):
        logged(server)
        machine.turns(server, other, seconds=0.2)
        assert counted(other) == number + 1
    assert machine.warehouse.appends >= seconds / 2.5
    assert seconds / 5 - 1 <= machine.warehouse.folds <= seconds / FOLD_EVERY_S + 1
    machine.turns(server, other, seconds=5)
    assert other.context(project="/w")["pending_local"] == 0
    assert counted(other) == seconds * 5


def test_what_is_appended_and_not_folded_is_above_the_watermark_and_its_lines_stay(machine: Machine) -> None:
    server = machine.server()
    appended_but_not_folded(machine, server)
    folded, appended = (row.stream_offset for row in machine.warehouse.rows)
    assert counted(server) == 2
    assert list(server.context(project="/w")["context"]["watermark"].values()) == [folded]
    assert server.leader is not None
    assert str(server.leader._published) == folded < appended


def test_a_caller_that_waits_for_a_flush_waits_for_its_fold(machine: Machine) -> None:
    server = machine.server()
    appended_but_not_folded(machine, server)
    settled = is_folded(server.lease, QueueReader(server.queue.directory).end())
    assert not settled()
    server.lease.request_flush()
    machine.turns(server, seconds=0.2)
    assert settled()
    assert machine.warehouse.folds == 2


def test_a_context_that_is_wanted_is_folded_before_it_is_verified(machine: Machine) -> None:
    server = machine.server()
    appended_but_not_folded(machine, server)
    server.snapshots.request("ada@example.com", "/elsewhere")
    machine.turns(server, seconds=0.2)
    assert machine.warehouse.folds == 2


def test_a_leader_that_ends_folds_first(machine: Machine) -> None:
    server = machine.server()
    appended_but_not_folded(machine, server)
    server.close()
    assert machine.warehouse.folds == 2


def test_what_a_killed_leader_had_appended_is_folded_by_the_next_one(machine: Machine) -> None:
    one, other = machine.server(), machine.server()
    appended_but_not_folded(machine, one)
    machine.kill(one)
    machine.turns(other, seconds=1.4)
    assert machine.warehouse.folds == 2
    assert (counted(other), other.context(project="/w")["pending_local"]) == (2, 0)


def test_a_command_folds_what_a_killed_leader_had_appended(machine: Machine) -> None:
    one, command = machine.server(), machine.server()
    appended_but_not_folded(machine, one)
    machine.kill(one)
    assert Drainer(command).drain(PATIENCE_S).rows == 0
    assert machine.warehouse.folds == 2
    assert is_folded(command.lease, QueueReader(command.queue.directory).end())()
    assert is_folded(machine.server().lease, QueueReader(command.queue.directory).end())(), "the next leader reports it too"


def test_a_fold_that_fails_is_tried_again_and_loses_nothing(machine: Machine) -> None:
    server = machine.server()
    appended_but_not_folded(machine, server)
    machine.warehouse.down = True
    machine.turns(server, seconds=20)
    assert machine.errors
    assert counted(server) == 2
    machine.warehouse.down = False
    machine.turns(server, seconds=40)
    assert machine.warehouse.folds >= 2
    assert (counted(server), server.context(project="/w")["pending_local"]) == (2, 0)


def test_what_the_contexts_cannot_take_is_reported(machine: Machine) -> None:
    server = machine.server()
    genuine = machine.warehouse.fold

    def fold() -> Folded:
        return genuine()._replace(left_out=("id-7: too much for it",))

    machine.warehouse.fold = fold  # type: ignore[method-assign]
    logged(server)
    machine.turns(server, seconds=1)
    machine.warehouse.fold = genuine  # type: ignore[method-assign]
    machine.turns(server, seconds=10)
    (reported,) = {event["message"] for event in machine.reported("error_recovery")}
    assert "id-7: too much for it" in reported


def folding(**differs: Any) -> tuple[Folding, FakeClock]:
    clock = FakeClock()
    capabilities = Capabilities(batch_rows=1, folds_on_request=True, reads_are_free=True, has_one_writer=True)
    return Folding(MemoryWarehouse(clock=clock), capabilities._replace(**differs), clock=clock), clock


def test_as_many_rows_as_a_fold_should_have_are_not_kept_waiting() -> None:
    made, _ = folding()
    made.fold(Offset(1, 1, 1))
    made.appended(FOLD_ROWS - 1)
    assert not made.is_due()
    made.appended(1)
    assert made.is_due()


def test_where_a_task_of_the_engines_own_folds_nobody_says_how_far_it_is() -> None:
    made, _ = folding(folds_on_request=False)
    made.began()
    assert not made.is_due(), "there is nothing that another process could have left"
    made.appended(3)
    assert made.is_due(), "its contexts are read again"
    made.fold(Offset(1, 1, 1))
    assert made.known_offset() is None
