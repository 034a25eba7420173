"""A pause: a person keeps everything from being recorded until it is taken up again, and for good.

While the file ``paused`` is in the state directory, hooks, servers, the exporter's receiver and imports record nothing there
(``identity.is_paused``; one look at the file system, so it holds at once for every process). When recording goes on, the time
that was paused is remembered with what was forgotten: a transcript that is read later does not bring it back.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .. import fs
from ..clock import iso, parse_iso
from ..identity import PAUSED, is_paused
from ..plain_json import dumps, loads
from .tombstones import Tombstones

if TYPE_CHECKING:
    from ..clock import Clock


def paused_since(home: str) -> int | None:
    """Since when recording is paused, in microseconds since 1970; None where it is not."""
    path = os.path.join(home, PAUSED)
    try:
        with fs.reader(path) as file:
            return parse_iso(str(loads(file.read())["since"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return _changed_at(path)


def pause(home: str, clock: Clock) -> int:
    """Pause recording; since when it is paused. A pause that is on stays as it is."""
    since_us = paused_since(home)
    if since_us is None:
        since_us = clock.time_us()
        fs.ensure_directory(home)
        fs.publish(os.path.join(home, PAUSED), dumps({"version": 1, "since": iso(since_us)}).encode("ascii"))
    return since_us


def take_up(home: str, clock: Clock) -> tuple[int, int] | None:
    """Record again; from when to when nothing was, None where recording was not paused.

    The time is remembered before the file goes: a kill in between leaves the pause on. Raises NewerFormat.
    """
    since_us = paused_since(home)
    if since_us is None:
        return None
    until_us = max(since_us, clock.time_us())
    Tombstones(home).add_span(since_us, until_us)
    fs.LOCAL.unlink(os.path.join(home, PAUSED))
    return since_us, until_us


def _changed_at(path: str) -> int | None:
    """Where the file is damaged, or another's: what it says about itself, as a pause that is in doubt is one."""
    try:
        return os.lstat(path).st_mtime_ns // 1000
    except OSError:
        return None


__all__ = ["is_paused", "pause", "paused_since", "take_up"]
