"""The one seam to the disk: every call that decides what survives a crash is made here and nowhere else.

A ``FileSystem`` opens for append, writes once, syncs, truncates, publishes atomically, and refuses places that cannot hold a
queue. Code that needs the disk takes ``fs=`` with ``LOCAL`` as its default, so that a test can put a failing one in its place;
``fs.ensure_directory`` and ``fs.publish`` are those of ``LOCAL``, for modules that only ever write whole files.

    write     one ``write()``; returns how many bytes it took and never retries, so that the caller can roll back
    sync      the file's data and size are on the disk (fdatasync; F_FULLFSYNC on macOS, whose fsync does not reach the platter)
    publish   a reader sees the old file or the new one, whole: temporary file, sync, rename, sync of the directory
    refuse    ``places``: NFS, SMB and FUSE lose or fake flock, rename and fsync; others can write to a directory

Directories are made 0700 and files 0600, whatever the umask allows beyond that; every descriptor is close-on-exec.
Linux is tested. macOS takes the same path, unverified. On Windows the import works and use is refused.
Standard library only, and of it only what costs a hook nothing.
"""

from __future__ import annotations

import errno
import itertools
import os
import stat
import sys
import time

from ..errors import UnsupportedStateDirectory
from . import places

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

_CLOEXEC = getattr(os, "O_CLOEXEC", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
"""Opening a FIFO waits for its other end, which may never come; for a regular file this changes nothing."""
_SMALL_FILE = 16 * 1024


class FileSystem:
    """The real disk. Stateless but for what it has already found to be supported."""

    def __init__(self) -> None:
        self._supported: set[str] = set()
        self._boot: str | None = None
        self._serial = itertools.count()

    # --- places

    def check_supported(self, path: str) -> None:
        """Raise UnsupportedStateDirectory if no queue can live at ``path`` (which need not exist yet)."""
        if path in self._supported:
            return
        if fcntl is None:
            raise UnsupportedStateDirectory("this platform has no file locks to share a queue with", hint="use WSL")
        places.refuse_foreign(path, self.type_of(path))
        self._supported.add(path)

    def ensure_directory(self, path: str) -> None:
        """``path`` exists; what had to be made, parents included, is 0700 and survives a power cut."""
        if path and not os.path.isdir(path):
            self._make_directory(path)

    def check_private(self, path: str) -> None:
        """Raise UnsupportedStateDirectory unless ``path`` is a directory of this user that others cannot write to."""
        found = os.stat(path)
        if not stat.S_ISDIR(found.st_mode):
            raise UnsupportedStateDirectory(f"{path} is not a directory", hint="move that file away")
        places.refuse_unless_private(path, found)

    def check_above(self, path: str) -> None:
        """Raise UnsupportedStateDirectory if anyone could put another directory in the place of one above ``path``."""
        above, path = os.path.dirname(os.path.abspath(path)), ""
        while above != path:
            found = self.stat(above)
            if found is not None:
                places.refuse_if_open_to_others(above, found)
            above, path = os.path.dirname(above), above

    def check_owner(self, path: str) -> None:
        """Raise UnsupportedStateDirectory if ``path`` is there and belongs to another user (root apart)."""
        found = self.stat(path)
        if found is not None and found.st_uid != 0:
            places.refuse_unless_owned(path, found)

    def hold(self, path: str, timeout: float) -> int:
        """flock on the file ``path``, polled for; a descriptor to ``close``. Raises BlockingIOError where others keep it."""
        fd, deadline = self.open_lock(path), time.monotonic() + timeout
        try:
            while True:
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return fd
                except BlockingIOError as error:
                    if time.monotonic() >= deadline:
                        raise BlockingIOError(errno.EAGAIN, "held by another process", path) from error
                    time.sleep(0.002)
        except BaseException:
            os.close(fd)
            raise

    def mount_table(self) -> bytes:
        """Linux's list of mounts, empty elsewhere."""
        try:
            return self.read("/proc/self/mountinfo")
        except OSError:
            return b""

    def boot_id(self) -> str:
        """The same text for every process until the machine restarts (see ``same_boot``)."""
        if self._boot is None:
            try:
                self._boot = self.read("/proc/sys/kernel/random/boot_id").decode("ascii").strip()
            except (OSError, ValueError):
                self._boot = _boot_time()
        return self._boot

    def _make_directory(self, path: str) -> None:
        parent = os.path.dirname(path)
        if parent and not os.path.isdir(parent):
            self._make_directory(parent)
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            if os.path.isdir(path):
                return  # another process was faster
            raise UnsupportedStateDirectory(f"{path} is not a directory", hint="move that file away") from None
        self.sync_directory(parent or ".")

    def type_of(self, path: str) -> str | None:
        """The name of the file system that holds ``path`` or will hold it, such as ``ext4``; None where that is unknown."""
        path, table = places.existing(path), self.mount_table()
        device = os.stat(path).st_dev
        needle = b" %d:%d " % (os.major(device), os.minor(device))
        if needle in table:
            for line in table.splitlines():
                if needle in line[:40]:
                    return places.type_in(line)
        return places.type_by_prefix(table, os.fsencode(os.path.realpath(path)))

    # --- descriptors

    def open_append(self, path: str) -> int:
        """An existing file, for appending to and for reading its last byte."""
        return _open_regular(path, os.O_RDWR | os.O_APPEND)

    def open_read(self, path: str) -> int:
        """A regular file. Raises OSError (EINVAL) for a FIFO, a device or a directory, and never waits for one."""
        return _open_regular(path, os.O_RDONLY)

    def reader(self, path: str) -> BinaryIO:
        """``open_read`` as a binary file."""
        return os.fdopen(self.open_read(path), "rb")

    def open_lock(self, path: str) -> int:
        """A lock file, made if it is missing. It holds nothing."""
        return _open_regular(path, os.O_RDWR | os.O_CREAT)

    def close(self, fd: int) -> None:
        os.close(fd)

    def write(self, fd: int, data: bytes) -> int:
        """One ``write()``. Returns how many bytes went through: fewer than given means that space ran out."""
        return os.write(fd, data)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        return os.pread(fd, size, offset)

    def size(self, fd: int) -> int:
        """The size of a file, by seeking: a stat between two writes makes Linux write the time stamp at each of them."""
        return os.lseek(fd, 0, os.SEEK_END)

    def sync(self, fd: int) -> None:
        if sys.platform == "darwin":
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
        else:
            os.fdatasync(fd)

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    # --- whole files

    def publish(self, path: str, data: bytes | Iterable[bytes], *, durable: bool = True, mode: int = 0o600) -> None:
        """Put ``data`` in the place of ``path``. Not durable: never half a file, but a power cut may undo or empty
        it. ``mode`` is for files that are not ours to keep private."""
        temporary = f"{path}.{os.getpid()}.{id(self):x}.{next(self._serial)}.tmp"
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _CLOEXEC, 0o600)
        try:
            try:
                if mode != 0o600:
                    os.fchmod(fd, mode)
                for piece in (data,) if isinstance(data, bytes) else data:
                    self._write_all(fd, piece)
                if durable:
                    self.sync(fd)
            finally:
                os.close(fd)
            _refuse_special(path)
            os.replace(temporary, path)
        except BaseException:
            self.unlink(temporary)
            raise
        if durable:
            self.sync_directory(os.path.dirname(path) or ".")

    def publish_new(self, path: str, data: bytes) -> None:
        """``publish`` where nothing has this name yet, not even a broken link. Raises FileExistsError otherwise."""
        made = f"{path}.{os.getpid()}.{id(self):x}.{next(self._serial)}.new.tmp"
        self.publish(made, data)
        try:
            os.link(made, path, follow_symlinks=False)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links: another process may come between these two
            if os.path.lexists(path):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path) from None
            os.rename(made, path)
        finally:
            self.unlink(made)
        self.sync_directory(os.path.dirname(path) or ".")

    def put_in_place(self, made: str, path: str) -> None:
        """A file that somebody else has written and closed takes the place of ``path``, whole and durably."""
        fd = self.open_append(made)
        try:
            self.sync(fd)
        finally:
            os.close(fd)
        os.replace(made, path)
        self.sync_directory(os.path.dirname(path) or ".")

    def append_bytes(self, path: str, data: bytes) -> int:
        """Bytes at the end of a file in which each counts for itself; how many went through. Not synced."""
        fd = _open_regular(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            return self.write(fd, data)
        finally:
            os.close(fd)

    def read(self, path: str, at_most: int | None = None) -> bytes:
        """A regular file's bytes, the first ``at_most`` of them."""
        fd = self.open_read(path)
        try:
            pieces, left = [], at_most if at_most is not None else sys.maxsize
            while left > 0 and (piece := os.read(fd, min(1 << 16, left))):
                pieces.append(piece)
                left -= len(piece)
            return b"".join(pieces)
        finally:
            os.close(fd)

    def unlink(self, path: str) -> bool:
        """Whether there was such a file."""
        try:
            os.unlink(path)
        except FileNotFoundError:
            return False
        return True

    def stat(self, path: str) -> os.stat_result | None:
        try:
            return os.stat(path)
        except FileNotFoundError:
            return None

    def is_special(self, path: str) -> bool:
        """Whether something is there that is neither a file nor a link to one: a pipe, a device, a socket, a directory."""
        return os.path.lexists(path) and not os.path.isfile(path)

    def names(self, path: str) -> list[str]:
        """What is in a directory; nothing if there is none."""
        try:
            return os.listdir(path)
        except FileNotFoundError:
            return []

    def entries(self, path: str) -> list[tuple[str, bool]]:
        """What is in a directory, and whether each is a regular file (or a link to one); nothing if there is none."""
        try:
            with os.scandir(path) as found:
                return [(entry.name, _is_regular(entry)) for entry in found]
        except FileNotFoundError:
            return []

    def is_full(self, path: str) -> bool:
        """Whether the disk takes no more files, or not the block that a small one needs. False where it does not say."""
        try:
            found = os.statvfs(path)
        except (OSError, AttributeError):
            return False
        return found.f_bavail * found.f_frsize < _SMALL_FILE or (found.f_files > 0 and found.f_favail == 0)

    def sync_directory(self, path: str) -> None:
        """The directory's entries are on the disk: files made or renamed in it survive a power cut."""
        fd = os.open(path, os.O_RDONLY | _CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def _write_all(self, fd: int, data: bytes) -> None:
        while data:
            written = self.write(fd, data)
            if written == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            data = data[written:]


LOCAL = FileSystem()
ensure_directory = LOCAL.ensure_directory
publish = LOCAL.publish
read = LOCAL.read
reader = LOCAL.reader
put_in_place = LOCAL.put_in_place


def same_boot(one: str, other: str) -> bool:
    """Whether two ``boot_id`` texts name the same boot.

    Where the system has no boot id, the text is the time of the boot, ``t:<seconds>``: it wavers by a second or two as the
    clock is corrected. Taking one boot for two costs a new segment; no machine starts twice within five seconds.
    """
    if one[:2] == other[:2] == "t:" and one[2:].isdigit() and other[2:].isdigit():
        return abs(int(one[2:]) - int(other[2:])) <= 5
    return one == other


def _open_regular(path: str, flags: int) -> int:
    fd = os.open(path, flags | _NO_WAIT | _CLOEXEC, 0o600)
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise OSError(errno.EINVAL, "not a regular file", path)


def _is_regular(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False  # a loop of links


def _refuse_special(path: str) -> None:
    """A device, pipe or socket of that name stays: a file in the place of /dev/null would break every other program."""
    if os.path.lexists(path) and not os.path.isfile(path) and not os.path.islink(path):
        raise OSError(errno.EINVAL, "not a regular file", path)


def _boot_time() -> str:
    clock = getattr(time, "CLOCK_BOOTTIME", None) or getattr(time, "CLOCK_MONOTONIC_RAW", None)
    since_boot = time.clock_gettime(clock) if clock is not None else time.monotonic()
    return f"t:{round(time.time() - since_boot)}"
