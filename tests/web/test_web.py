"""HTTP and SSE as anyone on this machine, in a browser or outside of it may use and misuse them: a real server process."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

from activity_mcp.server.http import MAX_BODY_BYTES
from deployed import put_warehouse
from patience import PATIENCE_S, takes_less_than
from server.wire import ENVIRON, INITIALIZE, PATIENT
from web.site import JSON_HEADERS, Site

TOKEN = "a-token-of-some-length"
TOOL_EVENT = {"tool_name": "Bash", "success": False, "error": "exit 1", "parameters": {"command": "make test"}}
PAGE = "the page for a browser is at"
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


def environment(home: Path, **more: str) -> dict[str, str]:
    put_warehouse(home)
    return {"ACTIVITY_HOME": str(home), "ACTIVITY_CUSTOMER": "me@example.com", **more}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site("http", environment(tmp_path_factory.mktemp("http"))) as site:
        yield site


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Open to other machines, so with a token, and known by one more name."""
    home = tmp_path_factory.mktemp("guarded")
    environ = environment(home, ACTIVITY_HTTP_TOKEN=TOKEN)
    with Site("http", environ, "--host", "0.0.0.0", "--allow-host", "record.example.com") as site:
        yield site


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site("sse", environment(tmp_path_factory.mktemp("sse"))) as site:
        yield site


def events_in(home: str) -> list[dict[str, Any]]:
    lines = [line for path in sorted(Path(home).glob("queue/*/seg/*.ndjson")) for line in path.read_text().splitlines()]
    return [event for event in map(json.loads, lines) if "activity_id" in event]


# --- the protocol


@pytest.mark.anyio
async def test_over_http_the_same_tools_record_and_recall(site: Site) -> None:
    bearer = httpx2.AsyncClient(headers={"Authorization": f"Bearer {site.token}"})
    async with bearer, Client(streamable_http_client(site.url, http_client=bearer)) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert {"get_context", "log_event", "health"} <= names
        logged = await client.call_tool("log_event", {"event_name": "tool_event", "feature_json": TOOL_EVENT})
        assert (logged.structured_content or {})["durable"] is True
        found = await client.call_tool("get_context", {"max_bytes": 4096})
        assert [error["name"] for error in (found.structured_content or {})["context"]["recent_errors"]] == ["Bash"]


@pytest.mark.anyio
async def test_over_sse_the_same_tools_record_and_recall(stream: Site) -> None:
    async with Client(sse_client(stream.url, headers={"Authorization": f"Bearer {stream.token}"})) as client:
        logged = await client.call_tool("log_event", {"event_name": "tool_event", "feature_json": TOOL_EVENT})
        assert (logged.structured_content or {})["durable"] is True
        found = await client.call_tool("get_context", {"max_bytes": 4096})
        assert [error["name"] for error in (found.structured_content or {})["context"]["recent_errors"]] == ["Bash"]


def test_a_request_of_the_version_without_a_handshake_needs_no_session(site: Site) -> None:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "health", "arguments": {}, "_meta": meta}}
    answer = site.post(message, MCP_Protocol_Version="2026-07-28", Mcp_Method="tools/call", Mcp_Name="health")
    assert answer.message()["result"]["structuredContent"]["health"] == "ok"


# --- who may come in


@pytest.mark.parametrize(
    "host", ["evil.example.com", "localhost.evil.example.com", "127.0.0.1.evil.example", "10.0.0.7", "[::1", ""]
)
@pytest.mark.parametrize("path", ["/mcp", "/healthz", "/metrics", "/nowhere"])
def test_a_page_that_rebinds_its_name_to_loopback_is_refused_on_every_path(site: Site, host: str, path: str) -> None:
    assert site.ask("POST", path, b"{}", {**JSON_HEADERS, "Host": host}).status == 421


