"""A server process over real pipes: what it survives, and how it leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from activity_mcp.server.front.framing import MAX_LINE_BYTES
from patience import PATIENCE_S, takes_less_than, until
from server.wire import DOUBLE, ENVIRON, INITIALIZE, RawClient

TOOL_EVENT = {"tool_name": "Bash", "success": True}


@pytest.fixture(scope="module")
def client() -> Iterator[RawClient]:
    """One process for everything that a server survives. Each test leaves it ready for the next."""
    with RawClient() as client:
        assert client.initialize()["result"]["protocolVersion"] == "2025-11-25"
        yield client


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    return tmp_path / "recorded.ndjson"


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def assert_serves(client: RawClient) -> None:
    client.call("still-there", "get_context")
    answer = client.receive()
    assert (answer["id"], answer["result"]["isError"]) == ("still-there", False)


# --- what it survives


def test_two_hundred_calls_sent_at_once_are_each_answered_once(client: RawClient) -> None:
    for number in range(200):
        if number % 2:
            client.call(number, "log_event", event_name="tool_event", feature_json=TOOL_EVENT)
        else:
            client.call(number, "get_context")
    answers = [client.receive() for _ in range(200)]
    assert sorted(answer["id"] for answer in answers) == list(range(200))
    assert [answer for answer in answers if answer["result"]["isError"]] == []


@pytest.mark.parametrize(
    ("line", "request_id", "code"),
    [
        (b"{", None, -32700),
        (b'"\xff\xfe', None, -32700),
        (b"[" * 100_000, None, -32700),
        (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', None, -32600),
        (b'{"jsonrpc":"1.0","id":5,"method":"ping"}', 5, -32600),
        (b'{"jsonrpc":"2.0","id":"a","method":7}', "a", -32600),
        (b'{"jsonrpc":"2.0","id":6,"method":"ping","params":[1]}', 6, -32600),
        (b'{"jsonrpc":"2.0","id":9,"method":"ping","params":{"x":"\\ud800"}}', 9, -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"tools/call","params":{"x":"\\ud800"}}', None, -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":7}', None, -32600),
        (b"17", None, -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"tools/list"}', None, -32600),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"tools/call","params":{"name":"health","arguments":{}}}', None, -32600),
        (b'{"jsonrpc":"2.0","id":[1],"method":"ping"}', None, -32600),
        (b'{"jsonrpc":"2.0","id":{},"method":"notifications/cancelled","params":{"requestId":1}}', None, -32600),
        (b'{"jsonrpc":"2.0","id":false,"method":"ping"}', None, -32600),
    ],
)
def test_what_is_not_json_rpc_is_answered_with_an_error(client: RawClient, line: bytes, request_id: Any, code: int) -> None:
    client.send_bytes(line + b"\n")
    answer = client.receive()
    assert (answer["id"], answer["error"]["code"]) == (request_id, code)
    assert_serves(client)


def test_a_call_that_holds_half_a_character_is_a_tool_error_and_not_the_protocols(client: RawClient) -> None:
    arguments = b'{"event_name":"tool_event","feature_json":{"tool_name":"a\\ud800","success":true}}'
    client.send_bytes(
        b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"log_event","arguments":%s}}\n' % arguments
    )
    answer = client.receive()
    assert (answer["id"], answer["result"]["isError"]) == (7, True)
    assert "lone surrogate" in answer["result"]["content"][0]["text"]
    assert_serves(client)


@pytest.mark.parametrize("depth", [40, 200, 600, 1200, 5000])
def test_arguments_nested_without_end_are_a_tool_error(client: RawClient, depth: int) -> None:
    value = b"[" * depth + b"]" * depth
    arguments = b'{"event_name":"tool_event","feature_json":{"tool_name":"a","success":true,"x":%s}}' % value
    client.send_bytes(
        b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"log_event","arguments":%s}}\n' % arguments
    )
    answer = client.receive()
    assert answer["id"] == 7
    if depth > 40:  # whether the service takes forty levels is its own question
        assert answer["result"]["isError"]
    assert_serves(client)


def test_blank_lines_and_carriage_returns_are_not_messages(client: RawClient) -> None:
    client.send_bytes(b'\n\r\n  \n{"jsonrpc":"2.0","id":1,"method":"ping"}\r\n')
    assert client.receive() == {"jsonrpc": "2.0", "id": 1, "result": {}}


def test_a_byte_order_mark_is_no_part_of_a_message(client: RawClient) -> None:
    """Before the first line, as a shell puts it there, and before any other, by the short way and by the long one."""
    with RawClient() as fresh:
        fresh.send_bytes(b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
        assert fresh.receive() == {"jsonrpc": "2.0", "id": 1, "result": {}}
    call = b'{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"get_context","arguments":{}}}'
    client.send_bytes(b"\xef\xbb\xbf" + call + b"\n")
    assert client.receive()["result"]["isError"] is False


def test_a_notification_without_an_id_is_not_answered(client: RawClient) -> None:
    client.send_bytes(
        b'{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"\\"id\\"","progress":1}}\n'
    )
    assert_serves(client)


def test_a_line_of_megabytes_is_a_message_like_any_other(client: RawClient) -> None:
    client.call(1, "get_context", customer="c" * 4_000_000)
    answer = client.receive()
    assert len(answer["result"]["structuredContent"]["customer"]) == 4_000_000


def test_a_line_over_the_limit_is_skipped_and_said(client: RawClient) -> None:
    block = b"x" * (1 << 20)
    for _ in range(MAX_LINE_BYTES // len(block) + 1):
        client.send_bytes(block)
    client.send_bytes(b"\n")
    answer = client.receive()
    assert (answer["id"], answer["error"]["code"]) == (None, -32600)
    assert_serves(client)


def test_text_that_is_not_utf_8_is_replaced(client: RawClient) -> None:
    client.send_bytes(
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_context","arguments":{"customer":"a\xffb"}}}\n'
    )
    assert client.receive()["result"]["structuredContent"]["customer"] == "a\ufffdb"


def test_a_number_that_is_none_is_refused_by_name(client: RawClient) -> None:
    client.call(1, "log_event", event_name="tool_event", feature_json={"latency_ms": float("nan")})
    result = client.receive()["result"]
    assert result["isError"]
    assert "feature_json.latency_ms: nan is not a JSON number" in result["content"][0]["text"]


def test_an_answer_larger_than_a_pipe_arrives_whole(client: RawClient) -> None:
    for number in range(50):
        client.call(number, "get_context", customer="big")
    sizes = [len(client.receive()["result"]["content"][0]["text"]) for _ in range(50)]
    assert min(sizes) > 60_000


def test_the_unknown_method_and_the_unknown_protocol_version_are_answered(client: RawClient) -> None:
    client.request(1, "tools/steal")
    assert client.receive()["error"]["code"] == -32601
    client.request(2, "initialize", {**INITIALIZE, "protocolVersion": "1999-01-01"})
    assert client.receive()["result"]["protocolVersion"] == "2025-11-25"


def test_nothing_heavy_is_imported_to_answer_calls() -> None:
    with RawClient() as client:
        client.initialize()
        client.request(1, "tools/list")
        client.call(2, "log_event", event_name="tool_event", feature_json=TOOL_EVENT)
        client.call(3, "get_context", customer="modules")
        answers = {answer["id"]: answer["result"] for answer in (client.receive() for _ in range(3))}
    modules = answers[3]["structuredContent"]["context"]["modules"]
    assert "activity_mcp" in modules
    heavy = (
        "mcp", "mcp_types", "pydantic", "anyio", "asyncio", "structlog", "duckdb", "snowflake", "jsonschema", "rich", "pandas",
        "numpy", "httpx",
    )  # fmt: skip
    assert [name for name in heavy if name in modules] == []


# --- protocol versions


def test_the_oldest_handshake_version_is_spoken() -> None:
    with RawClient() as client:
        assert client.initialize("2024-11-05")["result"]["protocolVersion"] == "2024-11-05"
        client.call(1, "get_context")
        result = client.receive()["result"]
        assert json.loads(result["content"][0]["text"])["freshness"] == "fresh"


def test_the_version_without_a_handshake_is_spoken() -> None:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    with RawClient() as client:
        client.request(1, "server/discover", {"_meta": meta})
        assert "2026-07-28" in client.receive()["result"]["supportedVersions"]
        client.request(2, "tools/call", {"name": "get_context", "arguments": {"max_bytes": 512}, "_meta": meta})
        result = client.receive()["result"]
        assert (result["structuredContent"]["freshness"], result["resultType"]) == ("fresh", "complete")


# --- how it leaves


def test_at_the_end_of_input_what_was_asked_is_answered_and_what_is_buffered_is_flushed(recorded: Path) -> None:
    with RawClient(env={"FAKE_FILE": str(recorded), "FAKE_PATIENCE": "1"}) as client:
        client.initialize()
        for number in range(1, 51):
            client.call(number, "log_event", event_name="tool_event", feature_json=TOOL_EVENT, activity_id=f"id-{number}")
        client.close_input()
        answers = [client.receive() for _ in range(50)]
        assert client.leave()[:3] == (0, "", b"")
    assert [answer["result"]["structuredContent"]["activity_id"] for answer in answers] == [f"id-{n}" for n in range(1, 51)]
    assert [line for line in lines_of(recorded) if "call" in line] == [{"call": "log_event", "success": True}] * 50
    assert lines_of(recorded)[-1] == {"closed": 1}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_flushes_and_ends_it_though_its_input_stays_open(recorded: Path, number: signal.Signals) -> None:
    with RawClient(env={"FAKE_FILE": str(recorded), "FAKE_PATIENCE": "1"}) as client:
        client.initialize()
        client.call(1, "get_context")
        client.receive()
        client.process.send_signal(number)
        assert client.leave()[:3] == (0, "", b"")
    assert [line for line in lines_of(recorded) if "started" not in line][1:] == [{"closed": 1}]


@pytest.mark.timing
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_a_second(number: signal.Signals) -> None:
    def end() -> float:
        with RawClient() as client:
            client.initialize()
            client.call(1, "get_context")
            client.receive()
            code, errors, left, took = client.leave(lambda: client.process.send_signal(number))
        assert (code, errors, left) == (0, "", b"")
        return took

    assert takes_less_than(1, end)


def test_a_signal_during_start_up_ends_it_quietly() -> None:
    with RawClient() as client:
        status = Path(f"/proc/{client.process.pid}/status")
        until(lambda: int(status.read_text().partition("SigCgt:")[2].split()[0], 16) & 1 << signal.SIGTERM - 1)
        client.process.terminate()
        assert client.leave()[:3] == (0, "", b"")


def test_stray_prints_and_children_reach_neither_side_of_the_wire() -> None:
    with RawClient(env={"FAKE_PATIENCE": "1"}) as client:
        client.initialize()
        client.call(1, "get_context", customer="print")
        client.call(2, "get_context")
        assert [client.receive()["id"], client.receive()["id"]] == [1, 2]
        client.close_input()
        code, errors, left, _ = client.leave()
    assert (code, left) == (0, b"")
    assert [text in errors for text in ("stray text", "from a child", "which saw the end", "unflushed text")] == [True] * 4


@pytest.mark.timing
def test_it_leaves_within_a_second_though_closing_hangs() -> None:
    def end() -> float:
        with RawClient(env={"FAKE_HANGS": "1"}) as client:
            client.initialize()
            code, _, _, took = client.leave(client.process.terminate)
        assert code == 0
        return took

    assert takes_less_than(1.2, end)


@pytest.mark.timing
@pytest.mark.parametrize("kind", ["hang", "hang deaf"])
def test_it_leaves_within_a_second_though_a_call_hangs_on_the_main_thread(recorded: Path, kind: str) -> None:
    """``deaf`` is a thread that the signal does not interrupt: one in a library, or just about to wait."""

    def end() -> float:
        recorded.unlink(missing_ok=True)
        with RawClient(env={"FAKE_FILE": str(recorded)}) as client:
            client.initialize()
            client.call(1, "get_context", customer=kind)
            until(lambda: recorded.exists() and "hanging" in recorded.read_text())
            code, _, _, took = client.leave(client.process.terminate)
        assert code == 0
        return took

    assert takes_less_than(1.2, end)


def test_it_leaves_when_nobody_reads_its_answers_any_more(recorded: Path) -> None:
    with RawClient(env={"FAKE_FILE": str(recorded), "FAKE_PATIENCE": "1"}) as client:
        client.initialize()
        client.call(1, "get_context")
        client.receive()  # by now there is a service to be closed
        assert client.process.stdout
        client.process.stdout.close()
        assert client.process.wait(PATIENCE_S) == 0
        assert client.process.stderr
        assert client.process.stderr.read() == b""
    assert lines_of(recorded)[-1] == {"closed": 1}


@pytest.mark.timing
def test_a_client_that_does_not_read_is_not_read_either() -> None:
    """Six megabytes of requests would make 360 of answers: the server takes the first and leaves the rest in the pipe."""
    assert takes_less_than(1, _end_one_whose_client_does_not_read)


def _end_one_whose_client_does_not_read() -> float:
    with RawClient() as client:
        client.initialize()
        assert client.process.stdin
        os.set_blocking(client.process.stdin.fileno(), False)
        arguments = {"name": "get_context", "arguments": {"customer": "big"}}
        lines = [
            json.dumps({"jsonrpc": "2.0", "id": f"{n}{'x' * 2000}", "method": "tools/call", "params": arguments}).encode()
            + b"\n"
            for n in range(3000)
        ]
        stream = memoryview(b"".join(lines))
        idle_since = time.monotonic()
        while stream and time.monotonic() - idle_since < 0.5:
            try:
                stream = stream[os.write(client.process.stdin.fileno(), stream[: 1 << 16]) :]
                idle_since = time.monotonic()
            except BlockingIOError:
                time.sleep(0.01)
        assert len(stream) > 4_000_000
        assert psutil.Process(client.process.pid).memory_info().rss < 200_000_000
        client.process.terminate()
        began = time.monotonic()
        assert client.process.wait(PATIENCE_S) == 0
        return time.monotonic() - began


def test_a_regular_file_which_the_event_loop_cannot_wait_for_is_served_too(tmp_path: Path) -> None:
    requests = tmp_path / "requests.ndjson"
    messages = [
        {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": INITIALIZE},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "log_event", "arguments": {
            "event_name": "tool_event", "feature_json": TOOL_EVENT, "activity_id": "from-a-file"}}},
    ]  # fmt: skip
    requests.write_text("\n".join(json.dumps(message) for message in messages))
    environ = {**ENVIRON, "FAKE_PATIENCE": "1"}
    with open(requests, "rb") as source, open(tmp_path / "out", "wb") as target:
        done = subprocess.run(DOUBLE, stdin=source, stdout=target, env=environ, timeout=PATIENCE_S, check=False)
        assert done.returncode == 0
    answers = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert [answer["id"] for answer in answers] == [0, 1]


@pytest.mark.parametrize("closed", ["<&-", ">&- 2>&-"])
def test_a_standard_stream_that_is_closed_is_an_end_of_input_and_no_crash(closed: str) -> None:
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh", *DOUBLE]
    done = subprocess.run(shell, stdin=subprocess.DEVNULL, capture_output=True, env=ENVIRON, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.timing
def test_on_a_terminal_a_signal_ends_it_too() -> None:
    assert takes_less_than(1, _end_on_a_terminal)


def _end_on_a_terminal() -> float:
    master, slave = os.openpty()
    try:
        process = subprocess.Popen(DOUBLE, stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRON)
        os.write(master, json.dumps({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": INITIALIZE}).encode() + b"\n")
        assert process.stdout
        assert json.loads(process.stdout.readline())["id"] == 0
        began = time.monotonic()
        process.terminate()
        assert process.communicate(timeout=PATIENCE_S) == (b"", b"")
        took = time.monotonic() - began
        assert process.returncode == 0
        return took
    finally:
        os.close(master)
        os.close(slave)
