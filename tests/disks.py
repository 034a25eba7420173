"""Disks that fail on demand, and the few words that the tests of the queue share.

A ``FaultyDisk`` is the real one with a fault in its way; a ``VolatileDisk`` forgets at ``power_cut`` whatever was not synced; a
``TroubledDisk`` does both.
"""

from __future__ import annotations

import errno
import os
import random
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from activity_mcp.activity import encode_line
from activity_mcp.fs import FileSystem
from activity_mcp.queue import Damage, Offset, QueueReader, QueueWriter, Record

PAGE_BYTES = 64
"""Of a staged power cut: small, so that a few lines span several."""


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
        self.before_truncate: Callable[[], object] | None = None
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
        if self.before_truncate is not None:
            self.before_truncate()
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

    def entries(self, path: str) -> list[tuple[str, bool]]:
        self.calls += 1
        return super().entries(path)


class VolatileDisk(FileSystem):
    """Remembers how much of each file was synced, and which entries of each directory; ``power_cut`` takes the rest away."""

    def __init__(self) -> None:
        super().__init__()
        self.boots = 1
        self._files: dict[int, int] = {}
        self._lost: dict[int, list[tuple[int, int]]] = {}
        self._entries: dict[str, dict[str, int]] = {}
        self._lock = threading.Lock()

    def boot_id(self) -> str:
        return f"boot-{self.boots}"

    def sync(self, fd: int) -> None:
        found = os.fstat(fd)
        self.note_file(found.st_ino, found.st_size)

    def sync_directory(self, path: str) -> None:
        self.note_entries(os.path.abspath(path), {entry.name: entry.inode() for entry in os.scandir(path)})

    def note_file(self, inode: int, size: int) -> None:
        """The first ``size`` bytes of this file are on the disk."""
        with self._lock:
            self._files[inode] = size

    def note_entries(self, path: str, entries: dict[str, int]) -> None:
        """These names, each with its inode, are on the disk as the entries of that directory."""
        with self._lock:
            self._entries[path] = entries

    def lose(self, fd: int) -> None:
        """A sync failed: what it should have written is gone, and a later sync that succeeds does not bring it back."""
        found = os.fstat(fd)
        with self._lock:
            self._lost.setdefault(found.st_ino, []).append((self._files.get(found.st_ino, 0), found.st_size))

    def truncate(self, fd: int, size: int) -> None:
        super().truncate(fd, size)
        with self._lock:
            inode = os.fstat(fd).st_ino
            self._files[inode] = min(self._files.get(inode, 0), size)  # what is written there next is not on the disk

    def publish(self, path: str, data: bytes | Iterable[bytes], *, durable: bool = True, mode: int = 0o600) -> None:
        super().publish(path, data, durable=durable, mode=mode)
        with self._lock:
            inode = os.stat(path).st_ino
            self._lost.pop(inode, None)
            if not durable:
                self._files.pop(inode, None)  # the number may have been another file's

    def power_cut(self, top: str, chance: random.Random | None = None) -> None:
        """Unsynced entries vanish, unsynced bytes vanish or become zeros, and a new boot begins.

        Without ``chance`` every second file is cut off and every other one filled with zeros; with it each file ends anywhere
        behind what was synced, and of the pages in between some were written and some were not.
        """
        for folder, _, names in os.walk(top):
            entries = self._entries.get(os.path.abspath(folder), {})
            for at, name in enumerate(sorted(names)):
                path = os.path.join(folder, name)
                if name.endswith(".lock"):
                    continue
                if entries.get(name) != os.stat(path).st_ino:
                    os.unlink(path)
                    continue
                if chance is None:
                    self._cut(path, zeros=at % 2 == 0)
                else:
                    self._scatter(path, chance)
        self.boots += 1

    def _cut(self, path: str, zeros: bool) -> None:
        found = os.stat(path)
        os.truncate(path, self._kept(found))
        if zeros:
            os.truncate(path, found.st_size)
        self._forget(path, found.st_ino)

    def _scatter(self, path: str, chance: random.Random) -> None:
        found = os.stat(path)
        kept = self._kept(found)
        os.truncate(path, chance.randint(kept, found.st_size))
        with open(path, "r+b") as file:
            for start in range(kept, os.path.getsize(path), PAGE_BYTES):
                if chance.random() < 0.5:
                    file.seek(start)
                    file.write(bytes(min(PAGE_BYTES, os.path.getsize(path) - start)))
        self._forget(path, found.st_ino)

    def _kept(self, found: os.stat_result) -> int:
        return min(self._files.get(found.st_ino, 0), found.st_size)

    def _forget(self, path: str, inode: int) -> None:
        """Pages that a failed sync gave up are zeros now, and what is left of the file is what the disk has."""
        size = os.path.getsize(path)
        with open(path, "r+b") as file:
            for start, end in self._lost.pop(inode, ()):
                file.seek(start)
                file.write(bytes(max(0, min(end, size) - start)))
        self._files[inode] = size


class TroubledDisk(FaultyDisk, VolatileDisk):
    """Both: faults on demand, and a power cut that takes away whatever was not synced, failed syncs included."""

    def sync(self, fd: int) -> None:
        try:
            super().sync(fd)
        except OSError:
            self.lose(fd)
            raise
