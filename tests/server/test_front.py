"""The front of a server over stdio: every answer is the SDK's, byte for byte, and what is not plain takes the SDK's way."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity_mcp.server.front.connection import Connection
from activity_mcp.server.front.pending import Pending
from activity_mcp.server.front.plain import message_in
from activity_mcp.server.front.table import FILE, Table
from lengths import examples, some
from server.wire import INITIALIZE, RawClient

ROOT = Path(__file__).resolve().parents[2]
EVENT = {"tool_name": "Bash", "success": True}
HANDSHAKES = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
MODERN = "2026-07-28"
PREFIX = "io.modelcontextprotocol/"
META = {
    f"{PREFIX}protocolVersion": MODERN,
    f"{PREFIX}clientInfo": {"name": "claude-code", "version": "2.1.332"},
    f"{PREFIX}clientCapabilities": {"roots": {"listChanged": True}, "elicitation": {}},
}
LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")


# --- the table


@pytest.mark.skipif(not (ROOT / "tools").exists(), reason="needs a checkout")
def test_the_static_answers_are_those_of_the_installed_sdk() -> None:
    command = [sys.executable, str(ROOT / "tools" / "write_handshake.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stderr}\nrun python tools/write_handshake.py"


def test_answers_of_another_version_of_the_sdk_are_not_used(tmp_path: Path) -> None:
    table = Table()
    assert table.holds()
    for name in table.made_with:
        (tmp_path / f"{name.replace('-', '_')}-999.dist-info").mkdir()
    assert not table.holds([str(tmp_path)])
    assert Table(FILE).made_with.keys() == {"mcp", "mcp-types"}


# --- the same bytes


class Both:
    """Two servers over the same double, one with its front and one without. What both are sent, both answer alike."""

    def __init__(self) -> None:
        quiet = {"FAKE_LOG_LEVEL": "error"}  # nobody reads what they log, and a full pipe would hold them
        self.front, self.sdk = RawClient(env=quiet), RawClient(env={**quiet, "FAKE_WITHOUT_FRONT": "1"})
        self._heard: dict[RawClient, list[bytes]] = {self.front: [], self.sdk: []}
        self._marks = 0

    def send(self, *lines: bytes) -> None:
        for client in (self.front, self.sdk):
            client.send_bytes(b"".join(line + b"\n" for line in lines))

    def answers(self, count: int) -> list[dict[bytes, int]]:
        """How often each line came, of ``count`` lines from each."""
        found: list[dict[bytes, int]] = []
        for client in (self.front, self.sdk):
            lines = [client.receive_line() for _ in range(count)]
            found.append({line: lines.count(line) for line in lines})
        return found

    def agree(self, line: bytes) -> None:
        """Both have said the same once they have answered a call that came behind the line. Its own answer may come before or
        after that, or not at all: what one has said and the other has not is waited for."""
        self._marks += 1
        mark = f"mark {self._marks}"
        self.send(line, encoded(request(mark, "tools/call", name="get_context", arguments={})))
        for client in (self.front, self.sdk):
            heard = self._heard[client]
            while not heard or f'"{mark}"'.encode() not in heard[-1]:
                heard.append(client.receive_line())
        front, sdk = Counter(self._heard[self.front]), Counter(self._heard[self.sdk])
        while front != sdk:
            for client, lacking in ((self.sdk, front - sdk), (self.front, sdk - front)):
                if lacking:
                    self._heard[client].append(client.receive_line())
            front, sdk = Counter(self._heard[self.front]), Counter(self._heard[self.sdk])

    def close(self) -> None:
        self.front.__exit__()
        self.sdk.__exit__()


def request(request_id: Any, method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}


def encoded(message: Any) -> bytes:
    return json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass")


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    pair = Both()
    pair.send(encoded(request(0, "initialize", **INITIALIZE)), b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
    first, second = pair.answers(1)
    assert first == second
    yield pair
    pair.close()


CALLS = [
    ("get_context", {}),
    ("get_context", {"customer": "ü 💙 \x7f\u2028", "context_type": "engineer", "project": None, "max_bytes": 512.0}),
    ("get_context", {"max_bytes": 3, "what": "?"}),
    ("log_event", {"event_name": "tool_event", "feature_json": {**EVENT, "n": 1 << 62}, "activity_id": "same"}),
    ("log_event", {"event_name": "tool_event", "feature_json": {**EVENT, "n": 1 << 70}, "activity_id": "same"}),
    ("log_event", {"event_name": "tool_event", "feature_json": json.dumps(EVENT), "activity_id": "same"}),
    ("log_event", {"feature_json": [], "event_name": "none"}),
    ("health", {}),
    ("unknown", {}),
]


@pytest.mark.parametrize(("tool", "arguments"), CALLS)
@pytest.mark.parametrize("request_id", [7, "7", 'é"\\', -1])
def test_a_call_is_answered_with_the_same_bytes(both: Both, tool: str, arguments: dict[str, Any], request_id: Any) -> None:
    for more in ({}, {"_meta": {"progressToken": 1, "claudecode/toolUseId": "t"}}):
        both.send(encoded(request(request_id, "tools/call", name=tool, arguments=arguments, **more)))
        first, second = both.answers(1)
        assert first == second


def test_without_a_handshake_too() -> None:
    pair = Both()
    try:
        pair.send(
            encoded(request(1, "server/discover", _meta=META)),
            *(encoded(request(number, method, _meta=META)) for number, method in enumerate(LISTS, 2)),
            *(
                encoded(request(number, "tools/call", name=tool, arguments=arguments, _meta={**META, "progressToken": "p"}))
                for number, (tool, arguments) in enumerate(CALLS, 9)
            ),
        )
        first, second = pair.answers(1 + len(LISTS) + len(CALLS))
        assert first == second
    finally:
        pair.close()


@pytest.mark.long
@pytest.mark.parametrize("version", some([*HANDSHAKES, MODERN, "2099-01-01"], 1))
def test_a_session_that_comes_to_the_sdk_late_is_answered_as_if_it_had_been_there_from_the_start(version: str) -> None:
    pair = Both()
    try:
        pair.send(
            encoded(request("hello", "initialize", **{**INITIALIZE, "protocolVersion": version})),
            b'{"jsonrpc":"2.0","method":"notifications/initialized"}',
            *(encoded(request(number, method)) for number, method in enumerate((*LISTS, "ping"))),
            encoded(request(10, "prompts/get", name="catch_up")),
            encoded(request(11, "resources/read", uri="activity://schemas/tool_event")),
            encoded(request(12, "tools/list", cursor="made up")),
            encoded(request(13, "nobody/knows")),
            encoded(request(14, "tools/call", name="get_context", arguments={}, unknown=1)),
            encoded(request(15, "tools/call", name="get_context", arguments={})),
        )
        first, second = pair.answers(12)
        assert first == second
    finally:
        pair.close()


# --- what is plain

ODD: st.SearchStrategy[Any] = st.sampled_from([None, True, 0, -1, 1.5, 1 << 60, "", "x", [], [1], {}, {"a": 1}, {"_meta": {}}])
NAMES = st.sampled_from(["get_context", "log_event", "health", "nope"])
METHODS = st.sampled_from(
    ["tools/call", "tools/list", "ping", "prompts/get", "initialize", "server/discover", "x", "notifications/x"]
)


PLACEHOLDER = 424242  # a new number each time: two requests under way with one id are the client's mistake
_numbers = itertools.count(1000)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A request that is plain or nearly so: members and parameters left out, added, and of other types."""
    name = draw(NAMES)
    number = PLACEHOLDER
    message: dict[str, Any] = request(draw(st.sampled_from([number, -number, f"{number}", f"ü{number}"])), draw(METHODS))
    message["params"] = {"name": name, "arguments": {}} if message["method"] == "tools/call" else {}
    if draw(st.booleans()):
        message["params"]["_meta"] = draw(
            st.sampled_from([{}, META, {"progressToken": 1}, {"progressToken": None}, {"x/y": [1]}])
        )
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.sampled_from([message, message["params"]])) if isinstance(message.get("params"), dict) else message
        key = draw(st.sampled_from(["jsonrpc", "id", "method", "params", "name", "arguments", "_meta", "cursor", "more"]))
        if draw(st.booleans()):
            place.pop(key, None)
        else:
            place[key] = draw(ODD)
    line = encoded(message)
    return draw(
        st.sampled_from(
            [
                line,
                line,
                line,
                b"\xef\xbb\xbf" + line,
                line[:-1],
                line.replace(b'"get_context"', b'"\\ud800"'),
                b" " + line + b"\r",
            ]
        )
    )


