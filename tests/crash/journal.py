"""A power cut for real processes: each notes what it has synced, and once all are dead the files lose the rest.

The children are started with ``environ``; after the cut those of the next boot are.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from disks import VolatileDisk


def install(path: str, boot: str) -> None:
    """In a child: note every sync in the file ``path``, and live in the boot of that name."""
    from activity_mcp.fs import FileSystem

    plain_sync, plain_sync_directory = FileSystem.sync, FileSystem.sync_directory

    def note(**fact: object) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(fd, json.dumps(fact).encode() + b"\n")
        os.close(fd)

    def sync(disk: FileSystem, fd: int) -> None:
        found = os.fstat(fd)  # before the sync: what comes meanwhile may be on the disk, or not
        plain_sync(disk, fd)
        note(inode=found.st_ino, size=found.st_size)

    def sync_directory(disk: FileSystem, path: str) -> None:
        entries = {entry.name: entry.inode() for entry in os.scandir(path)}
        plain_sync_directory(disk, path)
        note(directory=os.path.abspath(path), entries=entries)

    for name, noting in {"sync": sync, "sync_directory": sync_directory, "boot_id": lambda disk: boot}.items():
        setattr(FileSystem, name, noting)


class Journal:
    """What the processes on the state directory ``home`` have synced."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.boot = 1
        self._path = home.with_suffix(".synced")

    def environ(self) -> dict[str, str]:
        return {"CRASH_JOURNAL": str(self._path), "CRASH_BOOT": f"boot-{self.boot}"}

    def covers(self, path: Path) -> bool:
        """Whether the whole of this file is on the disk."""
        found = path.stat()
        return any(fact.get("inode") == found.st_ino and fact["size"] >= found.st_size for fact in self._facts())

    def power_cut(self) -> None:
        """Take away what was not synced. No process may be alive."""
        disk = VolatileDisk()
        for fact in self._facts():
            if "inode" in fact:
                disk.note_file(fact["inode"], fact["size"])
            else:
                disk.note_entries(fact["directory"], fact["entries"])
        disk.power_cut(str(self.home))
        self.boot += 1

    def _facts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._path.read_bytes().splitlines()] if self._path.exists() else []
