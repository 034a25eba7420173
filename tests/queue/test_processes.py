"""Several processes on one queue, killed without warning; and a machine that loses its power."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest

from activity_mcp.queue import QueueReader, Record
from disks import VolatileDisk, damages, line, numbers, read_all, segments, writer

TESTS = Path(__file__).parents[1]
LOOP_S = 3.0

APPENDER = """
import itertools, os, sys
sys.path[:0] = [{root!r}, {tests!r}]
from disks import line, writer
from activity_mcp.errors import QueueBusy
queue = writer({directory!r}, durability={durability!r}, segment_bytes=6000, lock_timeout=1)
me = sys.argv[1]
for n in itertools.count():
    pad = "x" * (n * 37 % 900)
    try:
        queue.append([line(n, who=me, pad=pad)])
    except QueueBusy:
        continue
    os.write(1, b"%d\\n" % n)  # acknowledged: the line is in the queue, whatever happens now
"""


def start(directory: str, who: str, acknowledged: Path, durability: str) -> subprocess.Popen[bytes]:
    script = APPENDER.format(root=str(TESTS.parent), tests=str(TESTS), directory=directory, durability=durability)
    with acknowledged.open("wb") as out:
        return subprocess.Popen([sys.executable, "-c", script, who], stdout=out)


def test_nothing_acknowledged_is_lost_when_writers_are_killed_again_and_again(directory: str, tmp_path: Path) -> None:
    chance = random.Random(7)
    started = time.monotonic()
    running: dict[str, subprocess.Popen[bytes]] = {}
    acknowledged: dict[str, Path] = {}

    def launch(slot: int) -> None:
        who = f"{slot}-{len(acknowledged)}"
        acknowledged[who] = tmp_path / who
        running[who] = start(directory, who, acknowledged[who], "none" if slot else "event")

    launch(0)
    launch(1)
    kills = 0
    while time.monotonic() - started < LOOP_S or kills < 4:
        time.sleep(chance.uniform(0.15, 0.4))  # lets them run: what they do meanwhile is the test
        who = chance.choice(sorted(running))
        process = running.pop(who)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
        launch(int(who[0]))
    for process in running.values():
        process.kill()
        process.wait()

    writer(directory).append([line(0, who="last")])
    items = read_all(directory)
    found: dict[str, list[int]] = defaultdict(list)
    for item in items:
        if isinstance(item, Record):
            found[item.value["who"]].append(item.value["n"])
    total = 0
    for who, path in acknowledged.items():
        told = [int(n) for n in path.read_bytes().split(b"\n")[:-1]]
        total += len(told)
        assert found[who][: len(told)] == told, f"writer {who}"
        assert len(found[who]) <= len(told) + 1  # one more may have been written and not told
    assert total > 200
    assert len(segments(directory)) > 3
    assert len(damages(items)) <= kills
    offsets = [item.offset for item in items]
    assert offsets == sorted(set(offsets))


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
queue = writer({directory!r}, fs=disk, lock_timeout=2)
queue.append([line(0)])
def pause():
    disk.before_write = None
    writing.set()
    forked.wait(10)
disk.before_write = pause
thread = threading.Thread(target=queue.append, args=([line(1)],))
thread.start()
writing.wait(10)
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
        time.sleep(60)
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
        writer(directory, lock_timeout=0.05).append([line(2)])
    finally:
        os.kill(child, signal.SIGKILL)
    assert numbers(read_all(directory)) == [0, 2]


# --- power


@pytest.mark.parametrize("seed", range(6))
def test_a_power_cut_takes_nothing_that_was_answered_as_durable(directory: str, seed: int) -> None:
    chance = random.Random(seed)
    disk = VolatileDisk()
    durable: set[int] = set()
    n = 0
    for _ in range(4):
        queue = writer(directory, fs=disk, segment_bytes=700)
        for _ in range(chance.randint(3, 25)):
            if queue.append([line(n)], durable=chance.random() < 0.3).durable:
                durable.add(n)
            n += 1
        queue.close()
        disk.power_cut(directory)
        found = numbers(read_all(directory, fs=disk))
        assert durable <= set(found) <= set(range(n))
        assert found == sorted(set(found))
    assert len(durable) < len(found) < n  # something was lost each time, or this showed nothing


def test_offsets_shipped_before_a_power_cut_are_not_given_to_other_lines_after_it(directory: str) -> None:
    disk = VolatileDisk()
    queue = writer(directory, fs=disk)
    queue.append([line(0), line(1)])
    reader = QueueReader(directory, fs=disk)
    batch = reader.read(None)
    assert batch.end is not None
    reader.sync_segments(batch.end)
    shipped = batch.end  # the warehouse has these two
    queue.append([line(2)])
    disk.power_cut(directory)
    again = writer(directory, fs=disk)
    assert again.append([line(3), line(4)]).first.segment == shipped.segment + 1
    assert QueueReader(directory, fs=disk).verify(shipped)
    assert numbers(read_all(directory, after=shipped, fs=disk)) == [3, 4]
