"""Forks of a process that has a queue open. Kills, power cuts and full disks are staged in ``tests/crash``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from disks import line, numbers, read_all, writer
from patience import PATIENCE_S

TESTS = Path(__file__).parents[1]


def test_a_child_of_a_fork_appends_to_its_parents_queue(directory: str) -> None:
    queue = writer(directory, durability="event")
    queue.append([line(0)])
    pid = os.fork()
    if pid == 0:
        try:
            queue.append([line(1)])
            queue.close()
            os._exit(0)
        except BaseException:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0
    queue.append([line(2)])
    assert numbers(read_all(directory)) == [0, 1, 2]


def test_a_child_forked_in_the_middle_of_an_append_can_append(directory: str) -> None:
    script = f"""
import os, sys, threading
sys.path[:0] = [{str(TESTS.parent)!r}, {str(TESTS)!r}]
from disks import FaultyDisk, line, writer
disk, writing, forked = FaultyDisk(), threading.Event(), threading.Event()
queue = writer({directory!r}, fs=disk, lock_timeout={PATIENCE_S})
queue.append([line(0)])
def pause():
    disk.before_write = None
    writing.set()
    forked.wait({PATIENCE_S})
disk.before_write = pause
thread = threading.Thread(target=queue.append, args=([line(1)],))
thread.start()
writing.wait({PATIENCE_S})
pid = os.fork()  # the child's copies of the thread's locks will never be released by anyone
if pid == 0:
    disk.before_write = None
    try:
        queue.append([line(2)])
        os._exit(0)
    except BaseException:
        os._exit(1)
forked.set()
thread.join()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
    assert numbers(read_all(directory)) == [0, 1, 2]


def test_a_forked_child_does_not_keep_the_append_lock_of_its_parent(directory: str) -> None:
    script = f"""
import os, sys, time
sys.path[:0] = [{str(TESTS.parent)!r}, {str(TESTS)!r}]
from disks import FaultyDisk, line, writer
disk = FaultyDisk()
queue = writer({directory!r}, fs=disk)
queue.append([line(0)])
def fork_and_die():
    pid = os.fork()
    if pid == 0:
        os.close(1)
        time.sleep(1000)
        os._exit(0)
    os.write(1, b"%d" % pid)
    os.kill(os.getpid(), 9)
disk.before_write = fork_and_die  # while append.lock is held
queue.append([line(1)])
"""
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=False)
    child = int(done.stdout)
    try:
        os.kill(child, 0)  # the child is alive
        writer(directory, lock_timeout=PATIENCE_S).append([line(2)])
    finally:
        os.kill(child, signal.SIGKILL)
    assert numbers(read_all(directory)) == [0, 2]
