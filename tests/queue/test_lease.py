"""One leader, distinguished from a dead one by the kernel; requests for a flush."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.clock import iso
from activity_mcp.fs import FileSystem
from activity_mcp.queue import Lease, clear_flush_request, request_flush
from disks import FaultyDisk
from fakes import FakeClock
from patience import PATIENCE_S

ROOT = str(Path(__file__).parents[2])


def holder_process(directory: str, then: str) -> subprocess.Popen[str]:
    """A process that leads, says so, and does ``then``."""
    script = f"""
import os, sys, time
sys.path.insert(0, {ROOT!r})
from activity_mcp.queue import Lease
lease = Lease({directory!r})
assert lease.try_acquire()
{then}
print("ready", flush=True)
sys.stdin.read()
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_one_leads_until_it_lets_go(directory: str, clock: FakeClock) -> None:
    one, other = Lease(directory, clock=clock), Lease(directory, clock=clock)
    assert (one.is_held(), one.holder()) == (False, None)
    assert one.try_acquire()
    assert one.try_acquire()
    assert (other.try_acquire(), other.is_held(), one.is_held()) == (False, True, True)
    one.release()
    one.release()
    assert (other.is_held(), other.holder()) == (False, None)
    assert other.try_acquire()
    other.release()


def test_the_leader_reports_who_it_is_and_how_far_it_got(directory: str, clock: FakeClock) -> None:
    lease = Lease(directory, clock=clock)
    assert lease.try_acquire()
    clock.advance(5)
    lease.progress(offset="000000000001:000000000010:00000001", error=None)
    assert Lease(directory).holder() == {
        "version": 1,
        "pid": os.getpid(),
        "since": "2027-01-15T08:00:00.000000Z",
        "last_progress": "2027-01-15T08:00:05.000000Z",
        "monotonic": 1005.0,
        "offset": "000000000001:000000000010:00000001",
        "error": None,
    }
    lease.release()
    assert Lease(directory).last_report()["pid"] == os.getpid()
    with pytest.raises(RuntimeError):
        lease.progress()


@pytest.mark.parametrize("content", [b"", b"\0\0", b"[]", b"{"])
def test_a_garbled_leader_json_does_not_hide_that_somebody_leads(directory: str, content: bytes) -> None:
    lease = Lease(directory)
    assert lease.try_acquire()
    Path(directory, "leader.json").write_bytes(content)
    assert Lease(directory).holder() == {}
    lease.release()


def test_a_full_disk_keeps_nobody_from_leading(directory: str) -> None:
    disk = FaultyDisk()
    disk.room = 0
    lease = Lease(directory, fs=disk)
    assert lease.try_acquire()
    lease.progress(offset=None)
    lease.release()


def test_the_lease_is_free_as_soon_as_its_holder_is_killed(directory: str) -> None:
    process = holder_process(directory, "")
    lease = Lease(directory)
    holder = lease.holder()
    assert holder is not None
    assert holder["pid"] == process.pid
    assert not lease.try_acquire()
    end(process)
    assert lease.try_acquire()
    lease.release()


def test_a_forked_child_does_not_keep_the_lease_of_its_dead_parent(directory: str) -> None:
    process = holder_process(
        directory,
        """
pid = os.fork()
if pid == 0:
    os.close(0), os.close(1)
    time.sleep(60)
    os._exit(0)
lease.progress(child=pid)
""",
    )
    lease = Lease(directory)
    holder = lease.holder()
    assert holder is not None
    try:
        end(process)
        os.kill(holder["child"], 0)  # the child is alive
        assert lease.try_acquire()
        lease.release()
    finally:
        os.kill(holder["child"], 9)


def test_a_lock_file_that_was_removed_does_not_make_two_leaders_of_one_object(directory: str) -> None:
    lease = Lease(directory)
    assert lease.try_acquire()
    lease.release()
    os.unlink(f"{directory}/leader.lock")
    other = Lease(directory)
    assert other.try_acquire()
    assert not lease.try_acquire()
    other.release()


def test_a_request_for_a_flush_is_pending_until_it_is_cleared(directory: str, clock: FakeClock) -> None:
    lease = Lease(directory, clock=clock)
    assert lease.try_acquire()
    assert not lease.is_flush_requested()
    request_flush(directory, clock=clock)
    assert lease.is_flush_requested()
    lease.request_flush()
    lease.clear_flush_request()
    clear_flush_request(directory)
    assert not lease.is_flush_requested()
    lease.release()


# --- stepping down


def test_who_leads_is_asked_to_step_down_and_the_request_goes_once_it_has(directory: str) -> None:
    leader, waiting = Lease(directory), Lease(directory)
    assert leader.try_acquire()

    class Notices(FileSystem):
        """The other side: the leader sees the request that was just published, as of another process, and steps down."""

        def publish(self, path: str, data: Any, *, durable: bool = True, mode: int = 0o600) -> None:
            super().publish(path, data.replace(b'"pid":%d' % os.getpid(), b'"pid":1'), durable=durable, mode=mode)
            if path.endswith("lead.request"):
                assert leader.is_asked_to_step_down()
                leader.release()

    assert Lease(directory, fs=Notices()).acquire_from(PATIENCE_S) is True
    assert not os.path.exists(f"{directory}/lead.request")
    assert waiting.is_asked_to_step_down() is False


def test_a_leader_that_does_not_step_down_is_waited_for_no_longer_than_said(directory: str) -> None:
    leader = Lease(directory)
    assert leader.try_acquire()
    assert Lease(directory).acquire_from(0.02) is False
    assert leader.held
    assert not os.path.exists(f"{directory}/lead.request")


@pytest.mark.parametrize("request_text", ['{"version":1,"pid":1,"at":"%s"}', "{}", "not JSON"])
def test_the_request_of_a_command_that_was_killed_lapses(directory: str, request_text: str) -> None:
    clock = FakeClock()
    path = Path(directory, "lead.request")
    path.parent.mkdir(parents=True)
    path.write_text(request_text.replace("%s", iso(clock.time_us())))
    lease = Lease(directory, clock=clock)
    assert lease.is_asked_to_step_down() is ("%s" in request_text)
    clock.advance(11)
    assert lease.is_asked_to_step_down() is False
    assert not path.exists()
