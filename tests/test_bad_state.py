"""A state directory that is not what it should be: each case has an outcome, none of them skips a new event without a word."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.__main__ import run
from activity_mcp.bench.raw_client import RawClient
from activity_mcp.errors import UnsupportedStateDirectory, WarehouseRefused
from activity_mcp.fs import LOCAL
from activity_mcp.pipeline.folding import FOLD_EVERY_S
from activity_mcp.queue import read_commit, read_queue
from activity_mcp.service import ActivityService
from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse
from machines import Machine
from patience import until

TOOL = {"tool_name": "Bash", "success": True}
NO_SOCKETS = shutil.ignore_patterns("hook.sock*")
"""What a backup leaves out: the socket of a server that runs."""


def log(server: ActivityService, count: int = 1, size: int = 10) -> list[str]:
    return [server.log("tool_event", {**TOOL, "note": "x" * size})["activity_id"] or "" for _ in range(count)]


def segments(server: ActivityService) -> list[Path]:
    return sorted(Path(server.queue.directory, "seg").iterdir())


def rotate(server: ActivityService) -> None:
    """What is appended from now on goes into a new segment."""
    server.writer._segments._max_bytes = 1


# --- places


@pytest.mark.parametrize(("mode", "held"), [(0o770, {}), (0o777, {}), (0o700, {"settings.json": '{"theme": "dark"}'})])
def test_nothing_is_written_into_a_directory_that_is_open_to_others_or_another_programs(
    tmp_path: Path, mode: int, held: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for name, text in held.items():
        (home / name).write_text(text)
    home.chmod(mode)
    monkeypatch.setenv("ACTIVITY_HOME", str(home))
    for command in (["log", "tool_event", "--feature", "tool_name=Bash", "--feature", "success=true"], ["status"], ["flush"]):
        assert run(command) == 3
    assert {path.name: path.read_text() for path in home.rglob("*")} == held


@pytest.mark.parametrize("open_to_all", [".", "..", "queue"])
def test_a_place_that_everybody_may_write_to_is_refused_wherever_it_is_above_the_queue(
    tmp_path: Path, open_to_all: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "shared" / "home"
    (home / "queue").mkdir(parents=True)
    place = (home / open_to_all).resolve()
    place.chmod(0o777)
    monkeypatch.setenv("ACTIVITY_HOME", str(home))
    assert run(["log", "tool_event", "--feature", "tool_name=Bash", "--feature", "success=true"]) == 3
    said = capfd.readouterr().err
    assert f"{place} can be written by every user" in said
    assert (f"chmod 700 {place}" if open_to_all == "." else f"chmod o-w {place}") in said
    assert not list(home.rglob("*.ndjson"))
    place.chmod(0o1777)  # as /tmp is: nobody can swap what belongs to another, but anyone can add to it
    is_home = open_to_all == "."
    assert run(["log", "tool_event", "--feature", "tool_name=Bash", "--feature", "success=true"]) == (3 if is_home else 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
@pytest.mark.parametrize("given_away", [".", "queue"])
def test_a_place_that_belongs_to_somebody_else_is_refused(tmp_path: Path, given_away: str) -> None:
    home = tmp_path / "home"
    (home / "queue").mkdir(parents=True)
    os.chown(home / given_away, 65534, 65534)
    service = ActivityService.from_environ({"ACTIVITY_HOME": str(home), "HOME": str(tmp_path)})
    with pytest.raises(UnsupportedStateDirectory, match="belongs to user id 65534") as refused:
        service.log("tool_event", TOOL)
    assert "run as its owner" in refused.value.hint


def test_a_warehouse_on_a_network_drive_is_refused_and_the_queue_keeps_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    table = f"36 35 0:99 / / rw - ext4 /dev/a rw\n37 35 0:98 / {tmp_path}/drive rw - nfs4 server:/x rw\n"
    (tmp_path / "drive").mkdir()
    monkeypatch.setattr(LOCAL, "mount_table", lambda: table.encode())
    environ = {"ACTIVITY_HOME": str(tmp_path / "home"), "HOME": str(tmp_path), "ACTIVITY_DB": f"{tmp_path}/drive/a.duckdb"}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert run(["log", "tool_event", "--feature", "tool_name=Bash", "--feature", "success=true"]) == 0
    assert run(["flush"]) == 4
    said = capfd.readouterr().err
    assert "nfs4" in said
    assert "the queue holds everything" in said
    assert not (tmp_path / "drive" / "a.duckdb").exists()
    with pytest.raises(WarehouseRefused):
        DuckDBWarehouse(environ["ACTIVITY_DB"]).committed("c")
    monkeypatch.setenv("ACTIVITY_HOME", f"{tmp_path}/drive/home")
    assert run(["log", "tool_event", "--feature", "tool_name=Bash", "--feature", "success=true"]) == 3


def test_a_server_on_such_a_place_answers_with_the_reason_and_fills_no_log(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o777)
    environ = {**os.environ, "ACTIVITY_HOME": str(home), "HOME": str(tmp_path)}
    script = (
        "import sys; from activity_mcp import service; service.START_RETRY_S = 0.01;"
        "sys.argv = ['activity-mcp', 'serve']; from activity_mcp.__main__ import main; main()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with RawClient.of(child) as client:
        for _ in range(3):
            with pytest.raises(RuntimeError, match="can be written by every user"):
                client.call("log_event", {"event_name": "tool_event", "feature_json": TOOL})
            with pytest.raises(RuntimeError, match="can be written by every user"):
                client.call("get_context", {})
        home.chmod(0o700)  # mended while it runs
        assert client.call("log_event", {"event_name": "tool_event", "feature_json": TOOL})["structuredContent"]["durable"]
        until(lambda: (home / "activity.duckdb").exists())  # and it leads, as if nothing had been
    assert child.stderr is not None
    said = child.stderr.read().decode()
    child.stderr.close()
    assert said.count("can be written by every user") == 1  # tried a hundred times a second, reported once a minute
    assert "Traceback" not in said


# --- files that went back, were copied, or are gone


def test_a_restored_backup_ships_what_came_after_it_and_says_so(machine: Machine) -> None:
    server = machine.server()
    before = log(server, 3)
    machine.turns(server)
    backup = machine.home / "backup"
    shutil.copytree(server.queue.directory, backup, ignore=NO_SOCKETS)
    between = log(server, 2)
    machine.turns(server)
    machine.kill(server)
    shutil.rmtree(server.queue.directory)
    shutil.copytree(backup, server.queue.directory)
    other = machine.server()
    after = log(other, 2)
    machine.turns(other)
    assert machine.ids() == before + between + after
    assert any("restored, copied or edited" in reported for reported in machine.recoveries())


@pytest.mark.parametrize("segments_ahead", [0, 2])
def test_a_copied_directory_that_goes_its_own_way_ships_everything_of_both(machine: Machine, segments_ahead: int) -> None:
    original = machine.server(ACTIVITY_DB="/nowhere/a.duckdb")
    shared = log(original, 3)
    machine.turns(original)
    copy_home = machine.home.parent / "copy"
    shutil.copytree(machine.home, copy_home, ignore=NO_SOCKETS)
    copy = machine.server(ACTIVITY_HOME=str(copy_home), ACTIVITY_DB="/nowhere/a.duckdb")
    assert copy.queue.queue_id == original.queue.queue_id
    logged = set(shared)
    for _ in range(segments_ahead + 1):  # both go on, the original ahead in the warehouse
        logged |= {*log(original, 2), *log(copy, 3)}
        machine.turns(original)
        rotate(original)
        rotate(copy)
    machine.turns(copy)
    machine.turns(original)
    assert set(machine.ids()) == logged
    assert read_queue(copy.queue.directory).queue_id != original.queue.queue_id  # type: ignore[union-attr]


def test_a_segment_deleted_before_it_was_shipped_is_reported_in_its_place_and_the_others_flow(machine: Machine) -> None:
    server = machine.server()
    first = log(server)
    machine.turns(server)
    rotate(server)
    gone, kept = log(server), log(server)
    segments(server)[1].unlink()
    machine.turns(server)
    assert machine.ids() == first + kept
    assert gone[0] not in machine.ids()
    assert machine.recoveries() == ["segment 2 is missing: deleted by hand, or older than what the warehouse knows"]
    machine.turns(server, seconds=10)
    assert len(machine.recoveries()) == 1
    assert any("1 damaged ranges are kept" in problem for problem in server.status()["problems"])


def test_the_live_segment_deleted_under_a_server_is_reported_and_new_events_flow(machine: Machine) -> None:
    server = machine.server()
    first = log(server)
    machine.turns(server)
    log(server)
    segments(server)[0].unlink()
    later = log(server, 2)
    machine.turns(server)
    assert machine.ids() == first + later
    assert machine.recoveries() == ["segment 1 is missing: deleted by hand, or older than what the warehouse knows"]


def test_an_edited_segment_costs_the_edited_lines_and_no_other(machine: Machine) -> None:
    server = machine.server()
    shipped = log(server, 2)
    machine.turns(server)
    waiting = log(server, 3)
    (segment,) = segments(server)
    lines = segment.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b"Bash", b"Bashful")  # shipped long ago, and now of another length
    lines[4] = lines[4].replace(b"Bash", b"Zash")  # not shipped yet
    segment.write_bytes(b"".join(lines))
    later = log(server)
    machine.turns(server, seconds=4)
    assert machine.ids() == [*shipped, waiting[0], waiting[2], *later]
    reported = machine.recoveries()
    assert sum("the checksum does not agree" in message for message in reported) == 2
    assert sum("restored, copied or edited" in message for message in reported) == 1


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0])
def test_a_clock_that_jumps_either_way_skips_nothing_and_accuses_nobody(machine: Machine, jump: float) -> None:
    server, other = machine.server(), machine.server()
    ids = log(server)
    machine.turns(server, other)
    machine.clock.jump_wall(jump)
    ids += log(other, 2)
    document = other.status()
    assert document["problems"] == []
    age = document["leader"]["last_progress_age_s"]
    assert age is not None
    assert age <= 5
    machine.turns(server, other)
    machine.clock.jump_wall(-jump)
    ids += log(server, 2)
    machine.turns(server, other, seconds=FOLD_EVERY_S + 1)
    assert machine.ids() == ids
    assert server.context()["freshness"] == "fresh"
    assert machine.recoveries() == []


# --- processes that do not agree


def test_two_queues_of_one_warehouse_both_drain(machine: Machine) -> None:
    one, other = machine.server(), machine.server(QUEUE_DIR=str(machine.home / "elsewhere"))
    ids = [*log(one, 2), *log(other, 3)]
    machine.turns(one, other)
    assert sorted(machine.ids()) == sorted(ids)
    assert {row.channel_id for row in machine.warehouse.rows} == {one.queue.queue_id, other.queue.queue_id}


def test_events_that_wait_for_another_warehouse_are_said(machine: Machine, tmp_path: Path) -> None:
    elsewhere = machine.server(ACTIVITY_DB=str(tmp_path / "moved.duckdb"))
    log(elsewhere, 2)
    here = machine.server()
    log(here)
    machine.turns(here)
    (problem,) = here.status()["problems"]
    assert "2 events wait in a queue of another warehouse" in problem
    assert str(tmp_path / "moved.duckdb") in problem
    machine.turns(elsewhere)
    assert here.status()["problems"] == []


# --- files that say nonsense

NONSENSE = [
    b"",
    b"\0" * 40,
    b"{",
    b"[]",
    b"{}",
    b'{"version":1}',
    b'{"version":"1","pid":[],"last_progress":7,"offset":{}}',
    b"\xff\xfe",
]


@pytest.mark.parametrize("name", ["commit.json", "queue.json", "leader.json", "context", "flush.request"])
def test_a_file_of_nonsense_is_rebuilt_under_a_server_and_nothing_is_sent_twice(machine: Machine, name: str) -> None:
    server = machine.server()
    ids = log(server, 2)
    machine.turns(server)
    directory = Path(server.queue.directory)
    for content in NONSENSE:
        paths = list((directory / "context").glob("*.json")) if name == "context" else [directory / name]
        for path in paths:
            path.write_bytes(content)
        assert server.status()["leader"]["present"]  # it always answers
        machine.turns(server, seconds=25)  # nothing new is needed to mend it
        assert read_commit(str(directory)) is not None
        ids += log(server)
        machine.turns(server)
    after = machine.server()
    machine.kill(server)
    ids += log(after)
    machine.turns(after, seconds=4)
    assert [row.activity_id for row in machine.warehouse.rows if row.event_name == "tool_event"] == ids
    assert after.status()["problems"] == []
    assert after.context()["freshness"] == "fresh"
    assert machine.errors == []


def test_a_queue_without_its_name_says_that_it_was_rebuilt(machine: Machine) -> None:
    server = machine.server()
    log(server)
    machine.turns(server)
    machine.kill(server)
    Path(server.queue.directory, "queue.json").write_bytes(b"{")
    other = machine.server()
    log(other)
    machine.turns(other)
    (reported,) = machine.recoveries()
    assert "queue.json was missing or unreadable" in reported


def test_a_caller_that_waits_for_a_flush_is_not_left_waiting_by_a_deleted_commit(machine: Machine) -> None:
    server, command = machine.server(), machine.server()
    log(server)
    machine.turns(server)
    Path(server.queue.directory, "commit.json").unlink()
    command.lease.request_flush()
    machine.turns(server)
    committed = read_commit(server.queue.directory)
    assert committed is not None
    assert json.loads(Path(server.queue.directory, "leader.json").read_bytes())["offset"] == str(committed.offset)


def test_a_jump_of_the_segment_numbers_to_their_limit_is_not_believed(machine: Machine) -> None:
    server = machine.server()
    ids = log(server)
    machine.turns(server)
    path = Path(server.queue.directory, "commit.json")
    found: dict[str, Any] = json.loads(path.read_bytes())
    path.write_text(json.dumps(found | {"offset": "999999999999:000000000010:00000000"}))
    rotate(server)
    ids += log(server, 2)
    machine.turns(server, seconds=4)
    assert machine.ids() == ids


@pytest.mark.parametrize("durable", [True, False])
def test_a_device_or_a_pipe_is_never_replaced_by_a_file(tmp_path: Path, durable: bool) -> None:
    """Root may rename onto /dev/null, and every program of the machine would then write into a file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="not a regular file"):
        LOCAL.publish(str(pipe), b"text", durable=durable)
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]
