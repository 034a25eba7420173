"""Leaders that are killed, stopped and resurrected, or that hang: the queue drains all the same, and each event once."""

from __future__ import annotations

import contextlib
import json
import os
import pkgutil
import signal
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from activity_mcp.__main__ import run
from activity_mcp.bench.raw_client import RawClient
from activity_mcp.config import read_config
from activity_mcp.context import Snapshot, SnapshotStore
from activity_mcp.errors import WarehouseUnavailable
from activity_mcp.fs import LOCAL, FileSystem
from activity_mcp.queue import Lease, QueueReader, is_folded, read_commit
from activity_mcp.queue.lock import LockFile
from activity_mcp.service import ActivityService
from activity_mcp.warehouse.duckdb import warehouse
from activity_mcp.warehouse.duckdb.adapter import DuckDBAdapter
from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse
from deployed import put_warehouse
from fakes import FakeClock
from machines import Machine
from patience import PATIENCE_S, until

TOOL = {"tool_name": "Bash", "success": True}


class Servers:
    """Real servers on one state directory, and one service that looks on without leading."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        environ = {"ACTIVITY_HOME": str(home), "HOME": str(home), "ACTIVITY_CUSTOMER": "ada@example.com"}
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        put_warehouse(home)
        self.onlooker = ActivityService.from_environ(source="cli")
        self.directory = Path(self.onlooker.queue.directory)
        self.running: list[RawClient] = []
        self.logged: list[str] = []

    def start(self) -> RawClient:
        client = RawClient("activity_mcp", ["serve"], environ=os.environ)
        self.running.append(client)
        return client

    def log(self, client: RawClient, count: int = 1) -> None:
        for _ in range(count):
            answer = client.call("log_event", {"event_name": "tool_event", "feature_json": TOOL})["structuredContent"]
            assert answer["durable"]
            self.logged.append(answer["activity_id"])

    def leader(self) -> int | None:
        """The pid of the holder of the lease, by the kernel's word."""
        return self.onlooker.lease.holder_pid() if self.onlooker.lease.is_held() else None

    def leads(self, client: RawClient) -> bool:
        reported = self.onlooker.lease.last_report()
        return self.leader() == client.pid and reported.get("pid") == client.pid

    def drained(self) -> bool:
        commit, end = read_commit(str(self.directory)), self.onlooker.local_events
        return commit is not None and not end.urgent()

    def status(self) -> Any:
        return self.onlooker.status()

    def has_no_problems(self) -> bool:
        return self.status()["problems"] == []

    def watermark(self) -> list[str]:
        """Of the published context; empty before there is one."""
        snapshot = self.onlooker.snapshots.read("ada@example.com", "*")
        return [] if snapshot is None else sorted(snapshot.watermark.values())

    def stop(self, client: RawClient) -> None:
        """SIGSTOP, at a moment at which it holds nothing that others wait for: neither the warehouse's file nor the queue's
        ``append.lock``."""

        def is_stopped_at_rest() -> bool:
            os.kill(client.pid, signal.SIGSTOP)
            until(lambda: is_stopped(client.pid))
            appends = LockFile(str(self.directory / "append.lock"), LOCAL)
            try:
                duckdb.connect(self.onlooker.config.db, read_only=True).close()
                if appends.try_acquire():
                    return True
            except duckdb.IOException:
                pass
            finally:
                appends.close()
            os.kill(client.pid, signal.SIGCONT)
            return False

        until(is_stopped_at_rest)

    def end(self) -> None:
        for client in self.running:
            with contextlib.suppress(OSError):
                os.kill(client.pid, signal.SIGCONT)
            client.kill()
            client.__exit__()
        self.onlooker.close()

    def rows(self) -> list[str]:
        """What was logged, as the warehouse has it once everything is flushed. Each offset is there once."""
        for client in self.running:
            client.kill()
        assert run(["flush"]) == 0
        with duckdb.connect(self.onlooker.config.db, read_only=True) as connection:
            found = connection.execute(
                "SELECT activity_id, channel_id || stream_offset FROM CLAUDE_STREAM_V2 WHERE event_name = 'tool_event' ORDER BY 2"
            ).fetchall()
        assert len({place for _, place in found}) == len(found)
        return [activity_id for activity_id, _ in found]


def is_stopped(pid: int) -> bool:
    """All of its threads: each stops when it comes out of the kernel. Elsewhere than on Linux, as soon as the signal was sent."""
    try:
        stats = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    except OSError:  # a thread has ended meanwhile
        return False
    return all(stat.rpartition(")")[2].split()[0] == "T" for stat in stats)


@pytest.fixture
def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Servers]:
    made = Servers(tmp_path, monkeypatch)
    yield made
    made.end()


