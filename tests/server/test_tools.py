"""The tools through the SDK's own client in memory: what is published, what is answered, what is refused."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from mcp import Client

from activity_mcp import package_files
from activity_mcp.activity import EVENT_NAMES
from activity_mcp.errors import QueueBusy
from activity_mcp.server.app import INSTRUCTIONS, build_server
from activity_mcp.server.lanes import Lanes
from activity_mcp.server.logs import configure_logging
from patience import PATIENCE_S
from server.double import STATUS, FakeService, as_service

pytestmark = pytest.mark.anyio


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
async def client(service: FakeService) -> AsyncIterator[Client]:
    async with Client(build_server(as_service(service))) as client:
        yield client


@pytest.fixture
def logs() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    configure_logging("warning")
    yield
    root.handlers[:], root.level = before[0], before[1]


TOOL_EVENT = {"tool_name": "Bash", "success": True}


# --- what is published


async def test_every_tool_says_what_a_client_may_assume_and_two_are_always_loaded(client: Client) -> None:
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    hints = {
        name: (tool.title, tool.meta, tool.annotations and tool.annotations.model_dump(exclude_none=True))
        for name, tool in tools.items()
    }
    reads = {"read_only_hint": True, "destructive_hint": False, "idempotent_hint": True, "open_world_hint": False}
    writes = {"read_only_hint": False, "destructive_hint": False, "idempotent_hint": False, "open_world_hint": False}
    always = {"anthropic/alwaysLoad": True}
    assert {name: hints[name] for name in hints if name != "health"} == {
        "get_context": ("Get context", always, reads),
        "log_event": ("Log event", always, writes),
        "query": ("Query the record", None, reads),
        "record_insight": ("Record an insight", None, {**writes, "idempotent_hint": True}),
        "store_artifact": ("Store an artifact", None, {**writes, "idempotent_hint": True}),
        "refresh_context": ("Refresh the context", None, reads),
        "search": ("Search the record", None, reads),
    }


async def test_arguments_and_results_are_published_under_the_names_users_rely_on(client: Client) -> None:
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    arguments = {
        name: {key: value.get("type") for key, value in tool.input_schema["properties"].items()} for name, tool in tools.items()
    }
    assert {name: arguments[name] for name in arguments if name != "health"} == {
        "query": {"sql": "string", "max_rows": "integer"},
        "record_insight": {
            "subject": "string",
            "metric": "string",
            "value": None,
            "grain": "string",
            "confidence": "number",
            "artifact_id": "string",
            "query_id": "string",
            "valid_for_hours": "number",
            "customer": "string",
            "project": "string",
        },
        "store_artifact": {
            "artifact_type": "string",
            "rows": "array",
            "content": None,
            "query_id": "string",
            "expires_hours": "number",
            "project": "string",
        },
        "refresh_context": {"customer": "string", "project": "string"},
        "search": {
            "query": "string",
            "kind": "string",
            "project": "string",
            "since": "string",
            "until": "string",
            "limit": "integer",
        },
        "get_context": {
            "customer": "string",
            "context_type": "string",
            "project": "string",
            "focus": "string",
            "explain": "boolean",
            "max_bytes": "integer",
        },
        "log_event": {
            "event_name": "string",
            "feature_json": "object",
            "activity": "string",
            "customer": "string",
            "project": "string",
            "link": "string",
            "revenue_impact": "number",
            "activity_id": "string",
            "ts": "string",
        },
    }
    assert {name: tool.input_schema["required"] for name, tool in tools.items() if name != "health"} == {
        "get_context": [],
        "log_event": ["event_name", "feature_json"],
        "query": ["sql"],
        "record_insight": ["subject", "metric", "value"],
        "store_artifact": ["artifact_type"],
        "refresh_context": [],
        "search": ["query"],
    }
    assert tools["get_context"].input_schema["properties"]["max_bytes"]["minimum"] == 512
    assert tools["get_context"].input_schema["properties"]["context_type"]["enum"] == [
        "default",
        "executive",
        "analyst",
        "engineer",
    ]
    results = {name: set((tool.output_schema or {})["properties"]) for name, tool in tools.items()}
    assert {name: results[name] for name in results if name != "health"} == {
        "query": {
            "columns", "rows", "row_count", "truncated", "artifact_id", "query_id", "sql_sha256", "result_sha256", "dialect", "as_of",
            "elapsed_ms", "link", "expires_at",
        },
        "record_insight": {
            "insight_id", "provenance", "visible", "artifact_id", "query_id", "activity_id", "reason",
        },
        "store_artifact": {
            "artifact_id", "row_count", "sample_rows", "content_schema", "result_sha256", "link", "expires_at", "reason",
        },
        "refresh_context": {"as_of", "age_ms", "freshness", "refreshed", "reason"},
        "search": {"hits", "total", "truncated", "as_of", "notes"},
        "get_context": {
            "customer", "context_type", "project", "context", "as_of", "age_ms", "freshness", "reason", "source",
            "pending_local", "truncated",
        },
        "log_event": {"activity_id", "accepted", "durable", "degraded", "reason"},
    }  # fmt: skip


async def test_what_the_model_is_shown_fits_where_claude_code_cuts_it(client: Client) -> None:
    assert client.instructions == INSTRUCTIONS
    texts = [INSTRUCTIONS, *(tool.description or "" for tool in (await client.list_tools()).tools)]
    assert all(0 < len(text.encode()) < 2048 for text in texts)


async def test_the_description_of_log_event_names_every_field_its_schemas_require(client: Client) -> None:
    description = {tool.name: tool.description or "" for tool in (await client.list_tools()).tools}["log_event"]
    schemas = json.loads(package_files.read_bytes("schemas", "event_schemas.json"))["$defs"]
    lines = {line[2:].split(":")[0]: line for line in description.splitlines() if line.startswith("- ")}
    assert set(lines) == set(EVENT_NAMES)
    assert {name: [field for field in schemas[name]["required"] if field not in lines[name]] for name in EVENT_NAMES} == {
        name: [] for name in EVENT_NAMES
    }


# --- what is answered


async def test_get_context_gives_the_same_answer_as_structured_content_and_as_compact_text(client: Client) -> None:
    result = await client.call_tool("get_context", {})
    answer = {
        "customer": "me@example.com",
        "context_type": "default",
        "project": "*",
        "context": {"recent_sessions": [{"session_id": "s1", "asked": "why is it slow?"}]},
        "as_of": "2027-01-15T08:00:00.000000Z",
        "age_ms": 1500,
        "freshness": "fresh",
        "source": "memory",
        "pending_local": 0,
        "truncated": [],
    }
    assert not result.is_error
    assert result.structured_content == answer
    assert [content.model_dump(exclude_none=True) for content in result.content] == [
        {"type": "text", "text": json.dumps(answer, separators=(",", ":"))}
    ]


async def test_get_context_asks_for_what_it_was_asked(client: Client, service: FakeService) -> None:
    await client.call_tool("get_context", {})
    await client.call_tool("get_context", {"customer": "c", "context_type": "analyst", "project": "*", "max_bytes": 512})
    await client.call_tool("get_context", {"customer": None, "context_type": None, "max_bytes": 600.0})
    assert service.asked == [
        {"customer": None, "context_type": "default", "project": None, "max_bytes": 8192},
        {"customer": "c", "context_type": "analyst", "project": "*", "max_bytes": 512},
        {"customer": None, "context_type": "default", "project": None, "max_bytes": 600},
    ]


async def test_a_first_miss_waits_for_what_is_about_to_arrive(client: Client, service: FakeService) -> None:
    service.arrive_after = 2
    result = await client.call_tool("get_context", {})
    assert result.structured_content is not None
    assert (result.structured_content["freshness"], len(service.asked)) == ("fresh", 3)


async def test_a_first_miss_is_answered_as_missing_when_nothing_arrives(client: Client, service: FakeService) -> None:
    service.arrive_after = 1_000_000
    result = await client.call_tool("get_context", {})
    assert not result.is_error
    assert result.structured_content is not None
    assert (result.structured_content["freshness"], result.structured_content["context"]) == ("missing", {})
    assert len(service.asked) <= 7  # 20 ms in steps of 4


async def test_log_event_answers_once_the_event_is_recorded_whole(client: Client, service: FakeService) -> None:
    result = await client.call_tool(
        "log_event",
        {
            "event_name": "tool_event",
            "feature_json": TOOL_EVENT,
            "activity": "ran_backfill",
            "customer": "c",
            "project": "/p",
            "link": "https://example.com/1",
            "revenue_impact": -2,
            "activity_id": "my-id",
            "ts": "2026-01-21T06:19:38.048Z",
        },
    )
    assert result.structured_content == {"activity_id": "my-id", "accepted": True, "durable": True, "degraded": False}
    assert service.events == [
        {
            "activity_id": "my-id",
            "ts": "2026-01-21T06:19:38.048000Z",
            "customer": "c",
            "activity": "ran_backfill",
            "anonymous_customer_id": None,
            "feature_json": TOOL_EVENT,
            "revenue_impact": -2.0,
            "link": "https://example.com/1",
            "event_name": "tool_event",
            "session_id": None,
            "project": "/p",
            "org_id": None,
            "source": "mcp",
            "schema_version": "1",
        }
    ]


async def test_features_sent_as_json_text_are_read(client: Client, service: FakeService) -> None:
    result = await client.call_tool("log_event", {"event_name": "tool_event", "feature_json": json.dumps(TOOL_EVENT)})
    assert not result.is_error
    assert service.events[0]["feature_json"] == TOOL_EVENT


async def test_appends_share_one_thread_of_their_own(client: Client, service: FakeService) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(client.call_tool("log_event", {"event_name": "tool_event", "feature_json": TOOL_EVENT}))
    assert (service.threads, len(service.events)) == ({"activity-appends_0"}, 20)


def test_a_job_cancelled_before_its_turn_is_not_run() -> None:
    lanes, gate, done = Lanes(), threading.Event(), []
    first = lanes.submit("appends", lambda: gate.wait(PATIENCE_S))
    second = lanes.submit("appends", lambda: done.append("second"))
    assert second.cancel()
    gate.set()
    lanes.submit("appends", lambda: done.append("third")).result(PATIENCE_S)
    assert (first.result(PATIENCE_S), done) == (True, ["third"])


# --- what is refused

REFUSED = [
    (
        "get_context",
        {"custmer": "c", "limit": 3},
        "unknown argument 'custmer'; unknown argument 'limit'. its arguments are customer, context_type, project, focus, explain, max_bytes",
    ),
    ("get_context", {"context_type": "all"}, "context_type must be one of default, executive, analyst, engineer, not 'all'"),
    ("get_context", {"max_bytes": 511}, "max_bytes must be at least 512, not 511"),
    ("get_context", {"max_bytes": "8192"}, "max_bytes must be an integer, not a string"),
    ("get_context", {"max_bytes": True}, "max_bytes must be an integer, not a boolean"),
    ("get_context", {"max_bytes": 600.5}, "max_bytes must be an integer, not a number"),
    ("get_context", {"customer": 7}, "customer must be a string, not an integer"),
    ("get_context", {"project": ["/p"]}, "project must be a string, not a list"),
    ("log_event", {}, "event_name is missing; feature_json is missing"),
    ("log_event", {"event_name": "tool_event", "feature_json": [1]}, "feature_json must be an object, not a list"),
    ("log_event", {"event_name": "tool_event", "feature_json": "[1]"}, "feature_json must be an object, not a string"),
    ("log_event", {"event_name": "tool_event", "feature_json": "{" * 100_000}, "feature_json must be an object, not a string"),
    ("log_event", {"event_name": "tol_event", "feature_json": {}}, "event_name must be one of sql_event, llm_event, "),
    ("log_event", {"event_name": "tool_event", "feature_json": {}, "revenue_impact": "1"}, "revenue_impact must be a number"),
    ("log_event", {"event_name": "tool_event", "feature_json": {}, "event_type": "x"}, "unknown argument 'event_type'"),
    (
        "log_event",
        {"event_name": "tool_event", "feature_json": {"latency_ms": 1 << 64}},
        "event refused, nothing was recorded: feature_json.latency_ms: an integer over 64 bits. send it as a string",
    ),
    (
        "log_event",
        {"event_name": "tool_event", "feature_json": {}, "ts": "yesterday"},
        "event refused, nothing was recorded: ts: not an ISO 8601 time: 'yesterday'. write it as 2026-01-21T06:19:38.048Z",
    ),
]


@pytest.mark.parametrize(("tool", "arguments", "says"), REFUSED)
async def test_bad_arguments_are_a_tool_error_that_names_them(
    client: Client, service: FakeService, tool: str, arguments: dict[str, Any], says: str
) -> None:
    result = await client.call_tool(tool, arguments)
    text = result.content[0].text  # type: ignore[union-attr]
    assert result.is_error
    assert result.structured_content is None
    assert says in text
    assert "\n" not in text
    assert (service.events, service.asked) == ([], [])


async def test_an_unknown_tool_is_a_tool_error(client: Client) -> None:
    result = await client.call_tool("drop_everything", {})
    assert (result.is_error, result.content[0].text) == (True, "Unknown tool: drop_everything")  # type: ignore[union-attr]


async def test_what_the_queue_refuses_is_reported_with_its_hint(client: Client, service: FakeService) -> None:
    service.fail = QueueBusy("not accepted: append.lock held by pid 7", hint="try again")
    result = await client.call_tool("log_event", {"event_name": "tool_event", "feature_json": TOOL_EVENT})
    assert result.is_error
    assert result.content[0].text == "not accepted: append.lock held by pid 7. try again"  # type: ignore[union-attr]


@pytest.mark.usefixtures("logs")
@pytest.mark.parametrize("tool", ["get_context", "log_event"])
async def test_a_crash_costs_one_call_and_leaves_its_traceback_in_the_log(
    client: Client, service: FakeService, tool: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = {"event_name": "tool_event", "feature_json": TOOL_EVENT} if tool == "log_event" else {}
    service.fail = ZeroDivisionError("secret detail")
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert result.content[0].text == (  # type: ignore[union-attr]
        f"{tool} failed unexpectedly (ZeroDivisionError); nothing was acknowledged. The log on stderr says why."
    )
    captured = capsys.readouterr()
    assert captured.out == ""
    first, *traceback = captured.err.splitlines()
    assert "level='error' event='a tool call failed unexpectedly' logger='activity_mcp.server.calls'" in first
    assert f"tool='{tool}'" in first
    assert traceback[0] == "Traceback (most recent call last):"
    assert traceback[-1] == "ZeroDivisionError: secret detail"
    service.fail = None
    assert not (await client.call_tool(tool, arguments)).is_error


@pytest.mark.usefixtures("logs")
async def test_an_answer_that_json_cannot_hold_costs_one_call(client: Client, service: FakeService) -> None:
    service.context_sections = {"recent_queries": ["\ud800"]}
    assert (await client.call_tool("get_context", {})).is_error
    service.context_sections = {}
    assert not (await client.call_tool("get_context", {})).is_error


# --- what the server notes about its own calls


async def test_every_call_is_noted_with_what_it_found(client: Client, service: FakeService) -> None:
    size = len((await client.call_tool("get_context", {})).content[0].text)  # type: ignore[union-attr]
    await client.call_tool("log_event", {"event_name": "tool_event", "feature_json": TOOL_EVENT})
    await client.call_tool("get_context", {"max_bytes": 1})
    service.arrive_after = 1_000_000
    missing = len((await client.call_tool("get_context", {})).content[0].text)  # type: ignore[union-attr]
    assert [(method, features) for method, _, features in service.calls] == [
        ("get_context", {"success": True, "cache_hit": True, "cache_age_ms": 1500, "stale": False, "context_size": size}),
        ("log_event", {"success": True}),
        ("get_context", {"success": False, "error_type": "InvalidInput"}),
        ("get_context", {"success": True, "cache_hit": False, "cache_age_ms": None, "stale": False, "context_size": missing}),
    ]
    assert all(0 <= latency_ms < 10_000 for _, latency_ms, _ in service.calls)


@pytest.mark.usefixtures("logs")
async def test_a_call_that_cannot_be_noted_is_answered_all_the_same(
    service: FakeService, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*args: Any, **features: Any) -> None:
        raise OSError("no")

    monkeypatch.setattr(service, "record_call", refuse)
    async with Client(build_server(as_service(service))) as client:
        assert not (await client.call_tool("get_context", {})).is_error
    assert "event='a call could not be noted'" in capsys.readouterr().err


# --- health, and what a call is known by


async def test_health_is_the_document_of_status(client: Client) -> None:
    result = await client.call_tool("health", {})
    assert result.structured_content == STATUS
    tool = {tool.name: tool for tool in (await client.list_tools()).tools}["health"]
    assert tool.input_schema["properties"] == {}
    assert (tool.annotations and tool.annotations.read_only_hint, tool.meta) == (True, None)


async def test_a_state_directory_that_hangs_is_a_clear_answer_of_health(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    monkeypatch.setattr(sys.modules["activity_mcp.server.tools.health"], "ANSWER_WITHIN_S", 0.05)
    monkeypatch.setattr(service, "status", goes_on.wait)
    async with Client(build_server(as_service(service))) as client:
        result = await client.call_tool("health", {})
        goes_on.set()
    assert result.is_error
    assert "did not answer" in result.content[0].text  # type: ignore[union-attr]


@pytest.mark.usefixtures("logs")
async def test_what_a_call_logs_bears_the_id_of_the_event_it_is_recorded_by(
    client: Client, service: FakeService, capsys: pytest.CaptureFixture[str]
) -> None:
    service.fail = RuntimeError("a bug")
    for tool, arguments in (("get_context", {}), ("log_event", {"event_name": "tool_event", "feature_json": TOOL_EVENT})):
        await client.call_tool(tool, arguments)
    logged = [line for line in capsys.readouterr().err.splitlines() if "failed unexpectedly" in line]
    assert [f"activity_id='{call_id}'" in line for call_id, line in zip(service.call_ids, logged, strict=True)] == [True, True]
    assert len(set(service.call_ids)) == 2