@pytest.mark.long
@examples(100, 2000)
@given(line=messages())
def test_no_message_whatever_is_answered_otherwise_than_by_the_sdk(both: Both, line: bytes) -> None:
    if b'"initialize"' in line or b'"server/discover"' in line:
        return  # these change the connection, which the examples share
    both.agree(line.replace(b"%d" % PLACEHOLDER, b"%d" % next(_numbers)))


def greeted(draw: st.DrawFn) -> list[bytes]:
    """How a connection begins: as a version says, as the next one says, with what is out of turn, or not at all."""
    version = draw(st.sampled_from([*HANDSHAKES, MODERN, "2099-01-01"]))
    hello = encoded(request("hello", "initialize", **{**INITIALIZE, "protocolVersion": version}))
    discover = encoded(request("discover", "server/discover", _meta=META))
    ready = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'
    return draw(st.sampled_from([[hello, ready], [hello], [discover], [discover, hello, ready], [hello, ready, discover], []]))


@st.composite
def sessions(draw: st.DrawFn) -> list[bytes]:
    """The lines of a connection from its first to its last, no id twice."""
    lines = [*greeted(draw), *draw(st.lists(messages(), min_size=1, max_size=8))]
    return [line.replace(b"%d" % PLACEHOLDER, b"%d" % number) for number, line in enumerate(lines, 500_000)]


