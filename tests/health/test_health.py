"""Health: one judgement for everybody, and one event for each change of it, whichever server leads."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from activity_mcp.errors import DiskFull
from activity_mcp.fs import LOCAL
from activity_mcp.health import assessment
from activity_mcp.health.assessment import worst
from activity_mcp.health.check import Status
from activity_mcp.operations.doctor import examine
from activity_mcp.queue import seal_segment
from machines import Machine
from patience import until

TOOL = {"tool_name": "Bash", "success": True}


def changes(machine: Machine) -> list[tuple[str, str]]:
    return [(event["reason"], event["severity"]) for event in machine.reported("health_changed")]


def test_the_worst_check_is_the_health_of_the_whole() -> None:
    found: tuple[list[Status], ...] = ([], ["ok"], ["warn", "ok"], ["ok", "fail", "warn"])
    assert [worst(statuses) for statuses in found] == ["ok", "ok", "warn", "fail"]


def test_a_warehouse_that_goes_away_and_comes_back_is_reported_twice_and_not_more(machine: Machine) -> None:
    server = machine.server()
    machine.turns(server, seconds=6)
    machine.warehouse.down = True
    server.log("tool_event", TOOL)
    machine.turns(server, seconds=12)
    assert (server.status()["health"], server.status()["checks"]["warehouse"]) == ("fail", "fail")
    machine.warehouse.down = False
    machine.turns(server, seconds=60)
    assert server.status()["health"] == "ok"
    assert changes(machine) == [("warehouse was ok, is fail", "error"), ("warehouse was fail, is ok", "info")]


def test_a_change_is_reported_once_though_the_leader_dies_between(machine: Machine) -> None:
    first, second = machine.server(), machine.server()
    machine.warehouse.down = True
    first.log("tool_event", TOOL)
    machine.turns(first, second, seconds=12)
    machine.kill(first)
    machine.turns(second, seconds=12)
    machine.warehouse.down = False
    machine.turns(second, seconds=60)
    assert changes(machine) == [("warehouse was ok, is fail", "error"), ("warehouse was fail, is ok", "info")]


def test_a_leader_that_hangs_is_reported_by_those_who_stand_ready_and_under_one_id(machine: Machine) -> None:
    leader, *others = machine.server(), machine.server(), machine.server()
    machine.turns(leader, seconds=6)
    machine.turns(*others, seconds=25)  # the leader takes no turn any more
    machine.turns(leader, *others, seconds=12)
    reported = [
        (row.activity_id, json.loads(row.feature_json)) for row in machine.warehouse.rows if row.event_name == "system_event"
    ]
    hung = {activity_id for activity_id, event in reported if event.get("reason") == "leader was ok, is fail"}
    well = {activity_id for activity_id, event in reported if event.get("reason") == "leader was fail, is ok"}
    assert (len(hung), len(well)) == (1, 1)


def test_what_was_refused_and_never_reported_is_no_good_health(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    command = machine.server()
    monkeypatch.setattr(command.writer, "pressure", lambda more=0: "ok")
    monkeypatch.setattr(LOCAL, "write", lambda fd, data: 0)
    with pytest.raises(DiskFull):
        command.log("tool_event", TOOL)
    monkeypatch.undo()
    document = command.status()
    assert (document["health"], document["checks"]["queue"], document["queue"]["refused_unreported"]) == ("warn", "warn", 1)
    machine.turns(command, seconds=6)
    assert (command.status()["health"], command.status()["queue"]["refused_unreported"]) == ("ok", 0)


def test_a_strangers_file_among_the_segments_is_said(machine: Machine) -> None:
    server = machine.server()
    machine.turns(server, seconds=6)
    Path(server.queue.directory, "seg", "999999999999.ndjson").write_bytes(b"x")
    document = server.status()
    assert document["checks"]["segments"] == "warn"
    assert any("999999999999.ndjson" in problem for problem in document["problems"])


@pytest.mark.parametrize("kind", ["pipe", "directory"])
def test_what_is_no_file_among_the_segments_is_said_once_and_holds_nothing_up(machine: Machine, kind: str) -> None:
    server = machine.server()
    machine.turns(server, seconds=6)
    make: dict[str, Callable[[Path], object]] = {"pipe": os.mkfifo, "directory": Path.mkdir}
    make[kind](Path(server.queue.directory, "seg", f"{2:012d}.ndjson"))
    document = server.status()
    assert document["checks"]["segments"] == "warn"
    assert any("000000000002.ndjson" in problem for problem in document["problems"])
    seal_segment(server.queue.directory, 1)  # the next segment would be in the place that is taken
    server.log("tool_event", TOOL)
    machine.turns(server, seconds=30)
    assert [name for name, _ in changes(machine) if name.startswith("segments")] == ["segments was ok, is warn"]
    assert "tool_event" in [row.event_name for row in machine.warehouse.rows]


def test_a_sync_that_the_disk_refuses_behind_the_callers_back_is_reported_by_the_server_whose_it_is(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, other = machine.server(ACTIVITY_DURABILITY="interval:1"), machine.server()
    machine.turns(server, other, seconds=6)

    def refuses(fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(LOCAL, "sync", refuses)
        assert server.log("tool_event", TOOL)["durable"] is False
        until(lambda: server.writer.sync_failures)
    machine.turns(server, other, seconds=12)
    queue, status = server.status()["queue"], server.status()
    assert (queue["own_sync_failures"], status["health"], status["checks"]["syncs"]) == (1, "fail", "fail")
    assert other.status()["checks"]["syncs"] == "ok"
    (reported,) = machine.reported("sync_failed")
    assert (reported["severity"], reported["metrics"]) == ("error", {"failed": 1})
    assert changes(machine) == []


def test_what_cannot_be_judged_does_not_keep_events_from_being_shipped(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = machine.server()

    def fails() -> None:
        raise PermissionError(13, "not yours")

    monkeypatch.setattr(server.status_reader, "read", fails)
    server.log("tool_event", TOOL)
    machine.turns(server, seconds=8)
    assert machine.names() == ["tool_event"]
    assert [type(error) for error in machine.errors] == [PermissionError]


def test_a_note_of_a_newer_version_is_left_alone(machine: Machine) -> None:
    server = machine.server()
    note = Path(server.queue.directory) / "health.json"
    note.write_text('{"version": 99}')
    machine.warehouse.down = True
    server.log("tool_event", TOOL)
    machine.turns(server, seconds=12)
    assert note.read_text() == '{"version": 99}'


def test_status_and_doctor_tell_the_same(machine: Machine) -> None:
    server = machine.server()
    server.log("tool_event", TOOL)
    document = server.status()
    environ = {"ACTIVITY_HOME": str(machine.home), "ACTIVITY_CUSTOMER": "ada@example.com", "HOME": str(machine.home)}
    doctors = {check.name: check.status for check in examine(environ)}
    assert {name: doctors[name] for name in document["checks"]} == document["checks"]
    assert document["problems"] == [check.describe() for check in assessment.of_document(document) if check.status != "ok"]
