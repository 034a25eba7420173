"""A lock that dies with its holder: flock on a file that is never unlinked.

flock belongs to the open file, which a forked child inherits: so every descriptor opened here is closed in a child at once
(``os.register_at_fork``), and close-on-exec does the rest. Locks are only ever polled, never waited for in the kernel, so that
a stopped holder costs a known time.
"""

from __future__ import annotations

import os
import time
from _weakref import ref

try:
    import fcntl
except ImportError:  # Windows: refused when the directory is checked
    fcntl = None  # type: ignore[assignment]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..fs import FileSystem

_TAKE = fcntl.LOCK_EX | fcntl.LOCK_NB if fcntl is not None else 0
_GIVE = fcntl.LOCK_UN if fcntl is not None else 0

_UNKNOWN = 0
"""No process has this id."""
_MAX_UNSEEN = 25
"""So often in a row nobody may seem to hold it: holders come and go. More often: the table does not show them."""
_YIELDS = 20
"""A holder is usually done within microseconds: let it run that often before sleeping."""

_open: dict[int, ref[LockFile]] = {}
"""By id: the locks of this process whose descriptor a fork would copy."""


class LockFile:
    """One descriptor on one lock file. Not thread-safe: its owner sees to that."""

    __slots__ = ("__weakref__", "_fd", "_fs", "_identity", "held", "path")

    def __init__(self, path: str, fs: FileSystem) -> None:
        self.path = path
        self.held = False
        self._fs = fs
        self._fd = -1
        self._identity = (0, 0)

    def try_acquire(self) -> bool:
        """Take the lock if it is free. Raises OSError, FileNotFoundError when the directory is gone.

        A file that was removed or replaced while this had it open is found by ``in_place``, which costs a stat: for a lease
        it is asked each time, for an append only when the live segment turns out to be another one.
        """
        if self._fd < 0:
            self._open()
        try:
            fcntl.flock(self._fd, _TAKE)
        except BlockingIOError:
            return False
        self.held = True
        return True

    def acquire(self, timeout: float, crowded: float = 0.0) -> bool:
        """Poll until the lock is ours or ``timeout`` seconds of real time are over; ``crowded`` seconds longer as long as
        the holder is another one each time, or only waits for a processor or the disk."""
        if self.try_acquire():  # nearly always
            return True
        deadline = time.monotonic() + timeout
        yields, pause = _YIELDS, 0.00005
        while time.monotonic() < deadline:
            if yields:
                yields -= 1
                time.sleep(0)
            else:
                time.sleep(pause)
                pause = min(0.002, pause * 2)
            if self.try_acquire():
                return True
        return crowded > 0 and self._acquire_in_a_crowd(crowded)

    def _acquire_in_a_crowd(self, timeout: float) -> bool:
        """Twenty processes that start at once on two processors need more than their time of waiting, and none is stuck."""
        deadline, before, unseen = time.monotonic() + timeout, _UNKNOWN, 0
        while not self.try_acquire():
            holder = self._holder()
            unseen = unseen + 1 if holder is None else 0
            moves = unseen < _MAX_UNSEEN if holder is None else holder != before or self._is_under_way(holder)
            if time.monotonic() > deadline or holder in (_UNKNOWN, os.getpid()) or not moves:
                return self.try_acquire()
            before = holder or _UNKNOWN
            time.sleep(0.002)
        return True

    def _is_under_way(self, pid: int) -> bool:
        """Whether Linux says that the process is ready to run (R) or waits for a disk (D), not that it sleeps or is stopped."""
        try:
            return self._fs.read(f"/proc/{pid}/stat").rpartition(b") ")[2][:1] in (b"R", b"D")
        except OSError:
            return True  # gone: its lock is gone with it

    def release(self) -> None:
        """Free the lock and keep the descriptor. Idempotent."""
        if self.held:
            self.held = False
            fcntl.flock(self._fd, _GIVE)

    def close(self) -> None:
        """Give up the lock and its descriptor. Idempotent; the next ``try_acquire`` opens the file again."""
        _open.pop(id(self), None)
        fd, self._fd, self.held = self._fd, -1, False
        if fd >= 0:
            self._fs.close(fd)

    def __del__(self) -> None:
        try:
            self.close()
        except (OSError, AttributeError, TypeError):  # the interpreter ends: the kernel closes what is open
            return

    def holder_pid(self) -> int | None:
        """The process that holds it now (Linux, from /proc/locks; elsewhere None). Asked only after waiting in vain."""
        return self._holder() or None

    def _holder(self) -> int | None:
        """The same; None only where nobody holds it just now, and ``_UNKNOWN`` where that cannot be found."""
        found = self._fs.stat(self.path)
        try:
            table = self._fs.read("/proc/locks").decode("ascii", "replace")
        except OSError:
            return _UNKNOWN
        return _pid_in(table, found) if found is not None else _UNKNOWN

    def _open(self) -> None:
        self._fd = self._fs.open_lock(self.path)
        _open[id(self)] = ref(self)
        found = os.fstat(self._fd)
        self._identity = (found.st_dev, found.st_ino)

    def in_place(self) -> bool:
        """Whether the path still names the file that is locked: a lock on a removed file guards nothing."""
        found = self._fs.stat(self.path)
        return found is not None and (found.st_dev, found.st_ino) == self._identity


def _pid_in(table: str, found: os.stat_result) -> int | None:
    """``1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF``, where a waiting one has ``->`` as its second word. A holder
    outside our PID namespace is 0."""
    device = "%02x:%02x:%d" % (os.major(found.st_dev), os.minor(found.st_dev), found.st_ino)
    for line in table.splitlines():
        words = line.split()
        if len(words) >= 6 and words[1] == "FLOCK" and words[5] == device and words[4].isdecimal():
            return int(words[4])
    return None


def _drop_in_child() -> None:
    for known in list(_open.values()):
        lock = known()
        if lock is not None:
            lock.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_in_child)
