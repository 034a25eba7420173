"""Where the state lives: on a disk that can hold it, and readable by its owner alone."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from ...errors import UnsupportedStateDirectory, WarehouseRefused
from ...fs import LOCAL
from ...health.check import Check
from ...warehouse.duckdb.place import check_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .subject import Subject


def checks(subject: Subject) -> Iterator[Check]:
    config = subject.service.config
    yield _disk(config.queue_root)
    directories = [
        path for path in (config.home, config.queue_root, config.queue_dir, config.artifacts_dir) if os.path.isdir(path)
    ]
    files = [path for path in (config.db,) if os.path.isfile(path)]
    yield _permissions(directories, files)
    if config.is_embedded:
        yield from database(config.db)


def _disk(path: str) -> Check:
    try:
        LOCAL.check_supported(path)
    except UnsupportedStateDirectory as error:
        return Check("disk", "fail", error.message, error.hint)
    return Check("disk", "ok", f"{path} is on a local file system")


def database(path: str) -> Iterator[Check]:
    """A finding where the database, or its log, is no file; none where nothing is wrong."""
    try:
        check_files(path)
    except WarehouseRefused as error:
        yield Check("database", "fail", error.message, error.hint)


def _permissions(directories: list[str], files: list[str]) -> Check:
    """Owned by this user; others can neither write (fail) nor read (warn): what is recorded is private."""
    readable = []
    for path in (*directories, *files):
        found = os.stat(path)
        if found.st_uid != os.geteuid():
            return Check(
                "permissions", "fail", f"{path} belongs to user id {found.st_uid}", "run as its owner, or move ACTIVITY_HOME"
            )
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return Check("permissions", "fail", f"others can write to {path}", f"chmod go-rwx {path}")
        if found.st_mode & (stat.S_IRGRP | stat.S_IROTH):
            readable.append(path)
    if readable:
        return Check("permissions", "warn", f"others can read {', '.join(readable)}", f"chmod go-rwx {' '.join(readable)}")
    return Check("permissions", "ok", "only you can read and write what is recorded")
