"""Answers to a client that reads slowly, or not: whole, in order, in as few writes as it takes, and nobody is blocked."""

from __future__ import annotations

import os
import select
import socket
import threading
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from activity_mcp.server.front.unblocked import Unblocked
from activity_mcp.server.front.wire import UNREAD_BYTES, Output


class Wire(NamedTuple):
    """The end that answers are written to, and the end that the client reads."""

    written: int
    read: int


def _pipe() -> Wire:
    read, written = os.pipe()
    return Wire(written, read)


def _sockets() -> Wire:
    one, other = socket.socketpair()
    return Wire(one.detach(), other.detach())


@pytest.fixture(params=[_pipe, _sockets], ids=["pipe", "socket"])
def wire(request: pytest.FixtureRequest) -> Iterator[Wire]:
    made = request.param()
    yield made
    for descriptor in made:
        try:
            os.close(descriptor)
        except OSError:
            continue


def _answers(count: int) -> list[bytes]:
    return [b"%d %s\n" % (n, b"x" * (n * 977 % 60_000)) for n in range(count)]


def _all_that_comes(descriptor: int, size: int) -> bytes:
    found = b""
    while len(found) < size:
        found += os.read(descriptor, 1000)
    return found


def test_answers_of_any_size_come_whole_and_in_order_to_a_client_that_reads_slowly(wire: Wire) -> None:
    answers = _answers(80)
    assert sum(map(len, answers)) > UNREAD_BYTES
    output = Output(wire.written)

    def answer_all() -> None:
        for answer in answers:
            output.write(answer)

    thread = threading.Thread(target=answer_all)
    thread.start()
    assert _all_that_comes(wire.read, sum(map(len, answers))) == b"".join(answers)
    thread.join()


def test_an_answer_that_has_room_goes_in_one_write(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[int] = []
    write = os.write

    def counted(descriptor: int, data: bytes) -> int:
        writes.append(len(data))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", counted)
    answer = b"x" * 17_000 + b"\n"
    for _ in range(3):
        Output(wire.written).write(answer)
        assert os.read(wire.read, 1 << 16) == answer
    assert writes in ([len(answer)] * 3, [])  # into a socket by its own call


def test_what_has_no_room_is_not_waited_for(wire: Wire) -> None:
    unblocked = Unblocked(wire.written)
    data = b"x" * (4 << 20)
    written = unblocked.write(data)
    assert 0 < written < len(data)
    assert unblocked.write(data) == 0
    assert unblocked.write(b"x") == 0
    left = written
    while left:
        left -= len(os.read(wire.read, 1 << 16))
    assert unblocked.write(data) > 0


def test_a_pipe_that_is_not_empty_takes_what_is_promised_for_sure() -> None:
    wire = _pipe()
    unblocked = Unblocked(wire.written)
    assert unblocked.write(b"x") == 1
    assert unblocked.write(b"y" * (select.PIPE_BUF + 1)) in (select.PIPE_BUF + 1, select.PIPE_BUF)
    rest = unblocked.write(b"z" * (1 << 20))
    assert rest % select.PIPE_BUF == 0


def test_the_mode_of_the_descriptor_stays_as_it_is(wire: Wire) -> None:
    Output(wire.written).write(b"x" * 100_000)
    assert os.get_blocking(wire.written)


def test_a_client_that_has_gone_loses_the_output_and_is_reported_once(wire: Wire) -> None:
    reported: list[int] = []
    output = Output(wire.written, lambda: reported.append(1))
    os.close(wire.read)
    for size in (10, 10_000):
        output.write(b"x" * size)
    assert output.lost
    assert reported == [1]