def test_two_hosts_in_one_request_are_refused(site: Site) -> None:
    with site.raw(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example.com\r\nConnection: close\r\n\r\n") as sent:
        assert sent.recv(100).split()[1] in (b"400", b"421")


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example.com", "null", "http://localhost.evil.example.com", "http://a@localhost", "file://localhost"],
)
def test_a_page_of_another_site_is_refused(site: Site, origin: str) -> None:
    assert site.post(PING, Origin=origin).status == 403


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.0.0.1:80", "localhost.", "[::1]:8080"])
def test_what_this_machine_calls_itself_is_served(site: Site, host: str) -> None:
    headers = {"Host": host, "Origin": "http://localhost:6274"}
    assert site.ask("GET", "/healthz", headers=headers).status == 200


@pytest.mark.parametrize(
    "given", [None, "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN, "Bearer \xff"]
)
@pytest.mark.parametrize("path", ["/mcp", "/metrics", "/nowhere"])
def test_without_the_token_nothing_is_answered_and_nothing_is_read(guarded: Site, given: str | None, path: str) -> None:
    headers = {"Content-Type": "application/json", "Content-Length": "1000000"}  # a body that never comes
    if given is not None:
        headers["Authorization"] = given
    answer = guarded.ask("POST", path, None, headers, with_token=False)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_with_the_token_it_is_served_by_address_and_by_the_names_it_was_given(guarded: Site) -> None:
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    for host in ("record.example.com", "192.0.2.7:8757", "localhost"):
        assert guarded.ask("GET", "/metrics", headers={**bearer, "Host": host}).status == 200
    assert guarded.ask("GET", "/metrics", headers={**bearer, "Host": "evil.example.com"}).status == 421


def test_whether_it_is_well_is_answered_to_anybody_in_one_word(guarded: Site) -> None:
    answer = guarded.ask("GET", "/healthz", with_token=False)
    assert (answer.status, answer.body) == (200, b'{"status":"ok"}')


def test_the_token_is_in_no_log(guarded: Site) -> None:
    guarded.ask("GET", "/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert "serves" in guarded.reported
    assert TOKEN not in guarded.reported


def serve(environ: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "activity_mcp", "serve", *options]
    return subprocess.run(command, env={**ENVIRON, **environ}, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


@pytest.mark.parametrize("place", ["site", "stream"])
def test_on_loopback_too_nothing_is_answered_without_the_token(place: str, request: pytest.FixtureRequest) -> None:
    site: Site = request.getfixturevalue(place)
    for method, path in (
        ("POST", "/mcp"),
        ("GET", "/mcp"),
        ("GET", "/sse"),
        ("POST", "/messages/?session_id=1"),
        ("GET", "/metrics"),
    ):
        assert site.ask(method, path, with_token=False).status == 401
    assert site.ask("GET", "/healthz", with_token=False).status == 200


def test_the_token_is_made_once_for_its_owner_alone_and_its_place_is_reported(tmp_path: Path) -> None:
    home = tmp_path / "home"
    seen = set()
    for _ in range(2):
        with Site("http", environment(home)) as site:
            seen.add(site.token)
            assert str(home / "http-token") in site.reported
            assert site.token not in site.reported
            assert site.ask("GET", "/metrics").status == 200
    assert len(seen) == 1
    assert len(seen.pop()) >= 40
    assert (home / "http-token").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "short", "with blanks in it and more\n", "x" * 40])
def test_a_token_file_that_protects_nothing_is_not_served_with(tmp_path: Path, content: str) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "http-token").write_text(content)
    (tmp_path / "http-token").chmod(0o644 if len(content) == 40 else 0o600)
    done = serve(environment(tmp_path), "--transport", "http", "--port", "0")
    assert (done.returncode, "http-token" in done.stderr, "nothing is served" in done.stderr) == (2, True, True)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "record.example.com"])
def test_a_host_that_others_reach_needs_a_token(tmp_path: Path, host: str) -> None:
    done = serve(environment(tmp_path), "--transport", "http", "--host", host)
    assert (done.returncode, done.stdout) == (2, "")
    assert "not loopback" in done.stderr
    assert "ACTIVITY_HTTP_TOKEN" in done.stderr


