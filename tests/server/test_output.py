"""Answers to a client that reads slowly, or not: whole, in order, in as few writes as it takes, and nobody is blocked."""

from __future__ import annotations

import os
import select
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from activity_mcp.server.front.unblocked import Unblocked
from activity_mcp.server.front.wire import UNREAD_BYTES, Output
from patience import PATIENCE_S, until


class Wire:
    """The end that answers are written to, and the end that the client reads. Each is closed once: its number may be another
    file's by then."""

    def __init__(self, written: int, read: int) -> None:
        self.written = written
        self.read = read
        self._open = {written, read}
        self._outputs: list[Output] = []

    def output(self, on_lost: Callable[[], None] = lambda: None) -> Output:
        self._outputs.append(Output(self.written, on_lost))
        return self._outputs[-1]

    def leave(self) -> None:
        """The client goes."""
        self._close(self.read)

    def close(self) -> None:
        """The client goes, the threads that write to it notice and end, and then the other end is closed."""
        self.leave()
        for output in self._outputs:
            output.write(b"is anybody there?")
            if output._thread is not None:
                output._thread.join(PATIENCE_S)
                assert not output._thread.is_alive()
        self._close(self.written)

    def _close(self, descriptor: int) -> None:
        if descriptor in self._open:
            self._open.remove(descriptor)
            os.close(descriptor)


def _pipe() -> Wire:
    read, written = os.pipe()
    return Wire(written, read)


def _sockets() -> Wire:
    one, other = socket.socketpair()
    return Wire(one.detach(), other.detach())


@pytest.fixture
def pipe() -> Iterator[Wire]:
    made = _pipe()
    yield made
    made.close()


@pytest.fixture(params=[_pipe, _sockets], ids=["pipe", "socket"])
def wire(request: pytest.FixtureRequest) -> Iterator[Wire]:
    made = request.param()
    yield made
    made.close()


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
    output = wire.output()

    def answer_all() -> None:
        for answer in answers:
            output.write(answer)

    thread = threading.Thread(target=answer_all)
    thread.start()
    assert _all_that_comes(wire.read, sum(map(len, answers))) == b"".join(answers)
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_an_answer_that_has_room_goes_in_one_write(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[int] = []
    write = os.write

    def counted(descriptor: int, data: bytes) -> int:
        if descriptor == wire.written:
            writes.append(len(data))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", counted)
    answer = b"x" * 17_000 + b"\n"
    for _ in range(3):
        wire.output().write(answer)
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


def test_a_pipe_that_is_not_empty_takes_what_is_promised_for_sure(pipe: Wire) -> None:
    unblocked = Unblocked(pipe.written)
    assert unblocked.write(b"x") == 1
    assert unblocked.write(b"y" * (select.PIPE_BUF + 1)) in (select.PIPE_BUF + 1, select.PIPE_BUF)
    rest = unblocked.write(b"z" * (1 << 20))
    assert rest % select.PIPE_BUF == 0


def test_the_mode_of_the_descriptor_stays_as_it_is(wire: Wire) -> None:
    wire.output().write(b"x" * 100_000)
    assert os.get_blocking(wire.written)


def test_a_client_that_has_gone_loses_the_output_and_is_reported_once(wire: Wire) -> None:
    reported: list[int] = []
    output = wire.output(lambda: reported.append(1))
    wire.leave()
    for size in (10, 10_000):
        output.write(b"x" * size)
    assert output.lost
    assert reported == [1]


def test_the_thread_that_writes_ends_when_the_client_has_gone_however_that_is_noticed(wire: Wire) -> None:
    answer = b"x" * 300_000
    idle, busy = wire.output(), wire.output()
    idle.write(answer)
    assert _all_that_comes(wire.read, len(answer)) == answer
    until(lambda: not idle._waiting)
    busy.write(answer)
    wire.leave()
    until(lambda: busy._thread is not None and not busy._thread.is_alive())  # by its own write
    idle.write(b"x")  # by another's, while the thread has nothing to write
    until(lambda: idle._thread is not None and not idle._thread.is_alive())
