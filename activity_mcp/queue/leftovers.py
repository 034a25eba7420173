"""Temporary files of processes that were killed while they published: swept an hour later, when none can be in use."""

from __future__ import annotations

import time

from ..clock import SYSTEM_CLOCK
from ..fs import LOCAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..clock import Clock
    from ..fs import FileSystem

_OLD_NS = 3600 * 1_000_000_000
_EVERY_S = 3600.0


def is_leftover(name: str) -> bool:
    """Whether the name is one that ``fs.publish`` gives a file until it is whole: ``<name>.<pid>.<hex>.<number>.tmp``."""
    parts = name.rsplit(".", 4)
    if len(parts) < 5 or not parts[0]:
        return False
    _, pid, maker, number, ending = parts
    return ending == "tmp" and pid.isdecimal() and number.isdecimal() and bool(maker) and not maker.strip("0123456789abcdef")


def remove_leftovers(directory: str, now_ns: int, fs: FileSystem) -> int:
    """Remove those in ``directory`` that are an hour old, and nothing that has another kind of name; how many."""
    removed = 0
    for name in filter(is_leftover, fs.names(directory)):
        path = f"{directory}/{name}"
        found = fs.stat(path)
        if found is not None and now_ns - found.st_mtime_ns > _OLD_NS:
            removed += fs.unlink(path)
    return removed


class Sweeper:
    """Sweeps ``directories`` when asked, at most once an hour. What cannot be read or removed stays, and harms nothing."""

    def __init__(self, directories: Sequence[str], *, clock: Clock = SYSTEM_CLOCK, fs: FileSystem = LOCAL) -> None:
        self._directories = directories
        self._clock = clock
        self._fs = fs
        self._next = -1e9

    def sweep(self) -> None:
        """Remove what killed processes left behind, if it has not been done for a while."""
        now = self._clock.monotonic()
        if now < self._next:
            return
        self._next = now + _EVERY_S
        for directory in self._directories:
            try:
                remove_leftovers(directory, time.time_ns(), self._fs)
            except OSError:
                continue
