"""The durable queue: what its promises cost, and how it comes back after a crash.

durable append   one event, on disk before the answer, in turn with a bare write and fdatasync of the same bytes
four processes   appends of four processes at once, against one alone, with durability ``interval:100``
takeover         kill -9 of the server that leads, until another one leads in its place
recovery         a queue of 100,000 events whose writer was killed in the middle of a line, the lock in its hand: from the start
                 of the next process to its first acknowledged append, and the memory that shipping all of it takes

Whatever is killed or measured for its memory is a process of its own (``queue_process``).
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from ..config import read_config
from ..fs import LOCAL
from ..queue import Lease, QueueWriter
from .loop import SERVER
from .measured import Measured, against, bounded
from .queue_process import MAX_BYTES, line
from .raw_client import RawClient

if TYPE_CHECKING:
    from collections.abc import Mapping

INTERVAL = "100"


def measure(
    environ: Mapping[str, str],
    *,
    appends: int = 4000,
    per_process: int = 20_000,
    rounds: int = 3,
    queued: int = 100_000,
    takeovers: int = 3,
) -> list[Measured]:
    """All of them, each in a queue of its own below ``ACTIVITY_HOME``."""
    home = environ["ACTIVITY_HOME"]
    return [
        durable_append(home, appends),
        four_processes(home, environ, per_process, rounds),
        *recovery(home, environ, queued),
        *([takeover(environ, takeovers)] if takeovers else []),
    ]


def durable_append(home: str, appends: int) -> Measured:
    """Events a second, append by append in turn with the floor, so that a busy disk is busy for both."""
    event, ours, bare = line(0), 0.0, 0.0
    LOCAL.publish(f"{home}/bare", b"")
    fd = LOCAL.open_append(f"{home}/bare")
    writer = QueueWriter(f"{home}/durable", sink="bench", max_bytes=MAX_BYTES)
    try:
        writer.append([event])
        for _ in range(appends):
            began = time.perf_counter()
            writer.append([event])
            between = time.perf_counter()
            LOCAL.write(fd, event)
            LOCAL.sync(fd)
            bare += time.perf_counter() - between
            ours += between - began
    finally:
        LOCAL.close(fd)
        writer.close()
    return against(
        f"durable append of {len(event)} bytes; floor: write + fdatasync",
        appends / ours,
        appends / bare,
        "events/s",
        at_least=0.8,
    )


def four_processes(home: str, environ: Mapping[str, str], per_process: int, rounds: int) -> Measured:
    """Events a second of all four together, from the first start to the last end; in turn with one process alone."""
    alone = together = 0.0
    for number in range(rounds):
        alone += _appending(f"{home}/alone-{number}", environ, 1, per_process)
        together += _appending(f"{home}/together-{number}", environ, 4, per_process)
    return against(
        f"appends of 4 processes, interval:{INTERVAL}; floor: 1 process",
        4 * per_process * rounds / together,
        per_process * rounds / alone,
        "events/s",
        at_least=0.5,
    )


def _appending(directory: str, environ: Mapping[str, str], processes: int, events: int) -> float:
    """Seconds from the first of the processes' starts to the last of their ends; all are up before any begins."""
    running = [_start(environ, "append", directory, str(events), INTERVAL) for _ in range(processes)]
    try:
        for process in running:
            _answer_of(process)  # it is up
        for process in running:
            _say(process, b"go\n")
        spans = [_answer_of(process) for process in running]
    finally:
        for process in running:
            _end(process)
    return float(max(span["end"] for span in spans) - min(span["start"] for span in spans))


def recovery(home: str, environ: Mapping[str, str], queued: int) -> list[Measured]:
    """A crash, then the first append of the next process; then all of it shipped, beside one batch shipped alike."""
    crashed, small = f"{home}/crashed", f"{home}/batch"
    _crash(crashed, environ, queued)
    _crash(small, environ, 1000)
    came_back = _run(environ, "recover", crashed, repr(time.monotonic()))
    one, every = _run(environ, "ship", small), _run(environ, "ship", crashed)
    if every["rows"] <= queued:
        raise RuntimeError(f"{every['rows']} rows of {queued} events: something was lost in the crash")
    return [
        bounded(f"crash with {queued:,} events queued → first append of a new process", came_back["ms"], "ms", below=1000),
        Measured("   of that, without the start of the interpreter and the imports", came_back["append_ms"], "ms"),
        against(
            f"peak memory shipping {every['rows']:,} rows; floor: one batch",
            every["peak_mb"],
            one["peak_mb"],
            "MB",
            at_most=1.25,
        ),
    ]


def takeover(environ: Mapping[str, str], rounds: int) -> Measured:
    """The slowest of so many takeovers. The kernel names the holder of the lock."""
    lease, waits = Lease(read_config(environ).queue_dir), []
    with ExitStack() as clients:
        running = [clients.enter_context(RawClient(SERVER, ["serve"], environ=environ))]
        for number in range(rounds):
            running.append(clients.enter_context(RawClient(SERVER, ["serve"], environ=environ)))
            leader = _wait_for_leader(lease, running)
            time.sleep(
                1 + number / rounds
            )  # the other one has tried by now, and the kill comes at any moment between its tries
            began = time.monotonic()
            leader.kill()
            running.remove(leader)
            _wait_for_leader(lease, running)
            waits.append((time.monotonic() - began) * 1000)
    return bounded(f"kill -9 of the leader → another leads, slowest of {rounds}", max(waits), "ms", below=2000)


def _wait_for_leader(lease: Lease, servers: list[RawClient]) -> RawClient:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        pid = lease.last_report().get("pid")  # published by the new leader, as it takes the lease
        found = [server for server in servers if server.pid == pid]
        if found:
            return found[0]
        time.sleep(0.002)
    raise RuntimeError("no server leads")


def _crash(directory: str, environ: Mapping[str, str], events: int) -> None:
    process = _start(environ, "crash", directory, str(events))
    ended = process.wait(120)
    _end(process)
    if ended != -signal.SIGKILL:
        raise RuntimeError(f"the writer that should have been killed ended with {ended}")


def _run(environ: Mapping[str, str], *arguments: str) -> dict[str, Any]:
    process = _start(environ, *arguments)
    try:
        return _answer_of(process)
    finally:
        _end(process)


def _start(environ: Mapping[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"{__package__}.queue_process", *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(environ))


def _say(process: subprocess.Popen[bytes], text: bytes) -> None:
    if process.stdin is not None:
        process.stdin.write(text)
        process.stdin.flush()


def _answer_of(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """The process's next line. RuntimeError when it ended without one; its own words are on stderr."""
    answer = process.stdout.readline() if process.stdout is not None else b""
    if not answer:
        raise RuntimeError(f"a process of the benchmark ended with {process.wait(10)}")
    members: dict[str, Any] = json.loads(answer)
    return members


def _end(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