@pytest.mark.long
@examples(1, 60)
@given(lines=sessions())
def test_no_session_whatever_is_answered_otherwise_than_by_the_sdk(lines: list[bytes]) -> None:
    pair = Both()
    try:
        for line in lines:
            pair.agree(line)
    finally:
        pair.close()


@pytest.mark.parametrize(
    "line",
    [
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":null}',
        b'{"jsonrpc":"2.0","id":null,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":true,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":%d,"method":"ping"}' % (1 << 53),
        b'{"jsonrpc":"1.0","id":1,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":1,"method":7}',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","more":1}',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\\ud800"}}',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\t"}}',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\xff"}}',
        b"[]",
        b"",
        b"{" * 100_000,
    ],
)
def test_what_is_not_plain_is_left_to_the_sdk(line: bytes) -> None:
    assert message_in(line) is None


def test_a_second_greeting_makes_the_connection_the_sdks_alone() -> None:
    connection = Connection(Table())
    hello = encoded(request(0, "initialize", **INITIALIZE))
    assert connection.result_of("initialize", INITIALIZE, hello) is not None
    assert connection.result_of("tools/list", {}, b"") is not None
    assert connection.result_of("initialize", INITIALIZE, hello) is None
    assert connection.result_of("tools/list", {}, b"") is None
    assert connection.greeting == [hello]
    assert not connection.takes_call({"name": "get_context"})


def test_no_more_is_taken_while_too_many_requests_are_unanswered() -> None:
    pending = Pending()
    for number in range(3):
        pending.opened(number)
    assert not pending.wait_for_at_most(2, 0)
    pending.closed("1")
    assert pending.wait_for_at_most(2, 0)
