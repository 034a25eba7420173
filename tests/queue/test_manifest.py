"""Which queue this is: made once, rebuilt when lost, never mixed up, never taken from a place that cannot hold it."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import pytest

import activity_mcp.fs
from activity_mcp.errors import NewerFormat, QueueRefused, UnsupportedStateDirectory
from activity_mcp.fs import FileSystem
from activity_mcp.queue import Lease, open_queue, publish_commit, read_queue
from disks import FaultyDisk, line, segments, writer
from fakes import FakeClock

SINK = "duckdb:/home/ada/activity.duckdb"


def mounted(kind: str, where: str, device: int | None = None) -> bytes:
    """A mount table in which ``where`` is of that type, found by its device or, with another device, by its path."""
    device = os.stat(where).st_dev if device is None else device
    root = b"22 1 1:9 / / rw - ext4 /dev/vda rw\n"
    escaped = where.replace(" ", "\\040")
    return root + f"36 22 {os.major(device)}:{os.minor(device)} / {escaped} rw,relatime shared:1 - {kind} source rw\n".encode()


def test_the_queue_id_is_made_once_and_stays(directory: str, clock: FakeClock) -> None:
    made = open_queue(directory, sink=SINK, clock=clock)
    again = open_queue(directory, sink=SINK)
    assert (made.queue_id, made.sink, made.created) == (again.queue_id, SINK, "2027-01-15T08:00:00.000000Z")
    assert made.note is None
    assert json.loads(Path(directory, "queue.json").read_bytes())["version"] == 1


def test_processes_that_start_together_agree_on_one_id(directory: str) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(open_queue(directory, sink=SINK, fs=FileSystem()).queue_id))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_the_queue_of_another_warehouse_is_not_taken(directory: str) -> None:
    open_queue(directory, sink=SINK)
    with pytest.raises(UnsupportedStateDirectory, match="would mix two warehouses"):
        open_queue(directory, sink="snowflake:prod")
    assert open_queue(directory, sink="").sink == SINK


def test_looking_makes_nothing(directory: str) -> None:
    assert read_queue(directory) is None
    with pytest.raises(QueueRefused, match="no queue"):
        open_queue(directory, sink=SINK, create=False)
    assert not os.path.exists(os.path.dirname(directory))


@pytest.mark.parametrize("content", [None, b"", b"\0" * 200, b'{"queue_id": ""}', b"{", b"[]", b'{"version":1}'])
def test_a_lost_queue_json_is_rebuilt_from_the_newest_header(directory: str, content: bytes | None) -> None:
    queue = writer(directory, segment_bytes=1)
    queue.append([line(0)])
    queue.append([line(1)])
    before = open_queue(directory, sink="").queue_id
    path = Path(directory, "queue.json")
    path.unlink() if content is None else path.write_bytes(content)
    segments(directory)[-1].write_bytes(b"spoilt\n")
    info = open_queue(directory, sink="duckdb:test")
    assert info.queue_id == before
    assert info.note is not None
    assert "segment 1" in info.note
    assert open_queue(directory, sink="duckdb:test").note is None


def test_with_no_header_left_the_queue_takes_a_new_id_and_says_so(directory: str) -> None:
    writer(directory).append([line(0)])
    before = open_queue(directory, sink="").queue_id
    Path(directory, "queue.json").write_bytes(b"garbage")
    segments(directory)[0].write_bytes(line(0))
    info = open_queue(directory, sink="duckdb:test")
    assert info.queue_id != before
    assert info.note is not None
    assert "new id" in info.note


def test_a_newer_queue_is_left_alone(directory: str) -> None:
    open_queue(directory, sink=SINK)
    path = Path(directory, "queue.json")
    path.write_bytes(b'{"version": 2, "id": "of another shape"}\n')
    for use in (lambda: open_queue(directory, sink=SINK), lambda: writer(directory).append([line(0)])):
        with pytest.raises(NewerFormat, match="format 2"):
            use()
    assert path.read_bytes() == b'{"version": 2, "id": "of another shape"}\n'
    assert segments(directory) == []


def test_directories_are_0700_and_files_0600_whatever_the_umask_allows(directory: str) -> None:
    before = os.umask(0)
    try:
        queue = writer(directory, max_bytes=10_000_000)
        queue.append([line(0)])
        publish_commit(directory, "c", queue.append([line(1)]).last, "2026-11-22T10:00:00.000000Z")
        lease = Lease(directory)
        assert lease.try_acquire()
        lease.request_flush()
        lease.release()
        full = writer(directory, max_bytes=1)
        with pytest.raises(QueueRefused):
            full.append([line(2)])
    finally:
        os.umask(before)
    found = {}
    for folder, folders, files in os.walk(os.path.dirname(directory)):
        for name in folders + files:
            found[name] = stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode)
    directories = {"duckdb-1", "seg"}
    assert {name for name, mode in found.items() if mode == 0o700} == directories
    assert {name for name, mode in found.items() if mode == 0o600} == set(found) - directories
    assert set(found) - directories == {
        "queue.json", "append.lock", "leader.lock", "leader.json", "flush.request", "refused", "commit.json", "000000000001.ndjson"
    }  # fmt: skip


def test_every_descriptor_is_closed_on_exec(directory: str) -> None:
    def descriptors() -> set[int]:
        """Those that stay open: not the one that lists them."""
        return {fd for fd in map(int, os.listdir("/proc/self/fd")) if os.path.exists(f"/proc/self/fd/{fd}")}

    before = descriptors()
    queue, lease = writer(directory), Lease(directory)
    queue.append([line(0)])
    assert lease.try_acquire()
    opened = descriptors() - before
    assert len(opened) == 3  # append.lock, the live segment, leader.lock
    assert not any(os.get_inheritable(fd) for fd in opened)
    queue.close()
    lease.release()
    assert descriptors() == before


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse", "fuse.sshfs", "fuseblk", "9p", "virtiofs"])
def test_a_network_or_fuse_file_system_is_refused_before_anything_is_written(tmp_path: Path, kind: str) -> None:
    disk = FaultyDisk()
    disk.mounts = mounted(kind, str(tmp_path))
    with pytest.raises(UnsupportedStateDirectory, match=f"on a {kind} file system") as refused:
        writer(str(tmp_path / "home" / "queue"), fs=disk).append([line(0)])
    assert "ACTIVITY_HOME" in refused.value.hint
    assert refused.value.exit_code == 3
    assert list(tmp_path.iterdir()) == []


def test_a_mount_that_shows_another_device_is_found_by_its_path(tmp_path: Path) -> None:
    place = tmp_path / "my share"
    place.mkdir()
    disk = FaultyDisk()
    disk.mounts = mounted("nfs4", str(place), device=os.makedev(200, 77))
    with pytest.raises(UnsupportedStateDirectory, match="nfs4"):
        disk.check_supported(str(place / "queue"))
    disk.check_supported(str(tmp_path / "my shared things"))


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "overlay", "tmpfs", "zfs", "something new"])
def test_local_file_systems_pass(tmp_path: Path, kind: str) -> None:
    disk = FaultyDisk()
    disk.mounts = mounted(kind, str(tmp_path))
    writer(str(tmp_path / "queue"), fs=disk).append([line(0)])


def test_an_unknown_mount_table_passes(tmp_path: Path) -> None:
    disk = FaultyDisk()
    disk.mounts = b"what is this\n\n1 2 3\n"
    disk.check_supported(str(tmp_path))


def test_a_directory_that_others_can_write_to_is_refused(directory: str) -> None:
    open_queue(directory, sink=SINK)
    os.chmod(directory, 0o777)
    with pytest.raises(UnsupportedStateDirectory, match="every user") as refused:
        open_queue(directory, sink=SINK)
    assert "chmod 700" in refused.value.hint
    os.chmod(directory, 0o700)
    os.chmod(os.path.dirname(directory), 0o777)
    with pytest.raises(UnsupportedStateDirectory, match="every user"):
        open_queue(directory, sink=SINK)
    os.chmod(os.path.dirname(directory), 0o1777)
    open_queue(directory, sink=SINK)


def test_a_directory_of_another_user_is_refused(directory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    open_queue(directory, sink=SINK)
    somebody = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: somebody)
    with pytest.raises(UnsupportedStateDirectory, match="belongs to user id"):
        writer(directory).append([line(0)])


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "queue").write_text("")
    with pytest.raises(UnsupportedStateDirectory):
        writer(str(tmp_path / "queue" / "duckdb-1")).append([line(0)])


def test_without_file_locks_the_platform_is_refused(directory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity_mcp.fs, "fcntl", None)
    with pytest.raises(UnsupportedStateDirectory, match="no file locks") as refused:
        writer(directory, fs=FileSystem()).append([line(0)])
    assert refused.value.hint == "use WSL"