@pytest.mark.parametrize(
    ("options", "reported"),
    [
        (["--transport", "http", "--host", "no such host"], "cannot be resolved"),
        (["--transport", "carrier-pigeon"], "'stdio', 'sse', 'http'"),
        (["--port", "8757"], "go with --transport"),
        (["--transport", "sse", "--port", "70000"], "70000"),
    ],
)
def test_what_cannot_be_served_is_said_and_exits_with_2(tmp_path: Path, options: list[str], reported: str) -> None:
    done = serve(environment(tmp_path, ACTIVITY_HTTP_TOKEN=TOKEN), *options)
    assert (done.returncode, reported in done.stderr, done.stdout) == (2, True, "")


def test_a_port_that_is_taken_is_said(site: Site, tmp_path: Path) -> None:
    done = serve(environment(tmp_path), "--transport", "http", "--port", str(site.port))
    assert done.returncode == 2
    assert "choose another --port" in done.stderr


# --- limits


def test_a_body_over_the_limit_is_refused_and_the_next_one_served(site: Site) -> None:
    assert site.ask("POST", "/mcp", b"x" * (MAX_BODY_BYTES + 1), JSON_HEADERS).status == 413
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    head = "".join(f"{name}: {text}\r\n" for name, text in JSON_HEADERS.items()) + site.bearer.decode()
    request = f"POST /mcp HTTP/1.1\r\nHost: localhost\r\n{head}Transfer-Encoding: chunked\r\n\r\n".encode()
    with site.raw(request) as sent:  # a length that is not announced
        try:
            for _ in range(MAX_BODY_BYTES // 0x10000 + 2):
                sent.sendall(chunk)
        except OSError:
            pass
        assert b" 413 " in sent.recv(1000).split(b"\r\n")[0]
    assert site.ask("GET", "/healthz").status == 200


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b'{"jsonrpc":"2.0"}', b"\xff\xfe", b"[" * 50_000, b"null"])
def test_what_is_no_message_is_a_clear_error_and_the_next_one_is_served(site: Site, body: bytes) -> None:
    answer = site.ask("POST", "/mcp", body, JSON_HEADERS)
    assert answer.status == 400
    assert site.initialize()


@pytest.mark.parametrize("pieces", [1, 2, 5])
def test_a_byte_order_mark_before_a_message_is_no_part_of_it(site: Site, pieces: int) -> None:
    marked = b"\xef\xbb\xbf" + json.dumps({**PING, "method": "initialize", "params": INITIALIZE}).encode()
    body = iter([*(marked[at : at + 1] for at in range(pieces - 1)), marked[pieces - 1 :]])
    assert site.ask("POST", "/mcp", body, JSON_HEADERS).status == 200


@pytest.mark.parametrize("request_id", [None, 1.5])
def test_a_request_whose_id_is_neither_text_nor_a_whole_number_is_refused_with_id_null(site: Site, request_id: Any) -> None:
    answer = site.post({**PING, "id": request_id}, Mcp_Session_Id=site.initialize())
    assert answer.status == 400
    assert (answer.message()["id"], answer.message()["error"]["code"]) == (None, -32600)


@pytest.mark.parametrize(
    "junk", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"POST /mcp HTTP/9.9\r\n\r\n", b"\x00" * 70_000]
)
def test_what_is_no_http_ends_that_connection_alone(site: Site, junk: bytes) -> None:
    with site.raw(junk) as sent:
        sent.shutdown(1)
        try:
            while sent.recv(1 << 16):
                pass
        except ConnectionResetError:
            pass
    assert site.ask("GET", "/healthz").status == 200


def test_arguments_that_are_wrong_in_every_way_are_tool_errors(site: Site) -> None:
    session = site.initialize()
    for arguments in ({"max_bytes": "many"}, {"unknown": 1}, {"customer": "x" * 1_000_000}, {"max_bytes": -1}):
        assert site.call(session, "get_context", **arguments)["isError"] is True
    assert site.call(session, "get_context")["isError"] is False


def test_a_session_that_is_unknown_or_ended_is_not_found(site: Site) -> None:
    session = site.initialize()
    assert site.ask("DELETE", "/mcp", headers={"Mcp-Session-Id": session}).status == 200
    for gone in (session, "made-up"):
        assert site.post(PING, Mcp_Session_Id=gone).status == 404


