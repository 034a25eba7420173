"""``activity-mcp serve`` as Claude Code runs it: the real service over real pipes, on a state directory of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployed import put_warehouse
from patience import PATIENCE_S, takes_less_than
from server.wire import ENVIRON, INITIALIZE, PATIENT, RawClient

SERVE = [sys.executable, "-m", "activity_mcp", "serve"]
TOOL_EVENT = {"tool_name": "Bash", "success": False, "error": "exit 1", "parameters": {"command": "make test"}}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    put_warehouse(tmp_path / "home")
    return {
        "ACTIVITY_HOME": str(tmp_path / "home"),
        "ACTIVITY_CUSTOMER": "me@example.com",
        "CLAUDE_PROJECT_DIR": str(project),
        "CLAUDE_CODE_SESSION_ID": "session-1",
    }


@pytest.fixture
def client(environ: dict[str, str]) -> Iterator[RawClient]:
    with RawClient(SERVE, environ) as client:
        client.initialize()
        yield client


def queued(environ: dict[str, str]) -> list[dict[str, Any]]:
    """Every event in the queue's segments, read as anyone would: as lines of JSON."""
    segments = sorted(Path(environ["ACTIVITY_HOME"]).glob("queue/*/seg/*.ndjson"))
    lines = [json.loads(line) for path in segments for line in path.read_text().splitlines()]
    return [line for line in lines if "activity_id" in line]


def answer(client: RawClient, request_id: int, tool: str, **arguments: Any) -> dict[str, Any]:
    client.call(request_id, tool, **arguments)
    result = client.receive()["result"]
    assert not result["isError"], result
    assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
    structured: dict[str, Any] = result["structuredContent"]
    return structured


def test_an_acknowledged_event_is_on_disk_though_the_server_is_killed_at_once(
    client: RawClient, environ: dict[str, str]
) -> None:
    accepted = answer(client, 1, "log_event", event_name="tool_event", feature_json=TOOL_EVENT, activity_id="kept")
    client.process.kill()
    assert accepted == {"activity_id": "kept", "accepted": True, "durable": True, "degraded": False}
    kept = [event for event in queued(environ) if event["event_name"] == "tool_event"]
    assert [(event["activity_id"], event["customer"], event["project"], event["session_id"]) for event in kept] == [
        ("kept", "me@example.com", environ["CLAUDE_PROJECT_DIR"], "session-1")
    ]


def test_what_was_just_logged_is_recalled_at_once(client: RawClient) -> None:
    answer(client, 1, "log_event", event_name="tool_event", feature_json=TOOL_EVENT)
    found = answer(client, 2, "get_context", max_bytes=4096)
    assert (found["customer"], found["context_type"]) == ("me@example.com", "default")
    assert "make test" in json.dumps(found["context"])
    assert len(json.dumps(found, separators=(",", ":")).encode()) <= 4096


def test_its_own_calls_are_recorded_when_it_is_asked_to_leave(environ: dict[str, str]) -> None:
    with RawClient([*PATIENT, "serve"], environ) as client:
        client.initialize()
        answer(client, 1, "get_context")
        client.process.terminate()
        assert client.leave()[:3] == (0, "", b"")
    calls = [event["feature_json"] for event in queued(environ) if event["event_name"] == "mcp_event"]
    assert [(call["method"], call["success"]) for call in calls] == [("get_context", True)]


@pytest.mark.timing
def test_it_leaves_within_a_second_when_it_is_asked_to(environ: dict[str, str]) -> None:
    def leave() -> float:
        with RawClient(SERVE, environ) as client:
            client.initialize()
            answer(client, 1, "get_context")
            code, errors, left, took = client.leave(client.process.terminate)
        assert (code, errors, left) == (0, "", b"")
        return took

    assert takes_less_than(1, leave)


def piped(environ: dict[str, str], messages: list[dict[str, Any]]) -> dict[Any, Any]:
    """The answers to requests that all come before the server has started."""
    text = "".join(json.dumps(message) + "\n" for message in messages)
    done = subprocess.run(
        [*PATIENT, "serve"],
        input=text,
        env={**ENVIRON, **environ},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    return {line["id"]: line for line in map(json.loads, done.stdout.splitlines())}


def test_requests_piped_into_it_are_all_answered(environ: dict[str, str]) -> None:
    messages: list[dict[str, Any]] = [
        {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": INITIALIZE},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "log_event", "arguments": {
            "event_name": "tool_event", "feature_json": TOOL_EVENT, "activity_id": "piped"}}},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "get_context"}},
    ]  # fmt: skip
    answers = piped(environ, messages)
    assert sorted(answers) == [0, 1, 2]
    assert answers[1]["result"]["structuredContent"]["activity_id"] == "piped"
    assert not answers[2]["result"]["isError"]


_MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "claude-code", "version": "2.1.332"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


@pytest.mark.parametrize("meta", [{}, _MODERN], ids=["2025-11-25", "2026-07-28"])
def test_a_recorded_call_names_the_tool_use_of_the_transcript(environ: dict[str, str], meta: dict[str, Any]) -> None:
    greeting: list[dict[str, Any]] = [
        {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": INITIALIZE},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
    ]
    if meta:
        greeting = [{"jsonrpc": "2.0", "id": "server-discover-probe-1", "method": "server/discover", "params": {"_meta": meta}}]
    named = {"name": "get_context", "_meta": meta | {"claudecode/toolUseId": "toolu_1", "progressToken": 2}}
    unnamed = {"name": "health", "arguments": {}, "_meta": meta}
    calls = [
        {"jsonrpc": "2.0", "id": at, "method": "tools/call", "params": call} for at, call in enumerate((named, unnamed), 1)
    ]
    piped(environ, [*greeting, *calls])
    recorded = [event["feature_json"] for event in queued(environ) if event["event_name"] == "mcp_event"]
    assert {call["method"]: call.get("tool_use_id") for call in recorded} == {"get_context": "toolu_1", "health": None}


def test_nothing_heavy_is_imported_before_the_first_answer(environ: dict[str, str]) -> None:
    script = """
import os, sys
from activity_mcp.server.run import lean_start
with lean_start():
    from activity_mcp.server.app import build_server
    from activity_mcp.service import ActivityService
    service = ActivityService.from_environ()
    build_server(service)
heavy = ("duckdb", "snowflake", "jsonschema", "rich", "sqlglot", "pandas", "numpy")
print([name for name in heavy if name in sys.modules], os.path.exists(service.config.queue_root))
"""
    command = [sys.executable, "-c", script]
    assert (
        subprocess.run(command, env={**ENVIRON, **environ}, capture_output=True, text=True, check=True).stdout == "[] False\n"
    )


def test_a_bad_variable_is_named_and_nothing_is_served(environ: dict[str, str]) -> None:
    done = subprocess.run(
        SERVE,
        env={**ENVIRON, **environ, "ACTIVITY_CONTEXT_TTL": "soon"},
        input=b"",
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"ACTIVITY_CONTEXT_TTL: 'soon' is not a positive number of seconds" in done.stderr
