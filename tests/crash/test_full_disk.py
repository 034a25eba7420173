"""A disk without room: a whole line or none, the caller is reported, shipping goes on, and space that returns is used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import activity_mcp
from activity_mcp.errors import DiskFull, QueueBusy, WarehouseUnavailable
from activity_mcp.operations import drain
from activity_mcp.queue import Lease, QueueReader, ReadBatch, manifest
from activity_mcp.service import ActivityService
from disks import FaultyDisk, damages, numbers, read_all, segments
from rigs import Rig


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 256 KiB."""
    place = tmp_path / "small"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system; the same with a staged disk runs everywhere")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs", str(place)], capture_output=True, text=True
    )
    if done.returncode != 0:
        pytest.skip(f"this machine mounts no tmpfs: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


def fill(place: Path) -> Path:
    """A file that leaves no byte of the disk free."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while file.write(b"\0" * size) == size:
                    pass
            except OSError:
                pass
    return ballast


def test_a_disk_that_really_fills_up_takes_whole_lines_or_none_and_shipping_makes_room(small_disk: Path) -> None:
    rig = Rig(small_disk / "queue", segment_bytes=32 * 1024)
    accepted: list[str] = []
    refused = 0
    for n in range(400):  # about twice what fits
        names = [f"{n}-{k}" for k in range(3)]
        try:
            rig.writer.append([rig.line(name, note="x" * 150) for name in names])
            accepted += names
        except DiskFull:
            refused += len(names)
        if n == 300:
            flusher = rig.drain()  # on the full disk, where commit.json finds no room
            assert rig.ids() == accepted
            assert flusher.prune(flusher.offset) > 2
    rig.drain()
    assert rig.ids() == accepted
    assert rig.recoveries() == []
    assert rig.writer.refused() == refused
    assert refused > 100
    assert any(name.startswith("399-") for name in accepted)  # the room that the deletion made was used


def test_the_log_command_on_a_full_disk_says_so_and_what_was_recorded_is_flushed(small_disk: Path) -> None:
    home = small_disk / "home"
    environ = {
        **os.environ, "ACTIVITY_HOME": str(home), "HOME": str(small_disk), "ACTIVITY_CUSTOMER": "ada@example.com",
        "PYTHONPATH": str(Path(activity_mcp.__file__).parents[1]),
    }  # fmt: skip

    environ["ACTIVITY_DB"] = str(small_disk.parent / "activity.duckdb")  # the warehouse has a disk of its own

    def run(*arguments: str, events: int = 0) -> subprocess.CompletedProcess[str]:
        lines = '{"tool_name": "Bash", "success": true}\n' * events
        command = [sys.executable, "-m", "activity_mcp", *arguments]
        return subprocess.run(command, env=environ, input=lines, capture_output=True, text=True)

    first = run("log", "tool_event", "--json", "-", events=2)
    ballast = fill(small_disk)
    full = run("log", "tool_event", "--json", "-", events=60)  # the last page of the segment has room for a few
    ids = [*json.loads(first.stdout)["activity_ids"], *json.loads(full.stdout)["activity_ids"]]
    assert full.returncode == 3
    assert "No space left on device" in full.stderr
    assert f"{len(ids) - 2} events were accepted before it, none from it on" in full.stderr
    judged = json.loads(run("status", "--json").stdout)
    assert (judged["health"], judged["checks"]["queue"], judged["queue"]["refused_unreported"]) == ("fail", "fail", 1)
    flushed = run("flush")
    assert (flushed.returncode, "the contexts were not renewed: No space left" in flushed.stderr) == (0, True)
    ballast.unlink()
    ids += json.loads(run("log", "tool_event", "--json", "-", events=1).stdout)["activity_ids"]
    assert run("flush").returncode == 0
    stored = run(
        "query", "SELECT activity_id FROM CLAUDE_STREAM_V2 WHERE event_name = 'tool_event' ORDER BY stream_offset", "--json"
    )
    assert [row for (row,) in json.loads(stored.stdout)["rows"]] == ids
    status = json.loads(run("status", "--json").stdout)
    assert (status["queue"]["depth_events"], status["queue"]["refused"]) == (0, 1)


@pytest.mark.parametrize("has_room_for_a_request", [True, False])
def test_who_waits_for_a_leader_on_a_full_disk_hears_of_the_disk_and_not_at_its_deadline(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, has_room_for_a_request: bool
) -> None:
    monkeypatch.setattr(drain, "FULL_FOR_S", 0.2)
    given = {"ACTIVITY_HOME": str(small_disk / "home"), "HOME": str(small_disk), "ACTIVITY_CUSTOMER": "ada@example.com"}
    service = ActivityService.from_environ({**given, "ACTIVITY_DB": str(small_disk.parent / "activity.duckdb")}, source="cli")
    service.log("tool_event", {"tool_name": "Bash", "success": True})
    leader = Lease(service.queue.directory)
    assert leader.try_acquire()  # it ships nothing
    if has_room_for_a_request:
        service.lease.request_flush()
        monkeypatch.setattr(service.lease, "request_flush", lambda: None)  # it is there already
    fill(small_disk)
    with pytest.raises(
        WarehouseUnavailable, match=r"is full: the process that leads cannot report.*the queue holds everything"
    ):
        drain.Drainer(service).drain(60)
    leader.release()
    service.close()


@pytest.mark.parametrize("room", [0, 1, 200, 399, 700])
def test_a_line_that_does_not_fit_is_taken_back_whatever_part_of_it_did(tmp_path: Path, room: int) -> None:
    disk = FaultyDisk()
    rig = Rig(tmp_path / "queue", fs=disk)
    before = rig.write(2)
    content = segments(rig.directory)[0].read_bytes()
    disk.room = room
    with pytest.raises(DiskFull):
        rig.writer.append([rig.line("a"), rig.line("b")])
    assert segments(rig.directory)[0].read_bytes() == content
    disk.room = None
    after = rig.write(2)
    rig.drain()
    assert rig.ids() == before + after
    assert (rig.recoveries(), rig.writer.refused()) == ([], 2)


def test_a_flusher_that_looks_between_a_short_write_and_its_taking_back_ships_nothing_that_was_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first lines of a batch that did not fit are whole for a moment. A flusher that shipped them then would have an offset that
    the next append gives to something else."""
    disk = FaultyDisk()
    rig = Rig(tmp_path / "queue", fs=disk)
    before = rig.write(2)
    flusher = rig.drain()
    looked: list[BaseException] = []

    def look() -> None:
        disk.before_truncate = None
        with pytest.raises(QueueBusy) as refused:  # the writer still holds append.lock: what is there may go again
            flusher.step()
        looked.append(refused.value)

    monkeypatch.setattr(manifest, "_PATIENCE_S", 0.05)
    disk.room, disk.before_truncate = 900, look
    with pytest.raises(DiskFull):
        rig.writer.append([rig.line(name) for name in ("a", "b", "c")])
    disk.room = None
    after = rig.write(2)
    rig.drain(flusher)
    assert len(looked) == 1
    assert rig.ids() == before + after
    assert rig.reported == []


def test_what_was_read_before_it_was_taken_back_is_read_again(tmp_path: Path) -> None:
    disk = FaultyDisk()
    rig = Rig(tmp_path / "queue", fs=disk)
    before = rig.write(2)
    reader = QueueReader(rig.directory)
    seen: list[ReadBatch] = []
    disk.room, disk.before_truncate = 900, lambda: seen.append(reader.read(None))
    with pytest.raises(DiskFull):
        rig.writer.append([rig.line(name) for name in ("a", "b", "c")])
    disk.room = None
    assert [record.value["activity_id"] for record in seen[0].records] == [*before, "a", "b"]
    assert not reader.is_settled(seen[0])
    assert reader.is_settled(reader.read(None))


def test_the_lines_that_fit_below_a_file_size_limit_are_the_lines_that_are_there(tmp_path: Path) -> None:
    """RLIMIT_FSIZE gives a short write first and then EFBIG, on any file system."""
    script = f"""
import resource, sys
sys.path[:0] = {[entry for entry in sys.path if entry]!r}
from disks import line, writer
from activity_mcp.errors import DiskFull, QueueBusy
from activity_mcp.queue import QueueReader, ReadBatch, manifest
queue = writer({str(tmp_path / "queue")!r})
queue.append([line(0)])
resource.setrlimit(resource.RLIMIT_FSIZE, (450, resource.RLIM_INFINITY))
accepted = [0]
for n in range(1, 6):
    try:
        queue.append([line(n)])
        accepted.append(n)
    except DiskFull:
        pass
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
queue.append([line(9)])
print(accepted + [9], queue.refused())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    items = read_all(str(tmp_path / "queue"))
    assert damages(items) == []
    assert done.stdout == f"{numbers(items)} {7 - len(items)}\n"
    assert 1 < len(items) < 7
