"""Pressure: the queue fills up or the warehouse takes nothing. It is reported once when it begins and once when it ends, and nothing
that was acknowledged is lost or cut.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from activity_mcp.__main__ import run
from activity_mcp.errors import QueueFull
from activity_mcp.recording.answers import LoggedEvent
from activity_mcp.service import ActivityService
from machines import Machine

TOOL = {"tool_name": "Bash", "success": True}
SMALL = {"MAX_QUEUE_SIZE": "65536"}


def fill(server: ActivityService, size: int = 3000) -> tuple[list[LoggedEvent], int]:
    """Log until the queue refuses three times running: the answers, and how many were refused."""
    answers: list[LoggedEvent] = []
    refused = running = 0
    while running < 3:
        try:
            answers.append(server.log("tool_event", {**TOOL, "note": "x" * size, "number": len(answers)}))
            running = 0
        except QueueFull:
            refused, running = refused + 1, running + 1
    return answers, refused


def test_answers_say_degraded_exactly_for_the_events_that_were_cut(machine: Machine) -> None:
    server = machine.server(**SMALL)
    machine.warehouse.down = True
    answers, refused = fill(server)
    machine.warehouse.down = False
    machine.turns(server, seconds=40)
    cut = {
        row.activity_id: "_truncated" in row.feature_json for row in machine.warehouse.rows if row.event_name == "tool_event"
    }
    assert cut == {answer["activity_id"]: answer["degraded"] for answer in answers}
    assert (refused, True in cut.values(), False in cut.values()) == (3, True, True)
    sizes = [json.loads(row.feature_json) for row in machine.warehouse.rows if cut.get(row.activity_id)]
    assert all(features["_original_size"] > 3000 for features in sizes)


def test_an_event_that_is_cut_so_that_the_queue_stays_below_the_mark_says_so_too(machine: Machine) -> None:
    server = machine.server(**SMALL)
    while server.writer.uncommitted_bytes() < 0.8 * 65536 - 4000:
        assert not server.log("tool_event", {**TOOL, "note": "x" * 900})["degraded"]
    answer = server.log("tool_event", {**TOOL, "note": "x" * 9000})
    assert server.writer.pressure() == "ok"
    machine.turns(server)
    (cut,) = [json.loads(row.feature_json) for row in machine.warehouse.rows if "_truncated" in row.feature_json]
    assert (answer["degraded"], cut["_original_size"] > 9000) == (True, True)


def test_what_was_refused_is_counted_exactly_seen_in_status_and_reported_once(machine: Machine) -> None:
    server, other = machine.server(**SMALL), machine.server(**SMALL)
    machine.warehouse.down = True
    machine.turns(server, other)
    answers, refused = fill(server)
    for _ in range(4):
        with pytest.raises(QueueFull):
            other.log("tool_event", {**TOOL, "note": "x" * 3000})
    machine.turns(server, other, seconds=10)
    server.record_call("get_context", 0.5, success=True)  # the server's own calls wait: they are not among the refused
    machine.turns(server, other, seconds=10)
    queue = other.status()["queue"]
    assert (queue["refused"], queue["pressure"], queue["depth_events"] >= len(answers)) == (refused + 4, "degraded", True)
    machine.warehouse.down = False
    machine.turns(server, other, seconds=40)
    (reported,) = machine.reported("queue_refused")
    assert reported["metrics"] == {"refused": refused + 4}
    assert machine.ids() == [answer["activity_id"] for answer in answers]
    assert other.status()["queue"]["refused"] == refused + 4


def test_a_queue_that_fills_up_and_empties_is_reported_once_each_time(machine: Machine) -> None:
    server = machine.server(**SMALL)
    machine.turns(server)
    for _ in range(2):
        machine.warehouse.down = True
        fill(server, size=900)  # too short to be cut: it is full to the last byte
        machine.turns(server, seconds=20)
        assert server.status()["degraded"]
        machine.warehouse.down = False
        machine.turns(server, seconds=40)
        assert not server.status()["degraded"]
    actions = [found["action_taken"] for found in machine.reported("queue_degraded")]
    assert actions == ["new_events_cut", "back_to_normal"] * 2


def test_news_that_the_full_queue_had_no_room_for_come_later_with_the_time_of_the_fact(machine: Machine) -> None:
    server = machine.server(**SMALL)
    machine.turns(server)
    machine.warehouse.down = True
    fill(server, size=10)
    machine.turns(server, seconds=150)  # the stall begins while there is no room to say so
    assert server.status()["leader"]["backpressure"]
    machine.turns(server, seconds=100)
    machine.warehouse.down = False
    machine.turns(server, seconds=60)
    entered, left = machine.reported("backpressure")
    assert (entered["action_taken"], left["action_taken"]) == ("larger_batches_and_backoff", "back_to_normal")
    times = {json.loads(row.feature_json).get("action_taken"): row.ts for row in machine.warehouse.rows}
    assert times["larger_batches_and_backoff"] < "2027-01-15T08:03" < times["back_to_normal"]
    assert server.status()["queue"]["refused"] == 3  # the server's own attempts to tell are none of them


def test_a_stall_that_outlives_its_leader_is_reported_once_and_its_end_by_the_next_one(machine: Machine) -> None:
    one = machine.server()
    machine.warehouse.down = True
    one.log("tool_event", TOOL)
    machine.turns(one, seconds=200)
    machine.kill(one)
    other = machine.server()
    machine.turns(other, seconds=200)
    assert other.status()["leader"]["backpressure"]
    machine.warehouse.down = False
    machine.turns(other, seconds=60)
    actions = [found["action_taken"] for found in machine.reported("backpressure")]
    assert actions == ["larger_batches_and_backoff", "back_to_normal"]
    assert not other.status()["leader"]["backpressure"]


def test_a_command_that_leads_in_between_does_not_forget_the_stall(machine: Machine) -> None:
    one = machine.server()
    machine.warehouse.down = True
    one.log("tool_event", TOOL)
    machine.turns(one, seconds=200)
    machine.kill(one)
    command = machine.server()
    assert command.lease.try_acquire()
    command.lease.release()
    other = machine.server()
    machine.warehouse.down = False
    machine.turns(other, seconds=60)
    assert [found["action_taken"] for found in machine.reported("backpressure")][-1] == "back_to_normal"


def test_a_first_failure_after_an_idle_hour_is_no_stall(machine: Machine) -> None:
    server = machine.server()
    server.log("tool_event", TOOL)
    machine.turns(server)
    machine.turns(server, seconds=20)
    machine.clock.advance(3600)
    machine.turns(server)
    machine.warehouse.down = True
    server.log("tool_event", TOOL)
    machine.turns(server, seconds=60)
    machine.warehouse.down = False
    machine.turns(server, seconds=40)
    assert machine.reported("backpressure") == []


def test_the_servers_own_calls_that_rest_for_a_minute_are_no_stall(machine: Machine) -> None:
    server = machine.server(BACKPRESSURE_THRESHOLD="5000")
    machine.turns(server)
    server.record_call("get_context", 0.5, success=True)
    machine.turns(server, seconds=70)
    assert machine.reported("backpressure") == []


def test_refusals_are_reported_by_a_flush_when_no_server_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    environ = {"HOME": str(tmp_path), "ACTIVITY_HOME": str(tmp_path), "ACTIVITY_CUSTOMER": "ada@x.org", **SMALL}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    service = ActivityService.from_environ(source="cli")
    answers, refused = fill(service)
    assert (
        run(["log", "tool_event", "--feature", "tool_name=Bash", "--feature", "success=true", "--feature", f"n={'x' * 999}"])
        == 3
    )
    service.close()
    assert run(["flush"]) == 0
    assert f"flushed {len(answers) + 1} events" in capfd.readouterr().err
    sql = "SELECT feature_json FROM CLAUDE_STREAM_V2 WHERE activity = 'raised_queue_refused'"
    assert run(["query", sql, "--json"]) == 0
    ((features,),) = json.loads(capfd.readouterr().out)["rows"]
    assert json.loads(features)["metrics"] == {"refused": refused + 1}
