"""The whole of it with SNOW_CONNECTION set: recorded, shipped, worked out there, read back; and reported where it does not work."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.__main__ import run
from activity_mcp.service import ActivityService
from activity_mcp.warehouse.snowflake.connection import NamedConnection
from fakes import FakeClock
from patience import until
from server.wire import RawClient
from standins.started import StandIn

TOOL = {"tool_name": "Bash", "success": True, "latency_ms": 3}
Name = Callable[..., None]


@pytest.fixture
def name(snowflake: StandIn, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Name:
    """Make SNOW_CONNECTION=test mean the stand-in with these parameters."""
    for variable in [known for known in os.environ if known.startswith(("ACTIVITY_", "CLAUDE_"))]:
        monkeypatch.delenv(variable)
    for variable, value in (("HOME", tmp_path), ("ACTIVITY_HOME", tmp_path / "state")):
        monkeypatch.setenv(variable, str(value))
    monkeypatch.setenv("ACTIVITY_CUSTOMER", "ada@example.com")
    monkeypatch.setenv("SNOW_CONNECTION", "test")

    def name(**overrides: Any) -> None:
        named = NamedConnection("test", snowflake.parameters(database, **overrides))
        monkeypatch.setattr("activity_mcp.warehouse.snowflake.connection.read_connection", lambda _: named)

    name()
    return name


@pytest.fixture
def service(name: Name, snowflake: StandIn) -> Iterator[tuple[ActivityService, FakeClock]]:
    clock = FakeClock(time_us=time.time_ns() // 1000, monotonic=time.monotonic())
    made = ActivityService.from_environ(clock=clock)
    made.prepare_leader()
    yield made, clock
    made.close()


def turns(service: ActivityService, clock: FakeClock, seconds: float) -> None:
    assert service.leader is not None
    for _ in range(round(seconds / 0.2)):
        service.leader.turn()
        clock.advance(0.2)


def test_an_event_goes_there_and_comes_back_as_context(
    service: tuple[ActivityService, FakeClock], snowflake: StandIn, database: str
) -> None:
    recorder, clock = service
    logged = recorder.log("tool_event", TOOL, project="/w")
    turns(recorder, clock, 2)
    assert [row["ACTIVITY_ID"] for row in snowflake.rows(database)] == [logged["activity_id"]]
    recorder.context(project="/w")
    turns(recorder, clock, 8)
    answer = recorder.context(project="/w")
    assert (answer["freshness"], answer["pending_local"]) == ("fresh", 0)
    assert [scope for scope in snowflake.statements() if "context_blob" in scope]
    assert answer["context"]["activity_counts"] == {"tool_event": 1}


def test_status_reports_a_task_that_snowflake_suspended_and_asks_for_it_every_ten_minutes_at_most(
    service: tuple[ActivityService, FakeClock], snowflake: StandIn
) -> None:
    recorder, clock = service
    assert recorder.status()["tasks"] is None
    recorder.log("tool_event", TOOL)
    turns(recorder, clock, 8)
    seen = recorder.status()
    assert seen["tasks"] is not None
    assert (seen["checks"]["tasks"], len(seen["tasks"]["tasks"])) == ("ok", 2)
    snowflake.arm("tasks")
    recorder.log("tool_event", TOOL)
    turns(recorder, clock, 8)
    assert recorder.status()["checks"]["tasks"] == "ok"
    clock.advance(600)
    recorder.log("tool_event", TOOL)
    turns(recorder, clock, 8)
    (problem,) = [text for text in recorder.status()["problems"] if "REFRESH_CONTEXT_TASK" in text]
    assert "Snowflake suspended REFRESH_CONTEXT_TASK after failures" in problem
    assert "RESUME_TASKS" in problem


def test_an_event_stays_in_the_answer_while_the_warehouse_still_works_on_it(
    service: tuple[ActivityService, FakeClock],
) -> None:
    """Its segment is kept after the commit, for the context there lags behind."""
    recorder, clock = service
    recorder.context()
    for _ in range(3):
        recorder.log("tool_event", TOOL)
        turns(recorder, clock, 2)
    assert recorder.context()["context"]["activity_counts"] == {"tool_event": 3}


def test_nobody_is_asked_while_nobody_is_there(service: tuple[ActivityService, FakeClock], snowflake: StandIn) -> None:
    recorder, clock = service
    before = len(snowflake.statements())
    turns(recorder, clock, 120)
    assert snowflake.statements()[before:] == []


def test_rows_that_were_left_out_turn_status_red(
    service: tuple[ActivityService, FakeClock], capsys: pytest.CaptureFixture[str]
) -> None:
    recorder, clock = service
    recorder.log("tool_event", TOOL | {"reject_me": True})
    turns(recorder, clock, 4)
    document = recorder.status()
    assert document["warehouse"]["rejected"] == 1
    assert [line for line in document["problems"] if "ERROR_TABLE" in line and "1 events" in line]


# --- commands


def test_flush_and_query_work_from_a_terminal(name: Name, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["log", "tool_event", "--feature", "tool_name=Bash", "--feature", "success=true"]) == 0
    assert run(["flush", "--timeout", "20"]) == 0
    capsys.readouterr()
    assert run(["query", "SELECT activity, tool_name FROM VW_TOOL_EVENTS", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == [["used_tool", "Bash"]]


@pytest.mark.parametrize(
    ("overrides", "reported"),
    [
        ({"private_key_file": None, "password": "wrong"}, "Incorrect username or password"),
        ({"private_key_file": "/nowhere"}, "private_key_file"),
        ({"user": None}, "has no user"),
    ],
)
def test_flush_says_what_is_missing_and_exits_with_4(
    name: Name, overrides: dict[str, Any], reported: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name(**overrides)
    assert run(["log", "tool_event", "--feature", "tool_name=Bash", "--feature", "success=true"]) == 0
    capsys.readouterr()
    assert run(["flush", "--timeout", "1"]) == 4
    said = capsys.readouterr().err
    assert reported in said
    assert "the queue holds it" in said


def test_a_password_drains_the_queue_as_a_key_does(name: Name, capsys: pytest.CaptureFixture[str]) -> None:
    name(private_key_file=None, password="right")
    assert run(["log", "tool_event", "--feature", "tool_name=Bash", "--feature", "success=true"]) == 0
    assert run(["flush", "--timeout", "20"]) == 0
    capsys.readouterr()
    assert run(["query", "SELECT activity, tool_name FROM VW_TOOL_EVENTS", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == [["used_tool", "Bash"]]


def test_who_may_write_and_not_read_has_flushed(
    name: Name, snowflake: StandIn, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 4 would say that the queue holds what is in the warehouse."""
    assert run(["log", "tool_event", "--feature", "tool_name=Bash", "--feature", "success=true"]) == 0
    session = snowflake.connection(database).connect()
    session.cursor().execute("ALTER TABLE CONTEXT_CACHE RENAME TO HIDDEN")
    session.close()
    capsys.readouterr()
    assert run(["flush", "--timeout", "20"]) == 0
    said = capsys.readouterr().err
    assert "flushed 1 events" in said
    assert "the contexts were not renewed" in said
    assert len(snowflake.rows(database)) == 1


