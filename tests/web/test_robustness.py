"""A server process among bad clients, bad warehouses and its own kind: it answers or fails clearly, and nothing piles up."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import psutil
import pytest
import uvicorn
from mcp.shared._context_streams import create_context_streams
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCRequest, JSONRPCResponse
from uvicorn.server import ServerState

from activity_mcp.operations.drain import Drainer
from activity_mcp.server.http import MAX_CONNECTIONS, MAX_SESSIONS
from activity_mcp.server.http.connections import BODY_S, HEADERS_S, BoundedProtocol
from activity_mcp.server.http.open_requests import MAX_OPEN, OpenRequests
from activity_mcp.server.http.sse import CountingWriter, PacedReader
from activity_mcp.service import ActivityService
from deployed import put_warehouse
from patience import PATIENCE_S, places_in, takes_less_than, until
from server.test_serve import SERVE
from server.wire import INITIALIZE, RawClient
from web.site import Site

TOOL_EVENT = {"tool_name": "Bash", "success": True}


def environment(home: Path, *, deployed: bool = True) -> dict[str, str]:
    if deployed:
        put_warehouse(home)
    return {"ACTIVITY_HOME": str(home), "ACTIVITY_CUSTOMER": "me@example.com"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site("http", environment(tmp_path_factory.mktemp("http"))) as site:
        yield site


class Listener:
    """A client of SSE that reads its stream only when asked to."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.stream = site.raw(b"GET /sse HTTP/1.1\r\nHost: localhost\r\n" + site.bearer + b"\r\n")
        self.unread = b""
        self.path = ""
        while not self.path:
            self.unread += self.stream.recv(4096)
            for line in self.unread.splitlines():
                if line.startswith(b"data: /messages/") and self.unread.rstrip(b"\r\n").endswith(line):
                    self.path = line[6:].decode()
        self.post({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": INITIALIZE})
        assert self.answers({0}) == {0}
        self.post({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def post(self, message: Any) -> int:
        return self.site.ask("POST", self.path, json.dumps(message).encode(), {"Content-Type": "application/json"}).status

    def answers(self, wanted: set[int]) -> set[int]:
        """The ids answered, read until all that are wanted have come."""
        found: set[int] = set()
        while not wanted <= found:
            data = self.stream.recv(1 << 16)
            assert data, f"the stream ended with {sorted(wanted - found)[:9]} unanswered"
            self.unread += data
            *lines, self.unread = self.unread.split(b"\n")
            found |= {json.loads(line[6:])["id"] for line in lines if line.startswith(b"data: {")}
        return found


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site("sse", environment(tmp_path_factory.mktemp("sse"))) as site:
        yield site


def call(number: int, tool: str = "get_context", **arguments: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}


def test_two_hundred_calls_at_once_over_http_are_all_answered(site: Site) -> None:
    session = site.initialize()
    answered: list[int] = []

    def ask(first: int) -> None:
        for number in range(first, 200, 20):
            answer = site.post(call(number), Mcp_Session_Id=session, MCP_Protocol_Version="2025-11-25").message()
            assert answer["result"]["isError"] is False
            answered.append(answer["id"])

    threads = [threading.Thread(target=ask, args=(first,)) for first in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answered) == list(range(200))


def test_two_hundred_calls_over_sse_are_all_answered(stream: Site) -> None:
    client = Listener(stream)
    assert {client.post(call(number)) for number in range(1, 201)} == {202}
    assert client.answers(set(range(1, 201))) == set(range(1, 201))
    client.stream.close()


def test_clients_that_vanish_leave_no_session_and_no_connection_behind(stream: Site) -> None:
    gone = []
    for _ in range(10):
        client = Listener(stream)
        client.post(call(1))
        client.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        client.stream.close()  # with a reset, in the middle of an answer
        gone.append(client)
    until(lambda: {client.post(call(2)) for client in gone} == {404})
    process = psutil.Process(stream.process.pid)
    until(lambda: {connection.status for connection in process.net_connections()} == {psutil.CONN_LISTEN})


def test_a_client_of_sse_that_does_not_read_keeps_nobody_waiting_and_finds_everything_at_last(stream: Site) -> None:
    lazy, other = Listener(stream), Listener(stream)
    for number in range(1, 101):
        assert lazy.post(call(number)) == 202
    other.post(call(1))
    assert other.answers({1}) == {1}
    assert lazy.answers(set(range(1, 101))) == set(range(1, 101))
    for client in (lazy, other):
        client.stream.close()


def test_no_more_is_taken_of_a_session_while_too_much_of_it_is_unanswered() -> None:
    async def scenario() -> None:
        send, receive = create_context_streams[SessionMessage | Exception](MAX_OPEN + 1)
        answer_in, answers = create_context_streams[SessionMessage](1)
        requests = OpenRequests()
        reader, writer = PacedReader(receive, requests), CountingWriter(answer_in, requests)
        for number in range(MAX_OPEN + 1):
            await send.send(SessionMessage(JSONRPCRequest(jsonrpc="2.0", id=number, method="ping")))
        for _ in range(MAX_OPEN):
            await reader.receive()
        one_more = asyncio.ensure_future(reader.receive())
        for _ in range(5):
            await asyncio.sleep(0)
        assert not one_more.done()
        await writer.send(SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=0, result={})))
        assert await one_more
        for end in (send, receive, answer_in, answers):
            await end.aclose()

    asyncio.run(scenario())


def test_a_broken_message_over_sse_is_refused_and_the_session_goes_on(stream: Site) -> None:
    client = Listener(stream)
    broken = stream.ask("POST", client.path, b'{"jsonrpc": "2.0", "id"', {"Content-Type": "application/json"})
    assert broken.status == 400
    client.post(call(1))
    assert client.answers({1}) == {1}
    client.stream.close()


HALVES = {
    "nothing": b"",
    "half of the headers": b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Le",
    "a request that is refused": b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n",
}


@pytest.mark.parametrize("half", HALVES)
def test_more_half_sent_requests_than_there_are_places_keep_nobody_out(site: Site, half: str) -> None:
    session = site.initialize()
    held = []
    try:
        held += [site.raw(HALVES[half]) for _ in range(MAX_CONNECTIONS + 88)]
        assert site.ask("GET", "/healthz").status == 200
        assert site.call(session, "health")["structuredContent"]["health"]
    finally:
        for sent in held:
            sent.close()


def test_a_program_that_opens_sessions_without_end_shuts_out_neither_new_ones_nor_those_in_use(site: Site) -> None:
    session = site.initialize()
    site.call(session, "health")
    for _ in range(3):
        site.call(session, "health")
    opened = [site.initialize() for _ in range(MAX_SESSIONS + 20)]
    assert site.call(session, "health")["structuredContent"]["health"]
    assert site.call(opened[-1], "health")["structuredContent"]["health"]
    gone = site.post({"jsonrpc": "2.0", "id": 1, "method": "ping"}, Mcp_Session_Id=opened[0], MCP_Protocol_Version="2025-11-25")
    assert gone.status == 404


class _Wire:
    """A connection's transport, and a clock that a test moves."""

    def __init__(self) -> None:
        self.aborted = False
        self.timers: list[tuple[float, Any]] = []

    def call_later(self, delay: float, what: Any) -> Any:
        entry = (delay, what)
        self.timers.append(entry)
        return SimpleNamespace(cancel=lambda: self._cancel(entry))

    def _cancel(self, entry: tuple[float, Any]) -> None:
        if entry in self.timers:
            self.timers.remove(entry)

    def create_task(self, made: Any, **_: Any) -> Any:
        made.close()
        return Mock()

    def abort(self) -> None:
        self.aborted = True

    def get_extra_info(self, name: str) -> Any:
        return ("127.0.0.1", 1) if name in ("peername", "sockname") else None

    def __getattr__(self, name: str) -> Any:
        return lambda *_: False


def connection() -> tuple[BoundedProtocol, _Wire]:
    wire = _Wire()
    config = uvicorn.Config(None, http=BoundedProtocol, interface="asgi3", lifespan="off", log_config=None)  # type: ignore[arg-type]
    config.loaded, config.loaded_app, config.ws_protocol_class = True, None, None
    made = BoundedProtocol(config, ServerState(), {}, _loop=wire)  # type: ignore[arg-type]
    made.connection_made(wire)  # type: ignore[arg-type]
    return made, wire


def test_a_request_that_comes_byte_by_byte_has_one_deadline_for_its_headers_and_one_for_its_body() -> None:
    made, wire = connection()
    for byte in b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r":
        made.data_received(bytes([byte]))
        assert [delay for delay, _ in wire.timers] == [HEADERS_S]
    for byte in b"\nab":
        made.data_received(bytes([byte]))
        assert [delay for delay, _ in wire.timers] == [BODY_S]
    made.data_received(b"c")
    assert wire.timers == []
    assert not wire.aborted


def test_what_does_not_say_what_it_wants_is_ended_at_its_deadline() -> None:
    _, wire = connection()
    [(delay, end)] = wire.timers
    assert delay == HEADERS_S
    end()
    assert wire.aborted


# --- what is below the server


def test_a_corrupt_warehouse_costs_no_answer_and_no_event(tmp_path: Path) -> None:
    environ = environment(tmp_path, deployed=False)
    (tmp_path / "activity.duckdb").write_bytes(os.urandom(20_000))
    os.chmod(tmp_path / "activity.duckdb", 0o600)
    with RawClient(SERVE, environ) as client:
        client.initialize()
        client.call(1, "log_event", event_name="tool_event", feature_json=TOOL_EVENT, activity_id="kept")
        assert client.receive()["result"]["structuredContent"]["durable"] is True
        client.call(2, "get_context")
        assert client.receive()["result"]["isError"] is False
        client.call(3, "health")
        assert client.receive()["result"]["isError"] is False
        until(lambda: list(tmp_path.glob("activity.duckdb.corrupt-*")))
        client.process.terminate()
        assert client.leave()[0] == 0
    assert stored(environ, "kept") == 1


@pytest.mark.timing
def test_a_warehouse_that_hangs_keeps_neither_calls_nor_the_end_waiting(tmp_path: Path) -> None:
    places = places_in(tmp_path)

    def end() -> float:
        home = next(places)
        environ = environment(home, deployed=False)
        os.mkfifo(home / "activity.duckdb", 0o600)  # who opens it waits for the other side, which never comes
        with RawClient(SERVE, environ) as client:
            client.initialize()
            for number in range(1, 51):
                client.call(number, "log_event", event_name="tool_event", feature_json=TOOL_EVENT)
                client.call(1000 + number, "get_context")
            answers = [client.receive() for _ in range(100)]
            assert [answer for answer in answers if answer["result"]["isError"]] == []
            code, _, _, took = client.leave(client.process.terminate)
        assert code == 0
        (home / "activity.duckdb").unlink()
        assert stored(environ) == 50
        return took

    assert takes_less_than(2, end)


def stored(environ: dict[str, str], activity_id: str = "%") -> int:
    """How many tool events are in the warehouse once the queue is drained."""
    service = ActivityService.from_environ(environ, source="cli")
    try:
        Drainer(service).drain(PATIENCE_S)
        sql = f"SELECT COUNT(*) FROM VW_TOOL_EVENTS WHERE activity_id LIKE '{activity_id}'"
        return int(service.query(sql, max_rows=1).rows[0][0])
    finally:
        service.close()


@pytest.mark.slow
def test_eight_servers_on_one_directory_answer_everything_and_lose_nothing(tmp_path: Path) -> None:
    environ = environment(tmp_path)
    clients = [RawClient(SERVE, environ) for _ in range(8)]
    try:
        for client in clients:
            client.request(0, "initialize", INITIALIZE)
        for client in clients:
            client.receive()
            client.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        for number in range(1, 26):
            for client in clients:
                client.call(number, "log_event", event_name="tool_event", feature_json=TOOL_EVENT)
                client.call(1000 + number, "get_context", max_bytes=2048)
        for client in clients:
            results = [client.receive()["result"] for _ in range(50)]
            assert [result["content"] for result in results if result["isError"]] == []
        for client in clients[:4]:
            client.process.kill()
        for client in clients[4:]:
            client.process.terminate()
        assert [client.process.wait(PATIENCE_S) for client in clients[4:]] == [0] * 4
    finally:
        for client in clients:
            client.__exit__()
    assert stored(environ) == 200
