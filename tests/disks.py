"""Disks that fail on demand, and the few words that the tests of the queue share.

A ``FaultyDisk`` is the real one with a fault in its way; a ``VolatileDisk`` forgets at ``power_cut`` whatever was not synced.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from activity_mcp.activity import encode_line
from activity_mcp.fs import FileSystem
from activity_mcp.queue import Damage, Offset, QueueReader, QueueWriter, Record


def line(n: int, **members: Any) -> bytes:
    """Line number ``n``, about 90 bytes long."""
    return encode_line({"activity_id": f"id-{n:06d}", "ts": "2026-11-22T10:00:00.000000Z", "n": n, **members})


def writer(directory: str, **options: Any) -> QueueWriter:
    return QueueWriter(directory, **({"sink": "duckdb:test", "durability": "none"} | options))


def read_all(directory: str, after: Offset | None = None, **options: Any) -> list[Record | Damage]:
    """Everything behind ``after``, in batches of a few items as a flusher would read it."""
    reader = QueueReader(directory, **options)
    items: list[Record | Damage] = []
    while True:
        batch = reader.read(after, max_records=7)
        items += batch.items
        after = batch.end
        if not batch.more:
            return items


def numbers(items: list[Record | Damage]) -> list[int]:
    """The ``n`` of each record."""
    return [item.value["n"] for item in items if isinstance(item, Record)]


def damages(items: list[Record | Damage]) -> list[Damage]:
    return [item for item in items if isinstance(item, Damage)]


def segments(directory: str) -> list[Path]:
    return sorted(Path(directory, "seg").glob("*.ndjson"))


class FaultyDisk(FileSystem):
    """The real disk, counting its syncs, with faults to be set from outside."""

    def __init__(self) -> None:
        super().__init__()
        self.synced: list[str] = []
        self.room: int | None = None
        self.write_error: int | None = None
        self.truncate_error: int | None = None
        self.sync_error: int | None = None
        self.mounts: bytes | None = None
        self.boot: str | None = None
        self.before_write: Callable[[], object] | None = None
        self.before_sync: Callable[[], object] | None = None
        self.calls = 0

    def write(self, fd: int, data: bytes) -> int:
        if self.before_write is not None:
            self.before_write()
        if self.write_error is not None:
            raise OSError(self.write_error, os.strerror(self.write_error))
        if self.room is not None:
            if not self.room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            data = data[: self.room]
            self.room -= len(data)
        return super().write(fd, data)

    def truncate(self, fd: int, size: int) -> None:
        if self.truncate_error is not None:
            raise OSError(self.truncate_error, os.strerror(self.truncate_error))
        super().truncate(fd, size)

    def sync(self, fd: int) -> None:
        self.synced.append(os.path.basename(os.readlink(f"/proc/self/fd/{fd}")))
        if self.before_sync is not None:
            self.before_sync()
        if self.sync_error is not None:
            raise OSError(self.sync_error, os.strerror(self.sync_error))
        super().sync(fd)

    def mount_table(self) -> bytes:
        return super().mount_table() if self.mounts is None else self.mounts

    def boot_id(self) -> str:
        return super().boot_id() if self.boot is None else self.boot

    def open_read(self, path: str) -> int:
        self.calls += 1
        return super().open_read(path)

    def names(self, path: str) -> list[str]:
        self.calls += 1
        return super().names(path)


class VolatileDisk(FileSystem):
    """Remembers how much of each file was synced, and which entries of each directory; ``power_cut`` takes the rest away."""

    def __init__(self) -> None:
        super().__init__()
        self.boot = 1
        self._files: dict[int, int] = {}
        self._entries: dict[str, dict[str, int]] = {}
        self._lock = threading.Lock()

    def boot_id(self) -> str:
        return f"boot-{self.boot}"

    def sync(self, fd: int) -> None:
        found = os.fstat(fd)
        with self._lock:
            self._files[found.st_ino] = found.st_size

    def publish(self, path: str, data: bytes | Iterable[bytes], *, durable: bool = True) -> None:
        super().publish(path, data, durable=durable)
        if not durable:
            with self._lock:
                self._files.pop(os.stat(path).st_ino, None)  # the number may have been another file's

    def sync_directory(self, path: str) -> None:
        with self._lock:
            self._entries[os.path.abspath(path)] = {entry.name: entry.inode() for entry in os.scandir(path)}

    def power_cut(self, top: str) -> None:
        """Unsynced bytes become zeros (every second file) or vanish, unsynced entries vanish, and a new boot begins."""
        for folder, _, names in os.walk(top):
            entries = self._entries.get(os.path.abspath(folder), {})
            for at, name in enumerate(sorted(names)):
                path = os.path.join(folder, name)
                if name.endswith(".lock"):
                    continue
                if entries.get(name) != os.stat(path).st_ino:
                    os.unlink(path)
                    continue
                self._cut(path, zeros=at % 2 == 0)
        self.boot += 1

    def _cut(self, path: str, zeros: bool) -> None:
        found = os.stat(path)
        kept = min(self._files.get(found.st_ino, 0), found.st_size)
        os.truncate(path, kept)
        if zeros:
            os.truncate(path, found.st_size)