MONITORING = (
    "CREATE OR REPLACE VIEW V_TASK_MONITORING AS "
    "SELECT 'REFRESH_CONTEXT_TASK' AS task_name, '{health}' AS health, {error} AS last_error"
)


@pytest.mark.parametrize(
    ("statement", "status", "reported"),
    [
        (MONITORING.format(health="failing", error="'numeric value'"), "fail", "REFRESH_CONTEXT_TASK (numeric value)"),
        (MONITORING.format(health="unsteady", error="NULL"), "warn", "unsteady"),
        ("CREATE OR REPLACE VIEW V_STREAM_LAG AS SELECT 7 AS waiting_rows, 3600000 AS lag_ms", "fail", "7 rows have waited for 60"),
        ("DROP VIEW V_TASK_MONITORING", "warn", "cannot be seen"),
    ],
)  # fmt: skip
def test_doctor_sees_tasks_that_fail_or_rest_while_rows_wait(
    name: Name,
    snowflake: StandIn,
    database: str,
    statement: str,
    status: str,
    reported: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    session = snowflake.connection(database).connect()
    session.cursor().execute(statement)
    session.close()
    _, checks = examined(capsys)
    assert (checks["tasks"]["status"], reported in checks["tasks"]["found"]) == (status, True)


def test_doctor_finds_a_line_that_is_stored_twice(
    name: Name, snowflake: StandIn, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["log", "tool_event", "--feature", "tool_name=Bash", "--feature", "success=true"]) == 0
    assert run(["flush", "--timeout", "20"]) == 0
    session = snowflake.connection(database).connect()
    session.cursor().execute("INSERT INTO CLAUDE_STREAM_V2 SELECT * FROM CLAUDE_STREAM_V2")
    session.close()
    _, checks = examined(capsys)
    assert (checks["stored twice"]["status"], "REMOVE_DOUBLED_ROWS" in checks["stored twice"]["hint"]) == ("fail", True)


def examined(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, dict[str, str]]]:
    capsys.readouterr()
    code = run(["doctor", "--json"])
    return code, {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}