def test_when_the_leader_is_killed_another_takes_over_and_ships_what_it_left(servers: Servers) -> None:
    leader = servers.start()
    until(lambda: servers.leads(leader))
    other = servers.start()
    servers.log(leader, 5)
    leader.kill()
    servers.log(other)
    until(lambda: servers.leads(other) and servers.drained())
    until(servers.has_no_problems)
    assert servers.rows() == servers.logged


def test_a_takeover_takes_less_than_two_seconds_of_the_clock(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    one, *others = [machine.server() for _ in range(3)]
    machine.turns(one, *others)
    others[0].log("tool_event", TOOL)
    machine.kill(one)
    machine.turns(*others, seconds=1.6)
    assert machine.names() == ["tool_event"]
    for service in machine.services:
        service.close()


def test_a_stopped_leader_is_named_by_status_and_flush_and_goes_on_when_it_may(
    servers: Servers, capfd: pytest.CaptureFixture[str]
) -> None:
    leader = servers.start()
    until(lambda: servers.leads(leader))
    other = servers.start()
    servers.log(leader)
    until(servers.drained)
    servers.stop(leader)
    servers.log(other, 3)  # a stopped leader refuses nobody
    seen = other.call("get_context", {})["structuredContent"]
    assert seen["context"]["activity_counts"]["tool_event"] == 4
    (problem,) = [found for found in servers.status()["problems"] if "the leader" in found]
    assert f"the leader (pid {leader.pid}) is stopped; its last progress was" in problem
    assert f"kill -CONT {leader.pid}" in problem
    assert run(["flush", "--timeout", "0.3"]) == 4
    said = capfd.readouterr().err
    assert f"process {leader.pid} leads and did not flush" in said
    assert servers.onlooker.lease.last_report()["last_progress"] in said
    os.kill(leader.pid, signal.SIGCONT)
    until(lambda: servers.drained() and servers.has_no_problems())
    assert servers.rows() == servers.logged


def test_a_leader_that_hangs_is_named_by_status_after_fifteen_seconds_without_progress(tmp_path: Path) -> None:
    clock = FakeClock()
    environ = {"ACTIVITY_HOME": str(tmp_path), "HOME": str(tmp_path), "ACTIVITY_CUSTOMER": "ada@example.com"}
    onlooker = ActivityService.from_environ(environ, clock=clock)
    lease = Lease(onlooker.queue.directory, clock=clock)
    assert lease.try_acquire()
    clock.advance(14)
    assert onlooker.status()["problems"] == []
    clock.advance(2)
    clock.jump_wall(-86_400)  # the wall clock has no say in it
    (problem,) = onlooker.status()["problems"]
    assert f"the leader (pid {os.getpid()}) made no progress for 16 s" in problem
    lease.release()
    onlooker.close()


def test_a_resurrected_leader_finds_another_one_leading_and_steps_back(servers: Servers) -> None:
    old = servers.start()
    until(lambda: servers.leads(old))
    new = servers.start()
    servers.log(old, 3)
    until(lambda: servers.drained() and servers.watermark())
    servers.stop(old)
    (servers.directory / "leader.lock").unlink()  # somebody cleaned up: the stopped one's lease guards nothing any more
    servers.log(new, 3)
    until(lambda: servers.leads(new) and servers.drained())
    newest = servers.watermark()
    os.kill(old.pid, signal.SIGCONT)
    servers.log(old, 2)
    servers.log(new, 2)
    until(lambda: servers.drained() and servers.leads(new))
    assert servers.watermark() >= newest
    assert servers.rows() == servers.logged


def test_two_leaders_at_once_stay_exact_however_often_their_lock_is_taken_away(servers: Servers) -> None:
    clients = [servers.start(), servers.start()]
    until(lambda: any(servers.leads(client) for client in clients))
    for _ in range(5):
        with contextlib.suppress(FileNotFoundError):
            (servers.directory / "leader.lock").unlink()
        for client in clients:
            servers.log(client, 3)
    until(servers.drained)
    assert servers.rows() == servers.logged


class Slow(FileSystem):
    """A disk on which a publisher is stopped just before its rename, until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.stopped, self.may_go = threading.Event(), threading.Event()

    def publish(self, path: str, data: bytes | Iterable[bytes], *, durable: bool = True, mode: int = 0o600) -> None:
        self.stopped.set()
        assert self.may_go.wait(PATIENCE_S)
        super().publish(path, data, durable=durable, mode=mode)


def test_a_leader_stopped_in_the_middle_of_publishing_never_replaces_a_newer_snapshot(tmp_path: Path) -> None:
    def snapshot(offset: int) -> Snapshot:
        return Snapshot("ada", "*", {}, {"channel": f"{1:012d}:{offset:012d}:00000000"}, 1_800_000_000_000_000, offset)

    disk = Slow()
    stopped = SnapshotStore(str(tmp_path), fs=disk)
    old = threading.Thread(target=stopped.publish, args=(snapshot(10),))
    old.start()
    assert disk.stopped.wait(PATIENCE_S)
    other = SnapshotStore(str(tmp_path))
    with pytest.raises(BlockingIOError):  # the other one waits, and is reported, rather than be overtaken
        other.publish(snapshot(20))
    disk.may_go.set()
    old.join()
    assert other.publish(snapshot(20))
    assert not stopped.publish(snapshot(10))
    found = other.read("ada", "*")
    assert found is not None
    assert found.row_version == 20


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("appending._fill_batch", id="in an append", marks=pytest.mark.slow),
        pytest.param("folding.refresh", id="in a fold"),
    ],
)
def test_a_sink_call_that_hangs_or_raises_is_ended_reported_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    environ = {"ACTIVITY_HOME": str(tmp_path), "HOME": str(tmp_path), "ACTIVITY_CUSTOMER": "ada@example.com"}
    errors: list[BaseException] = []
    adapter = DuckDBAdapter(read_config(environ).db, timeout_s=1.0)
    service = ActivityService.from_environ(environ, on_error=errors.append, adapter=adapter)
    DuckDBWarehouse(service.config.db).committed("")  # made beforehand, which takes its time
    calls = iter(["hang", "raise"])
    place = f"activity_mcp.warehouse.duckdb.{place}"
    genuine: Any = pkgutil.resolve_name(place)
    hangs, watch = threading.Event(), warehouse._watch

    def hanging(connection: duckdb.DuckDBPyConnection, *arguments: Any) -> Any:
        kind = next(calls, "")
        if kind == "hang":
            hangs.set()
            try:
                connection.execute("SELECT COUNT(*) FROM range(1000000000000) AS a, range(1000) AS b").fetchall()
            finally:
                hangs.clear()
        elif kind == "raise":
            raise RuntimeError("a bug in a sink")
        return genuine(connection, *arguments)

    def watched(connection: duckdb.DuckDBPyConnection, done: threading.Event, timeout_s: float) -> None:
        """The second counts for what hangs: on a busy machine a call that does not may take longer."""
        while not done.wait(0.02):
            if hangs.is_set():
                watch(connection, done, timeout_s)

    monkeypatch.setattr(place, hanging)
    monkeypatch.setattr(warehouse, "_watch", watched)
    reported, progress = [], Lease.progress

    def noted(lease: Lease, **facts: Any) -> None:
        progress(lease, **facts)
        reported.append(lease.last_report().get("error"))

    monkeypatch.setattr(Lease, "progress", noted)
    service.start()
    ids = [str(service.log("tool_event", TOOL)["activity_id"]) for _ in range(3)]
    until(lambda: "RuntimeError: a bug in a sink" in reported)  # for some seconds, which a busy machine may let pass unseen
    assert {type(error) for error in errors} == {WarehouseUnavailable, RuntimeError}
    until(is_folded(service.lease, QueueReader(service.queue.directory).end()))
    assert {type(error) for error in errors} == {WarehouseUnavailable, RuntimeError}, "and nothing but these two"
    assert service.lease.holder_pid() == os.getpid()
    service.close()
    with duckdb.connect(service.config.db, read_only=True) as connection:
        rows = connection.execute("SELECT activity_id FROM CLAUDE_STREAM_V2 WHERE event_name = 'tool_event'").fetchall()
        counted = connection.execute("SELECT SUM(calls) FROM CONTEXT_COUNTS WHERE project = '*' AND event_name = 'tool_event'")
        assert counted.fetchall() == [(3,)]
    assert sorted(activity_id for (activity_id,) in rows) == sorted(ids)


def test_whatever_is_in_leader_json_status_answers_and_names_the_holder_of_the_lock(tmp_path: Path) -> None:
    environ = {"ACTIVITY_HOME": str(tmp_path), "HOME": str(tmp_path), "ACTIVITY_CUSTOMER": "ada@example.com"}
    service = ActivityService.from_environ(environ)
    lease = Lease(service.queue.directory)
    assert lease.try_acquire()
    for content in (b"", b"{}", json.dumps({"pid": [1], "last_progress": "soon", "monotonic": "x", "since": 3}).encode()):
        Path(service.queue.directory, "leader.json").write_bytes(content)
        document = service.status()
        assert (document["leader"]["pid"], document["leader"]["last_progress_age_s"]) == (os.getpid(), None)
        assert document["problems"] == [
            f"the report of the leader (pid {os.getpid()}) cannot be read: look again in ten seconds: it reports again"
        ]
    lease.release()
    service.close()
