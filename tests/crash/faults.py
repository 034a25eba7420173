"""What the kill loop does to a child from inside: pauses between check and write, torn writes, deaths at any call of the disk,
and segments so small that they rotate all the time. Every fault leaves a byte in a file of its name, so that the loop knows
that it happened.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterable
from typing import Any

TEAR, PAUSE, DEATH = 0.015, 0.05, 0.001
"""How often a write is torn, a call waits, a call is the last: chosen so that a child lives for a few hundred calls."""
LONGEST_PAUSE_S = 0.02
SEGMENT_BYTES = 4 * 1024


def install(seed: str, marks: str) -> None:
    """Patch the classes of this process; every process has a chance of its own, from its seed."""
    from activity_mcp.fs import FileSystem
    from activity_mcp.queue import QueueWriter

    chance = random.Random(seed)
    plain_write, plain_sync, plain_publish, plain_read = (
        FileSystem.write, FileSystem.sync, FileSystem.publish, FileSystem.open_read,
    )  # fmt: skip

    def mark(fault: str) -> None:
        fd = os.open(os.path.join(marks, fault), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(fd, b".")
        os.close(fd)

    def die(fault: str) -> None:
        mark(fault)
        os.kill(os.getpid(), signal.SIGKILL)

    def trouble() -> None:
        roll = chance.random()
        if roll < DEATH:
            die("died")
        elif roll < DEATH + PAUSE:
            mark("paused")
            time.sleep(chance.uniform(0.0, LONGEST_PAUSE_S))  # the fault itself: another process gets in between

    def write(disk: FileSystem, fd: int, data: bytes) -> int:
        trouble()  # the writer has checked its segment and holds append.lock, or should
        if chance.random() < TEAR:
            plain_write(disk, fd, data[: chance.randrange(len(data))])
            die("torn")
        return plain_write(disk, fd, data)

    def sync(disk: FileSystem, fd: int) -> None:
        trouble()
        plain_sync(disk, fd)
        trouble()

    def publish(disk: FileSystem, path: str, data: bytes | Iterable[bytes], **options: Any) -> None:
        trouble()
        plain_publish(disk, path, data, **options)
        trouble()

    def open_read(disk: FileSystem, path: str) -> int:
        trouble()
        return plain_read(disk, path)

    for name, troubled in {"write": write, "sync": sync, "publish": publish, "open_read": open_read}.items():
        setattr(FileSystem, name, troubled)
    defaults = QueueWriter.__init__.__kwdefaults__
    assert defaults
    defaults["segment_bytes"] = SEGMENT_BYTES
