"""The lease of the one process that flushes and refreshes, and the wish of the others for a flush.

Holding ``leader.lock`` is leading; ``leader.json`` only tells about it and is believed while the lock is held. When the holder
dies the kernel frees the lock. Nothing here is synced: after a power cut nobody leads anyway.
"""

from __future__ import annotations

import json
import os
import time

from ..activity import dump_json
from ..clock import SYSTEM_CLOCK, iso, parse_iso
from ..fs import LOCAL
from .lock import LockFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..clock import Clock
    from ..fs import FileSystem

VERSION = 1
_INHERITED = ("backpressure", "degraded")
"""What the leader before told and the next one goes on from: it says when these end."""
STAND_ASIDE_S = 10.0
"""How long a leader leaves leading to a command that asked for it; the command holds the lock long before."""
_ATTEMPTS = 3
"""``is_held`` of another process holds the lock for microseconds: one refusal is no proof of a leader."""


class Lease:
    """Leadership of the queue in ``directory``. One object belongs to one thread; its descriptor is the lease."""

    def __init__(self, directory: str, *, clock: Clock = SYSTEM_CLOCK, fs: FileSystem = LOCAL) -> None:
        self.directory = directory
        self._clock = clock
        self._fs = fs
        self._lock = LockFile(f"{directory}/leader.lock", fs)
        self._since = ""

    @property
    def held(self) -> bool:
        """Whether this object holds it."""
        return self._lock.held

    def in_place(self) -> bool:
        """Whether the lock this object holds is still the queue's: the directory may have been removed and made anew."""
        return self._lock.held and self._lock.in_place()

    def try_acquire(self) -> bool:
        """Lead if nobody does. True as well when this object leads already."""
        if self._lock.held:
            return True
        self._fs.ensure_directory(self.directory)
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._lock.close()
                time.sleep(0.001)
            if self._lock.try_acquire() and self._lock.in_place():
                self._since = iso(self._clock.time_us())
                before = self.last_told()
                self.progress(**{name: before[name] for name in _INHERITED if before.get(name) is True})
                return True
        self._lock.close()
        return False

    def acquire_from(self, timeout_s: float) -> bool:
        """Lead in the place of whoever leads now, who is asked to stand aside; False when nobody did within that time."""
        wish, deadline = _lead_want(self.directory), time.monotonic() + timeout_s
        try:
            while not self.try_acquire():
                if time.monotonic() >= deadline:
                    return False
                told = {"version": VERSION, "pid": os.getpid(), "at": iso(self._clock.time_us())}
                self._fs.publish(wish, dump_json(told) + b"\n", durable=False)
                time.sleep(0.05)
            return True
        finally:
            self._fs.unlink(wish)

    def is_asked_to_stand_aside(self) -> bool:
        """Whether a command waits to lead. The wish of one that was killed lapses, and is removed."""
        path = _lead_want(self.directory)
        if self._fs.stat(path) is None:
            return False
        told = _read_object(path, self._fs)
        try:
            age = (self._clock.time_us() - parse_iso(str(told["at"]))) / 1e6
        except (KeyError, ValueError):
            age = STAND_ASIDE_S
        if not -1 < age < STAND_ASIDE_S:
            self._fs.unlink(path)
            return False
        return told.get("pid") != os.getpid()

    def release(self) -> None:
        """Stop leading. Idempotent."""
        self._lock.close()

    def progress(self, **facts: Any) -> None:
        """Tell who leads, that it is alive, and ``facts``. A disk that does not take it keeps nobody from leading."""
        if not self._lock.held:
            raise RuntimeError("only the holder of the lease tells progress")
        told = {
            "version": VERSION,
            "pid": os.getpid(),
            "since": self._since,
            "last_progress": iso(self._clock.time_us()),
            "monotonic": round(self._clock.monotonic(), 3),  # one clock for all processes, and it never jumps
            **facts,
        }
        try:
            self._fs.publish(f"{self.directory}/leader.json", dump_json(told) + b"\n", durable=False)
        except OSError:
            pass

    def is_held(self) -> bool:
        """Whether anyone leads, this process included."""
        if self._lock.held:
            return True
        if self._fs.stat(self._lock.path) is None:
            return False
        probe = LockFile(self._lock.path, self._fs)
        try:
            return not probe.try_acquire()
        finally:
            probe.close()

    def holder(self) -> dict[str, Any] | None:
        """What the leader last told, or None when nobody leads. Empty when it has not told anything readable."""
        return self.last_told() if self.is_held() else None

    def holder_pid(self) -> int | None:
        """Who holds the lock, by the kernel's word where it gives one (Linux): true even if ``leader.json`` is not."""
        return os.getpid() if self._lock.held else self._lock.holder_pid()

    def last_told(self) -> dict[str, Any]:
        """leader.json, whether or not that process still leads."""
        return _read_object(f"{self.directory}/leader.json", self._fs)

    def touch_want(self) -> None:
        touch_want(self.directory, clock=self._clock, fs=self._fs)

    def want_pending(self) -> bool:
        """Whether somebody waits for a flush."""
        return self._fs.stat(_want(self.directory)) is not None

    def clear_want(self) -> None:
        clear_want(self.directory, fs=self._fs)


def touch_want(directory: str, *, clock: Clock = SYSTEM_CLOCK, fs: FileSystem = LOCAL) -> None:
    """Wish for a flush; wishing again makes the wish young again."""
    told = {"version": VERSION, "pid": os.getpid(), "at": iso(clock.time_us())}
    fs.publish(_want(directory), dump_json(told) + b"\n", durable=False)


def want_age(directory: str, *, clock: Clock = SYSTEM_CLOCK, fs: FileSystem = LOCAL) -> float | None:
    """Seconds since somebody wished for a flush; None when nobody did, or when the wall clock was set back since."""
    try:
        age = (clock.time_us() - parse_iso(str(_read_object(_want(directory), fs)["at"]))) / 1e6
    except (KeyError, ValueError):
        return None
    return max(0.0, age) if age > -1 else None


def clear_want(directory: str, *, fs: FileSystem = LOCAL) -> None:
    """The wish is fulfilled. To keep a wish that comes meanwhile, clear it before the flush that fulfils it."""
    fs.unlink(_want(directory))


def _want(directory: str) -> str:
    return f"{directory}/flush.want"


def _lead_want(directory: str) -> str:
    return f"{directory}/lead.want"


def _read_object(path: str, fs: FileSystem) -> dict[str, Any]:
    try:
        members = json.loads(fs.read(path))
    except (OSError, ValueError, RecursionError):
        return {}
    return members if isinstance(members, dict) else {}
