"""Places that cannot hold a queue: file systems that lose what it relies on, and directories that others can write to."""

from __future__ import annotations

import os
import stat

from ..errors import UnsupportedStateDirectory

_FOREIGN_TYPES = frozenset((
    "nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "ncpfs", "afs", "ceph", "lustre", "gpfs", "davfs",
    "fuse", "fuseblk", "9p", "virtiofs", "drvfs", "vboxsf", "prl_fs",
))  # fmt: skip
_LOCAL_HINT = "keep it on a local disk: ACTIVITY_HOME is the directory of all, QUEUE_DIR and ACTIVITY_DB of queue and database"
_ESCAPES = ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\"))


def refuse_foreign(path: str, kind: str | None) -> None:
    """Raise UnsupportedStateDirectory where ``kind``, a file system's type, keeps no locks and syncs; None is unknown."""
    if kind is not None and (kind in _FOREIGN_TYPES or kind.startswith("fuse.")):
        raise UnsupportedStateDirectory(
            f"{path} is on a {kind} file system, which cannot keep locks and syncs that a queue relies on; nothing was written",
            hint=_LOCAL_HINT,
        )


def refuse_unless_private(path: str, found: os.stat_result) -> None:
    refuse_unless_owned(path, found)
    if found.st_mode & (stat.S_IWOTH | stat.S_IWGRP):
        who = "every user" if found.st_mode & stat.S_IWOTH else "its group"
        raise UnsupportedStateDirectory(f"{path} can be written by {who}; nothing was written", hint=f"chmod 700 {path}")


def refuse_unless_owned(path: str, found: os.stat_result) -> None:
    user = os.geteuid()
    if found.st_uid != user:
        raise UnsupportedStateDirectory(
            f"{path} belongs to user id {found.st_uid}, not to {user}: files made here would lock the owner out",
            hint="run as its owner, or use a directory of your own",
        )


def refuse_if_open_to_others(parent: str, found: os.stat_result) -> None:
    """In a world-writable parent without the sticky bit, anyone could put another directory in this one's place."""
    if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
        raise UnsupportedStateDirectory(f"{parent} can be written by every user", hint=f"chmod o-w {parent}")


def existing(path: str) -> str:
    """``path``, or the nearest directory above it that is there."""
    path = os.path.abspath(path)
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return path


def type_in(line: bytes) -> str | None:
    """``36 35 98:0 /root /mount options … - type source superoptions``"""
    _, found, rest = line.partition(b" - ")
    return rest.split(b" ", 1)[0].decode("ascii", "replace") if found else None


def type_by_prefix(table: bytes, path: bytes) -> str | None:
    """The type of the longest mount point above ``path``: for file systems whose files show another device than the mount."""
    best, kind = -1, None
    for line in table.splitlines():
        fields = line.split(b" ", 5)
        if len(fields) < 6:
            continue
        point = fields[4]
        for escaped, plain in _ESCAPES:
            point = point.replace(escaped, plain)
        if len(point) >= best and (path + b"/").startswith(point.rstrip(b"/") + b"/"):
            best, kind = len(point), type_in(line)
    return kind
