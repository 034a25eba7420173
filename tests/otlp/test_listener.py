"""The port on loopback: any framing of a request, one process that listens, and nothing where nobody asked."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.config import read_config
from activity_mcp.errors import InvalidConfig
from activity_mcp.otlp import MAX_BODY_BYTES
from activity_mcp.otlp.connections import Connections, Stage
from activity_mcp.otlp.listener import MAX_CONNECTIONS, Listener, PortTaken
from activity_mcp.otlp.post import read_state
from activity_mcp.otlp.token import FILE, made_token, stored_token
from machines import Machine
from otlp.exporter import PLAIN, TOKEN, Rig, body, post, request
from patience import PATIENCE_S


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
def listener(rig: Rig) -> Iterator[Listener]:
    made = Listener(rig.receiver, 0, rig_error)
    yield made
    made.close()


def rig_error(error: BaseException) -> None:
    raise AssertionError(f"nothing should go wrong: {error!r}")


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_request_is_taken_in_every_framing(rig: Rig, listener: Listener, chunked: bool, zipped: bool) -> None:
    status, headers, answer = post(listener.port, body(request(1), request(2)), chunked=chunked, zipped=zipped)
    assert (status, answer, headers["Content-Type"]) == (200, {}, "application/json")
    assert len(rig.features()) == 2


def test_a_connection_takes_one_request_after_another(rig: Rig, listener: Listener) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", listener.port, timeout=PATIENCE_S)
    for number in range(3):
        connection.request(
            "POST", "/v1/logs", body(request(number)), {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
        )
        assert connection.getresponse().read() == b"{}"
    connection.close()
    assert len(rig.features()) == 3


def test_connections_that_show_no_token_keep_no_exporter_out(rig: Rig, listener: Listener) -> None:
    known = http.client.HTTPConnection("127.0.0.1", listener.port, timeout=PATIENCE_S)
    known.request("POST", "/v1/logs", body(request(0)), PLAIN)
    known.getresponse().read()
    others = [socket.create_connection(("127.0.0.1", listener.port), 20) for _ in range(3 * MAX_CONNECTIONS)]
    for number, other in enumerate(others):
        try:
            other.sendall((b"", b"POST /v1/logs HTTP/1.1\r\nHost: a\r\n", b"\x16\x03\x01")[number % 3])
        except OSError:
            pass  # its place was taken
    assert post(listener.port, body(request(1)))[0] == 200
    known.request("POST", "/v1/logs", body(request(2)), PLAIN)
    assert known.getresponse().read() == b"{}"
    known.close()
    for other in others:
        other.close()
    assert len(rig.features()) == 3


HALF_SENT = {
    "head": f"POST /v1/logs HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\n",
    "no body": f"POST /v1/logs HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 100\r\n\r\n",
    "half a body": f"POST /v1/logs HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 100\r\n\r\n{{",
    "a chunk": f"POST /v1/logs HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{{",
}


@pytest.mark.parametrize("kind", HALF_SENT)
def test_half_sent_requests_with_the_token_keep_no_exporter_out(rig: Rig, listener: Listener, kind: str) -> None:
    """Twice as many as there are places; then exporters, one after the other, while as many more half requests come."""
    resting = http.client.HTTPConnection("127.0.0.1", listener.port, timeout=PATIENCE_S)
    resting.request("POST", "/v1/logs", body(request(0)), PLAIN)
    assert resting.getresponse().read() == b"{}"
    others = [_half_sent(listener.port, HALF_SENT[kind]) for _ in range(2 * MAX_CONNECTIONS)]
    for number in range(1, 9):
        assert post(listener.port, body(request(number)))[0] == 200
        others += [_half_sent(listener.port, HALF_SENT[kind]) for _ in range(4)]
    resting.request("POST", "/v1/logs", body(request(9)), PLAIN)
    assert resting.getresponse().read() == b"{}"  # those that wait for nothing go before one that was answered
    resting.close()
    for other in others:
        other.close()
    assert len(rig.features()) == 10


def _half_sent(port: int, data: str) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), 20)
    try:
        made.sendall(data.encode())
    except OSError:
        pass  # its place was taken
    return made


def test_more_exporters_than_places_are_all_answered(rig: Rig, listener: Listener) -> None:
    """The one that has waited longest for its next request is closed, and its exporter opens another connection."""
    resting = []
    for number in range(MAX_CONNECTIONS + 8):
        resting.append(http.client.HTTPConnection("127.0.0.1", listener.port, timeout=PATIENCE_S))
        resting[-1].request("POST", "/v1/logs", body(request(number)), PLAIN)
        assert resting[-1].getresponse().read() == b"{}"
    resting[-1].request("POST", "/v1/logs", body(request(99)), PLAIN)
    assert resting[-1].getresponse().read() == b"{}"
    for connection in resting:
        connection.close()


def test_places_are_given_up_in_order() -> None:
    """Of each stage the oldest; what is being recorded at this moment never."""
    ended: list[socket.socket] = []
    made = [socket.socket() for _ in range(9)]
    connections = Connections(5, ended.append)
    assert all(connections.takes(each) for each in made[:5])
    for each, stage in zip(made, (Stage.RESTING, Stage.HALF_SENT, Stage.RECORDED, Stage.HALF_SENT), strict=False):
        connections.comes_to(each, stage)
    for each in made[5:9]:
        assert connections.takes(each)
        connections.comes_to(each, Stage.RECORDED)
    assert ended == [made[4], made[1], made[3], made[0]]
    with socket.socket() as last:
        assert not connections.takes(last)
        connections.leaves(made[2])
        assert connections.takes(last)
    for each in made:
        each.close()


def test_a_body_of_more_than_8_mb_is_refused_as_it_comes_and_as_it_unpacks(listener: Listener) -> None:
    bomb = gzip.compress(b" " * (MAX_BODY_BYTES + 1))
    assert len(bomb) < 20_000
    assert post(listener.port, bomb, Content_Encoding="gzip")[0] == 413
    assert post(listener.port, b"", Content_Length=str(MAX_BODY_BYTES + 1))[0] == 413


@pytest.mark.parametrize(
    ("data", "headers", "status"),
    [
        (b"not gzip", {"Content_Encoding": "gzip"}, 400),
        (gzip.compress(b"{}", mtime=0)[:-4], {"Content_Encoding": "gzip"}, 400),
        (b"{}", {"Content_Encoding": "br"}, 400),
        (b"{}", {"Content_Length": "-5"}, 400),
        (b"{}", {"Content_Type": "text/plain"}, 415),
        (b"{}", {"Authorization": None}, 401),
        (b"{}", {"Origin": "http://localhost"}, 403),
    ],
)
def test_what_cannot_be_taken_is_answered_with_its_reason(
    rig: Rig, listener: Listener, data: bytes, headers: dict[str, Any], status: int
) -> None:
    found, _, answer = post(listener.port, data, **headers)
    assert found == status
    assert answer["message"]
    assert rig.recorded == []


@pytest.mark.parametrize("raw", [b"zz\r\n", b"5\r\nab", b"ffffffffffff\r\n", b"1" * 3000])
def test_chunks_that_are_damaged_end_the_request_and_nothing_else(rig: Rig, listener: Listener, raw: bytes) -> None:
    head = f"POST /v1/logs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", listener.port), timeout=PATIENCE_S) as connection:
        connection.sendall(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + raw)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100).split()[1] in (b"400", b"413")
    assert post(listener.port, body(request(1)))[0] == 200


def test_only_one_process_listens_on_a_port(rig: Rig, listener: Listener) -> None:
    with pytest.raises(PortTaken):
        Listener(rig.receiver, listener.port, rig_error)


# --- the process that leads


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_process_that_leads_listens_and_the_next_leader_takes_the_port(machine: Machine) -> None:
    port = free_port()
    first, second = (machine.server(ACTIVITY_OTLP_PORT=str(port)) for _ in range(2))
    machine.turns(first, second)
    assert (first.receiver_post.port, second.receiver_post.port) == (port, None)
    token = stored_token(str(machine.home))
    assert token is not None
    assert post(port, body(request(1)), Authorization=f"Bearer {token}")[0] == 200
    first.close()
    machine.turns(second, seconds=8)
    assert second.receiver_post.port == port
    assert post(port, body(request(1), request(2)), Authorization=f"Bearer {token}")[0] == 200
    machine.turns(second, seconds=6)
    rows = [row for row in machine.warehouse.rows if row.event_name == "llm_event"]
    assert sorted(json.loads(row.feature_json)["request_id"][-1] for row in rows) in (["1", "1", "2"], ["1", "2"])
    state = read_state(second.queue.directory)
    assert (state["port"], state["stored"]) == (port, 2)
    assert state["last_us"] > 0


def test_a_port_that_another_program_has_is_waited_for_and_said(machine: Machine) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        server = machine.server(ACTIVITY_OTLP_PORT=str(port))
        machine.turns(server)
        assert server.receiver_post.port is None
        assert read_state(server.queue.directory)["error"] == f"port {port} is taken by another program"
    machine.turns(server, seconds=8)
    assert server.receiver_post.port == port
    assert machine.errors == []


def test_nothing_listens_unless_somebody_asked_for_it(machine: Machine) -> None:
    server = machine.server()
    machine.turns(server)
    assert server.receiver_post.port is None
    assert not (machine.home / FILE).exists()
    assert read_state(server.queue.directory) == {}
    off = machine.server(ACTIVITY_OTLP_PORT="off")
    made_token(str(machine.home))
    machine.turns(off)
    assert off.made("receiver_post") is None


def test_the_token_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    token = made_token(str(tmp_path))
    assert made_token(str(tmp_path)) == token == stored_token(str(tmp_path))
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    (tmp_path / FILE).chmod(0o644)
    assert stored_token(str(tmp_path)) is None


@pytest.mark.parametrize("text", ["-1", "65536", "on", "8758.5", "８７５８"])
def test_a_port_that_is_none_is_a_clear_error(text: str) -> None:
    with pytest.raises(InvalidConfig, match="ACTIVITY_OTLP_PORT"):
        read_config({"HOME": "/h", "ACTIVITY_OTLP_PORT": text})
