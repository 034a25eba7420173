"""The short way of a call: the same bytes as the SDK's way, and whatever is not plain takes the SDK's way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from mcp_types import ErrorData, JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from activity_mcp.server.open_requests import OpenRequests
from activity_mcp.server.stdio import Answer
from activity_mcp.server.stdio.fast_path import Shortcut
from activity_mcp.server.stdio.protocols import OutboundBytes
from server.wire import RawClient

LONG = {"unknown": 1}  # a parameter that the SDK ignores, and that the short way does not take
EVENT = {"tool_name": "Bash", "success": True}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def client() -> Iterator[RawClient]:
    with RawClient() as client:
        client.initialize()
        yield client


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("get_context", {}),
        ("get_context", {"customer": "ü 💙 \x7f\u2028", "context_type": "engineer", "project": None, "max_bytes": 512.0}),
        ("get_context", {"max_bytes": 3, "what": "?"}),
        ("log_event", {"event_name": "tool_event", "feature_json": {**EVENT, "n": 1 << 62}, "activity_id": "same"}),
        ("log_event", {"event_name": "tool_event", "feature_json": {**EVENT, "n": 1 << 70}, "activity_id": "same"}),
        ("log_event", {"event_name": "tool_event", "feature_json": json.dumps(EVENT), "activity_id": "same"}),
        ("log_event", {"feature_json": [], "event_name": "none"}),
        ("health", {}),
    ],
)
@pytest.mark.parametrize("request_id", [7, "7", 'é"\\', -1])
def test_both_ways_answer_the_same_bytes(client: RawClient, tool: str, arguments: dict[str, Any], request_id: Any) -> None:
    lines = []
    for more in (LONG, {}, {"_meta": {"progressToken": 1, "claudecode/toolUseId": "t"}}):
        client.request(request_id, "tools/call", {"name": tool, "arguments": arguments, **more})
        lines.append(client.receive_line())
    assert lines[1:] == [lines[0]] * 2


class Pipe(asyncio.WriteTransport):
    """What was written."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, Any]] = []

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is buffered."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.lines += [json.loads(line) for line in bytes(data).splitlines()]


class Way:
    """A shortcut with ``now``, which answers at once, ``later``, which waits for ``go``, and ``never``, which needs the SDK."""

    def __init__(self, version: str = "2025-11-25") -> None:
        self.pipe = Pipe()
        self.requests = OpenRequests()
        self.go = asyncio.Event()
        output = OutboundBytes(on_lost=lambda: None)
        output.connection_made(self.pipe)
        calls = {"now": lambda given: Answer("1", b"1"), "later": self._later, "never": lambda given: None}
        self.shortcut = Shortcut(calls, output, self.requests)  # type: ignore[arg-type]
        if version:
            self.greet(version)

    def greet(self, version: str) -> None:
        self.shortcut.sees(JSONRPCRequest(jsonrpc="2.0", id=0, method="initialize", params={}))
        self.shortcut.answered(JSONRPCResponse(jsonrpc="2.0", id=0, result={"protocolVersion": version}))

    async def _later(self, given: dict[str, Any]) -> Answer:
        await self.go.wait()
        return Answer("2", b"2")

    def takes(self, name: Any = "now", request_id: Any = 1, message: Any = None, **params: Any) -> bool:
        whole = {"jsonrpc": "2.0", "id": request_id, "method": "tools/call", "params": {"name": name, **params}}
        return self.shortcut.takes(json.dumps({**whole, **(message or {})}).encode())


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
@pytest.mark.anyio
async def test_a_plain_call_is_taken_in_every_version_with_a_handshake(version: str) -> None:
    way = Way(version)
    assert way.takes(arguments={"a": 1}, _meta={"progressToken": "t", "x/y": [1]})
    assert way.pipe.lines == [
        {"jsonrpc": "2.0", "id": 1, "result": {"content": [{"text": "1", "type": "text"}], "isError": False, "structuredContent": 1}}
    ]  # fmt: skip


@pytest.mark.parametrize(
    "odd",
    [
        {"name": "never"},
        {"name": "unknown"},
        {"name": 7},
        {"arguments": None},
        {"arguments": [1]},
        {"_meta": None},
        {"_meta": {"progressToken": True}},
        {"_meta": {"progressToken": 1.5}},
        {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}},
        {"requestState": "x"},
        {"task": {}},
        {"request_id": None},
        {"request_id": True},
        {"request_id": 1.0},
        {"request_id": 1 << 60},
        {"message": {"jsonrpc": "1.0"}},
        {"message": {"method": "tools/list", "x": "tools/call"}},
        {"message": {"result": {}}},
        {"message": {"params": ["tools/call"]}},
    ],
)
@pytest.mark.anyio
async def test_whatever_is_not_plain_is_left_to_the_sdk(odd: dict[str, Any]) -> None:
    way = Way()
    assert not way.takes(**odd)
    assert not way.shortcut.takes(b'"tools/call"')
    assert not way.shortcut.takes(b'{"tools/call"')
    assert way.pipe.lines == []


@pytest.mark.anyio
async def test_nothing_is_taken_before_a_handshake_is_answered_nor_while_another_is_under_way() -> None:
    way = Way("")
    assert not way.takes()
    way.greet("2026-07-28")
    assert not way.takes()
    way.greet("2025-11-25")
    assert way.takes()
    way.shortcut.sees(JSONRPCRequest(jsonrpc="2.0", id=9, method="initialize", params={}))
    assert not way.takes()
    way.shortcut.answered(JSONRPCError(jsonrpc="2.0", id=9, error=ErrorData(code=1, message="no")))
    assert not way.takes()


@pytest.mark.anyio
async def test_a_call_that_takes_time_is_open_until_it_is_answered() -> None:
    way = Way()
    assert way.takes("later", 5)
    assert way.takes("now", 6)
    waiting = asyncio.ensure_future(way.requests.at_most(0))
    await asyncio.sleep(0)
    assert [line["id"] for line in way.pipe.lines] == [6]
    assert not waiting.done()
    way.go.set()
    await waiting
    assert [line["id"] for line in way.pipe.lines] == [6, 5]


@pytest.mark.anyio
async def test_a_cancelled_call_is_not_answered_and_at_the_end_the_others_are_told() -> None:
    way = Way()
    assert [way.takes("later", 5), way.takes("later", "6"), way.takes("later", 7)] == [True] * 3
    way.shortcut.sees(JSONRPCNotification(jsonrpc="2.0", method="notifications/cancelled", params={"requestId": 5}))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    way.shortcut.close()
    way.go.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [(line["id"], line["error"]["code"]) for line in way.pipe.lines] == [("6", -32000), (7, -32000)]
    assert not way.takes()