def test_doctor_finds_a_connection_that_works(name: Name, capsys: pytest.CaptureFixture[str]) -> None:
    _, checks = examined(capsys)
    ours = ("connection", "writer", "reader", "clock", "stream", "layout", "tasks", "stored twice")
    assert {name: checks[name]["status"] for name in ours} == dict.fromkeys(ours, "ok")


@pytest.mark.parametrize(
    ("statement", "check", "reported"),
    [
        ("ALTER TABLE CLAUDE_STREAM_V2 RENAME TO ELSEWHERE", "stream", "cannot be read"),
        ("CREATE OR REPLACE TABLE CLAUDE_STREAM_V2 AS SELECT 1 AS activity_id", "stream", "another shape, without ts"),
        ("INSERT INTO ACTIVITY_SCHEMA_VERSION VALUES (99, 'future', '2026-01-01')", "layout", "layout 99"),
    ],
)
def test_doctor_finds_tables_that_are_not_ours(
    name: Name, snowflake: StandIn, database: str, statement: str, check: str, reported: str, capsys: pytest.CaptureFixture[str]
) -> None:
    session = snowflake.connection(database).connect()
    for view in ("VW_ACTIVITY_STREAM", "V_CHANNELS"):
        session.cursor().execute(f"DROP VIEW IF EXISTS {view}")
    session.cursor().execute(statement)
    session.close()
    code, checks = examined(capsys)
    assert code == 5
    assert checks[check]["status"] == "fail"
    assert reported in checks[check]["found"]
    assert checks[check]["hint"]


def test_doctor_finds_a_clock_that_is_off(name: Name, snowflake: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    snowflake.arm("clock", by=300, times=None)
    code, checks = examined(capsys)
    assert code == 5
    assert (checks["clock"]["status"], checks["clock"]["found"]) == ("fail", "this machine's clock is -300 s off Snowflake's")


def test_doctor_says_that_a_password_writes_at_the_price_of_a_warehouse(name: Name, capsys: pytest.CaptureFixture[str]) -> None:
    name(private_key_file=None, password="right")
    _, checks = examined(capsys)
    assert {part: checks[part]["status"] for part in ("writer", "reader")} == {"writer": "ok", "reader": "ok"}
    assert "needs a running warehouse" in checks["writer"]["found"]
    name(private_key_file=None, password="wrong")
    assert examined(capsys)[1]["reader"]["status"] == "fail"


# --- a server


def test_a_server_that_ships_with_the_genuine_sdk_says_nothing_on_stdout_but_the_protocol(
    snowflake: StandIn, database: str, tmp_path: Path
) -> None:
    environ = snowflake.environ(tmp_path / "snow", database) | {
        "ACTIVITY_HOME": str(tmp_path / "state"),
        "ACTIVITY_CUSTOMER": "ada@example.com",
        "SS_LOG_TARGET": "stdout",  # even where somebody asks for it
        "SS_LOG_LEVEL": "info",
        "HOME": str(tmp_path),
    }
    with RawClient([sys.executable, "-m", "activity_mcp", "serve"], environ) as client:
        client.initialize()
        client.call(1, "log_event", event_name="tool_event", feature_json=TOOL)
        logged = client.receive()["result"]["structuredContent"]

        def has_shipped() -> bool:
            client.request(2, "ping")
            client.receive()
            return bool(snowflake.rows(database))

        until(has_shipped)
        client.close_input()
        code, stderr, left, _ = client.leave()
    assert [row["ACTIVITY_ID"] for row in snowflake.rows(database)][:1] == [logged["activity_id"]]
    assert (code, left) == (0, b"")
    assert "core::" in stderr  # the SDK did log