def test_what_is_not_there_and_what_is_not_allowed_is_said(site: Site) -> None:
    assert site.ask("GET", "/nowhere").status == 404
    assert site.ask("POST", "/healthz").status == 405
    assert site.ask("GET", "/sse").status == 404  # one transport at a time


# --- what operators see


def samples(page: bytes) -> dict[str, float]:
    """The page as a scraper reads it: every line is a comment or a sample."""
    found = {}
    for line in page.decode().splitlines():
        if line.startswith("# "):
            assert re.fullmatch(r"# (HELP [a-z_]+ \S.*|TYPE [a-z_]+ (gauge|counter|histogram))", line), line
            continue
        matched = re.fullmatch(
            r'([a-z_]+(?:\{[a-z]+="(?:[^"\\\n]|\\.)*"(?:,[a-z]+="(?:[^"\\\n]|\\.)*")*\})?) (\d+(?:\.\d+)?(?:e-?\d+)?)', line
        )
        assert matched, line
        assert matched[1] not in found, line
        found[matched[1]] = float(matched[2])
    return found


def test_metrics_count_the_calls_and_report_what_status_reports(tmp_path: Path) -> None:
    with Site("http", environment(tmp_path)) as site:
        session = site.initialize()
        for _ in range(3):
            site.call(session, "get_context")
        site.call(session, "get_context", unknown=1)
        answer = site.ask("GET", "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = samples(answer.body)
    calls = {name: value for name, value in found.items() if "get_context" in name and "le=" not in name and "_sum" not in name}
    assert calls == {
        'activity_calls_total{method="get_context",outcome="ok"}': 3,
        'activity_calls_total{method="get_context",outcome="error"}': 1,
        'activity_call_seconds_count{method="get_context"}': 4,
        'activity_cache_hits_total{method="get_context"}': 0,
    }
    assert found['activity_call_seconds_bucket{method="get_context",le="+Inf"}'] == 4
    assert (found["activity_health"], found["activity_queue_max_bytes"]) == (0, 52428800)


# --- how it leaves


@pytest.mark.parametrize(
    ("transport", "number"),
    [
        ("http", signal.SIGTERM),
        ("sse", signal.SIGINT),
        pytest.param("http", signal.SIGINT, marks=pytest.mark.slow),
        pytest.param("sse", signal.SIGTERM, marks=pytest.mark.slow),
    ],
)
def test_a_signal_flushes_and_ends_the_open_streams(tmp_path: Path, transport: str, number: signal.Signals) -> None:
    with Site(transport, environment(tmp_path), starts=PATIENT) as site, listening_to(site, transport) as listening:
        code, errors, _ = site.leave(lambda: site.process.send_signal(number))
        rest = b""
        while data := listening.recv(4096):
            rest += data
    assert (code, [line for line in errors.splitlines() if PAGE not in line]) == (0, [])
    assert rest.endswith(b"0\r\n\r\n")  # the stream was ended, not cut
    if transport == "http":
        calls = [event["feature_json"] for event in events_in(str(tmp_path)) if event["event_name"] == "mcp_event"]
        assert [(call["method"], call["success"]) for call in calls] == [("get_context", True)]


@pytest.mark.timing
@pytest.mark.parametrize("transport", ["http", "sse"])
def test_a_signal_ends_it_within_a_second_though_streams_are_open(tmp_path: Path, transport: str) -> None:
    environ = environment(tmp_path)

    def end() -> float:
        with Site(transport, environ) as site, listening_to(site, transport):
            code, _, took = site.leave(site.process.terminate)
        assert code == 0
        return took

    assert takes_less_than(1.2, end)


def listening_to(site: Site, transport: str) -> socket.socket:
    """A stream that the server keeps open; over HTTP beside a call that it has answered."""
    path, headers = "/sse", {}
    if transport == "http":
        session = site.initialize()
        site.call(session, "get_context")
        path, headers = "/mcp", {"Mcp-Session-Id": session, "Accept": "text/event-stream"}
    headers["Authorization"] = f"Bearer {site.token}"
    lines = "".join(f"{name}: {text}\r\n" for name, text in headers.items())
    made = site.raw(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode())
    assert b" 200 " in made.recv(4096).split(b"\r\n")[0]
    return made
