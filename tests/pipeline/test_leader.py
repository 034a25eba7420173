"""The leader's turn: what is due is done, what failed is tried again, and only one process leads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from activity_mcp.errors import InvalidInput, WarehouseNewer
from activity_mcp.queue import read_queue
from activity_mcp.warehouse import Batch
from machines import Machine
from patience import until

TOOL = {"tool_name": "Bash", "success": True}


def test_an_event_is_flushed_within_two_seconds_and_its_context_published(machine: Machine) -> None:
    server = machine.server()
    logged = server.log("tool_event", TOOL, project="/w")
    machine.turns(server)
    assert [row.activity_id for row in machine.warehouse.rows] == [logged["activity_id"]]
    answer = server.context(project="/w")
    assert (answer["freshness"], answer["source"], answer["pending_local"]) == ("fresh", "snapshot", 0)
    assert answer["context"]["activity_counts"] == {"tool_event": 1}


def test_the_servers_own_calls_never_start_a_flush_and_ride_with_the_next_one(machine: Machine) -> None:
    server = machine.server()
    machine.turns(server, seconds=1)
    server.record_call("get_context", 0.5, success=True)
    machine.turns(server, seconds=30)
    assert machine.names() == []
    server.log("tool_event", TOOL)
    machine.turns(server)
    assert sorted(machine.names()) == ["mcp_event", "tool_event"]


def test_without_a_next_one_they_are_written_after_a_minute(machine: Machine) -> None:
    server = machine.server()
    server.log("tool_event", TOOL)
    machine.turns(server)
    server.record_call("get_context", 0.5, success=True)
    machine.turns(server, seconds=58)
    assert machine.names() == ["tool_event"]
    machine.turns(server, seconds=4)
    assert machine.names() == ["tool_event", "mcp_event"]


def test_one_of_two_servers_leads_and_the_other_takes_over_when_it_goes(machine: Machine) -> None:
    one, other = machine.server(), machine.server()
    machine.turns(one, other)
    assert [service.leader.leads for service in (one, other) if service.leader] == [True, False]
    one.close()
    other.log("tool_event", TOOL)
    machine.turns(other, seconds=2.2)
    assert machine.names() == ["tool_event"]


def test_an_event_of_one_server_shows_at_once_in_the_context_of_another(machine: Machine) -> None:
    one, other = machine.server(), machine.server()
    machine.turns(one, other)
    one.log("tool_event", {**TOOL, "success": False, "error": "boom"}, project="/w")
    answer = other.context(project="*")
    assert [error["error"] for error in answer["context"]["recent_errors"]] == ["boom"]
    assert answer["context"]["activity_counts"] == {"tool_event": 1}
    machine.turns(one, other)
    again = other.context(project="*")
    assert again["context"]["activity_counts"] == {"tool_event": 1}


def test_a_warehouse_that_is_down_is_tried_again_with_backoff_and_nothing_is_lost(machine: Machine) -> None:
    server = machine.server()
    machine.warehouse.down = True
    ids = [server.log("tool_event", TOOL)["activity_id"] for _ in range(5)]
    machine.turns(server, seconds=60)
    assert machine.warehouse.appends < 15
    assert server.leader is not None
    assert server.leader.last_error == "switched off"
    machine.warehouse.down = False
    machine.turns(server, seconds=32)
    assert [row.activity_id for row in machine.warehouse.rows if row.event_name == "tool_event"] == ids
    assert server.leader.last_error is None


def test_two_minutes_without_progress_are_reported_once_when_they_begin_and_once_when_they_end(machine: Machine) -> None:
    server = machine.server()
    machine.warehouse.down = True
    server.log("tool_event", TOOL)
    machine.turns(server, seconds=200)
    machine.warehouse.down = False
    machine.turns(server, seconds=40)
    first, second = machine.reported("backpressure")
    assert (first["severity"], first["action_taken"]) == ("warning", "larger_batches_and_backoff")
    assert (second["severity"], second["action_taken"]) == ("info", "back_to_normal")
    assert "switched off" in first["message"]


def test_refusals_are_counted_and_reported_once_when_space_returns(machine: Machine) -> None:
    server = machine.server(MAX_QUEUE_SIZE="65536")
    machine.warehouse.down = True
    machine.turns(server, seconds=0.2)
    accepted, refused, degraded = 0, 0, 0
    for _ in range(200):
        try:
            answer = server.log("tool_event", {**TOOL, "parameters": {"command": "x" * 900}})
            accepted += 1
            degraded += answer["degraded"]
        except Exception as error:
            assert type(error).__name__ == "QueueFull"  # noqa: PT017 - counted, not expected
            refused += 1
    assert accepted
    assert refused
    assert degraded
    machine.warehouse.down = False
    machine.turns(server, seconds=40)
    assert machine.names().count("tool_event") == accepted
    (reported,) = machine.reported("queue_refused")
    assert reported["metrics"] == {"refused": refused}


def test_a_leader_that_meets_a_newer_warehouse_leaves_leading_to_a_newer_server(machine: Machine) -> None:
    old, newer = machine.server(), machine.server()
    machine.turns(old)
    original = machine.warehouse.append

    def refuse(batch: Batch) -> None:
        raise WarehouseNewer("layout 99", hint="upgrade")

    machine.warehouse.append = refuse  # type: ignore[method-assign]
    logged = old.log("tool_event", TOOL)
    machine.turns(old)
    assert old.leader is not None
    assert not old.leader.leads
    machine.warehouse.append = original  # type: ignore[method-assign]
    machine.turns(old, newer)
    assert newer.leader is not None
    assert newer.leader.leads
    assert [row.activity_id for row in machine.warehouse.rows] == [logged["activity_id"]]


def test_after_the_files_were_edited_every_server_counts_each_event_once_and_ships_on_the_new_channel(machine: Machine) -> None:
    one, other = machine.server(), machine.server()
    for _ in range(3):
        one.log("tool_event", TOOL)
    machine.turns(one, other)
    assert other.context()["context"]["activity_counts"] == {"tool_event": 3}
    (segment,) = Path(one.queue.directory, "seg").iterdir()
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join(lines[:3]))
    for _ in range(2):
        one.log("tool_event", TOOL)
    machine.turns(one, other, seconds=4)
    for server in (one, other):
        counts = server.context()["context"]["activity_counts"]
        assert counts["tool_event"] == 5, counts
    one.close()
    other.log("tool_event", TOOL)
    machine.turns(other, seconds=4)
    renewed = read_queue(other.queue.directory)
    assert renewed is not None
    assert machine.warehouse.rows[-1].channel_id == renewed.queue_id
    assert other.context()["context"]["activity_counts"]["tool_event"] == 6


def test_a_context_that_could_not_be_published_is_offered_again(machine: Machine) -> None:
    server = machine.server()
    server.log("tool_event", TOOL, project="/w")
    original = server.snapshots.publish
    failures = iter([OSError(28, "No space left on device")])

    def full_once(snapshot: Any) -> bool:
        for error in failures:
            raise error
        return original(snapshot)

    server.snapshots.publish = full_once  # type: ignore[method-assign]
    machine.turns(server, seconds=5)
    server.log("tool_event", TOOL, project="/w")
    machine.turns(server, seconds=5)
    fresh = machine.server()
    assert fresh.context(project="/w")["context"]["activity_counts"] == {"tool_event": 2}


def test_a_disk_that_takes_no_context_keeps_nobody_from_shipping_and_deleting(machine: Machine) -> None:
    """Else a disk that the queue itself has filled would stay full for ever."""
    server = machine.server()
    original = server.snapshots.publish

    def full(snapshot: Any) -> bool:
        raise OSError(28, "No space left on device")

    server.snapshots.publish = full  # type: ignore[method-assign]
    for _ in range(3):
        server.log("tool_event", TOOL)
        machine.clock.advance(4000)  # a new segment by age
        machine.turns(server, seconds=3)
    assert machine.names().count("tool_event") == 3
    assert len(list(Path(server.queue.directory, "seg").iterdir())) == 1
    assert server.leader is not None
    assert "No space left" in str(server.leader.last_error)
    server.snapshots.publish = original  # type: ignore[method-assign]
    server.log("tool_event", TOOL)
    machine.turns(server, seconds=3)
    assert server.leader.last_error is None
    assert machine.server().context()["context"]["activity_counts"]["tool_event"] == 4


def test_a_context_asked_for_all_the_time_never_goes_stale(machine: Machine) -> None:
    one, other = machine.server(), machine.server()
    machine.turns(one, other)
    one.log("tool_event", TOOL, project="/w")
    machine.turns(one, other)
    other.context(project="/w")
    machine.turns(one, other, seconds=2)
    answers = set()
    for _ in range(90):  # a quarter of an hour: the leader forgets after ten minutes whom nobody asks for
        machine.turns(one, other, seconds=10)
        answers.add(other.context(project="/w")["freshness"])
    assert answers == {"fresh"}


def test_a_name_longer_than_any_that_is_recorded_is_refused(machine: Machine) -> None:
    with pytest.raises(InvalidInput, match="customer has 4000000 characters"):
        machine.server().context(customer="c" * 4_000_000)


def test_a_first_miss_is_worth_waiting_for_once(machine: Machine) -> None:
    server = machine.server()
    assert server.context_expected("bob@example.com", None)
    assert not server.context_expected("bob@example.com", None)


def test_an_idle_machine_keeps_the_active_contexts_verified(machine: Machine) -> None:
    server = machine.server()
    server.log("tool_event", TOOL)
    machine.turns(server, seconds=120)
    assert server.context()["freshness"] == "fresh"


def test_a_context_nobody_has_asked_for_is_answered_empty_first_and_known_to_be_empty_then(machine: Machine) -> None:
    server = machine.server()
    machine.turns(server)
    first = server.context(customer="bob@example.com")
    assert (first["freshness"], first["source"], first["as_of"]) == ("missing", "none", None)
    assert "refresh" in first["reason"]
    machine.turns(server, seconds=0.4)
    second = server.context(customer="bob@example.com")
    assert (second["freshness"], second["context"].get("recent_sessions", [])) == ("fresh", [])


@pytest.mark.parametrize("place", ["in a flush", "between two"])
def test_an_error_nobody_foresaw_ends_a_turn_and_not_the_thread(machine: Machine, place: str) -> None:
    server = machine.server()

    def broken(*arguments: Any) -> None:
        raise RuntimeError("a bug")

    owner, name = (machine.warehouse, "append") if place == "in a flush" else (server.refresher, "due")
    original = getattr(owner, name)
    setattr(owner, name, broken)
    server.log("tool_event", TOOL)
    server.start()
    until(lambda: any(isinstance(error, RuntimeError) for error in machine.errors))
    setattr(owner, name, original)

    def advanced() -> bool:
        machine.clock.advance(1)
        return True

    server.log("tool_event", TOOL)
    until(lambda: advanced() and machine.names().count("tool_event") == 2)
