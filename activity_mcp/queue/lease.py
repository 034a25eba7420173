"""The lease of the one process that flushes and refreshes, and the others' request for a flush.

A process leads while it holds ``leader.lock``; ``leader.json`` only reports on it, and is believed while the lock is held. When
the holder dies the kernel frees the lock. Nothing here is synced: after a power cut no process leads anyway.
"""

from __future__ import annotations

import os
import time

from ..activity import dump_json
from ..clock import SYSTEM_CLOCK, iso, parse_iso
from ..fs import LOCAL
from ..plain_json import loads
from .lock import LockFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..clock import Clock
    from ..fs import FileSystem

VERSION = 1
_INHERITED = ("backpressure", "degraded")
"""Members of leader.json that a new leader takes over from the one before, so that it can report when these states end."""
_FOLDED = "folded"
"""The member that says how far the contexts are; they do not go back when the leader changes."""
STEP_DOWN_S = 10.0
"""How long a leader steps down for a command that asked for it; the command holds the lock long before that is over."""
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
        """Whether the lock this object holds is still the queue's: the directory may have been removed and made again."""
        return self._lock.held and self._lock.in_place()

    def try_acquire(self) -> bool:
        """Take the lease if it is free. True as well when this object holds it already. Does not wait."""
        if self._lock.held:
            return True
        self._fs.ensure_directory(self.directory)
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._lock.close()
                time.sleep(0.001)
            if self._lock.try_acquire() and self._lock.in_place():
                self._since = iso(self._clock.time_us())
                before = self.last_report()
                self.progress(**_inherited(before))
                return True
        self._lock.close()
        return False

    def acquire_from(self, timeout_s: float) -> bool:
        """Ask the current leader to step down and take over the lease. False when that takes longer than ``timeout_s``."""
        request, deadline = _lead_request(self.directory), time.monotonic() + timeout_s
        try:
            while not self.try_acquire():
                if time.monotonic() >= deadline:
                    return False
                content = {"version": VERSION, "pid": os.getpid(), "at": iso(self._clock.time_us())}
                self._fs.publish(request, dump_json(content) + b"\n", durable=False)
                time.sleep(0.05)
            return True
        finally:
            self._fs.unlink(request)

    def is_asked_to_step_down(self) -> bool:
        """Whether another process asks for the lease. The request of one that was killed lapses, and is removed."""
        path = _lead_request(self.directory)
        if self._fs.stat(path) is None:
            return False
        request = _read_object(path, self._fs)
        try:
            age = (self._clock.time_us() - parse_iso(str(request["at"]))) / 1e6
        except (KeyError, ValueError):
            age = STEP_DOWN_S
        if not -1 < age < STEP_DOWN_S:
            self._fs.unlink(path)
            return False
        return request.get("pid") != os.getpid()

    def release(self) -> None:
        """Stop leading. Idempotent."""
        self._lock.close()

    def progress(self, **facts: Any) -> None:
        """Publish leader.json: who leads, that it is alive, and ``facts``. A disk that refuses it does not end the lease.

        Raises:
            RuntimeError: this object does not hold the lease.
        """
        if not self._lock.held:
            raise RuntimeError("only the holder of the lease reports progress")
        report = {
            "version": VERSION,
            "pid": os.getpid(),
            "since": self._since,
            "last_progress": iso(self._clock.time_us()),
            "monotonic": round(self._clock.monotonic(), 3),  # one clock for all processes, and it never jumps
            **facts,
        }
        try:
            self._fs.publish(f"{self.directory}/leader.json", dump_json(report) + b"\n", durable=False)
        except OSError:
            pass

    def report_folded(self, offset: str) -> None:
        """Publish that the contexts hold everything up to ``offset``, for a command that leads for a moment."""
        self.progress(**_inherited(self.last_report()) | {_FOLDED: offset})

    def folded(self) -> str:
        """Up to where the contexts hold the queue, as the last leader reported it; empty where none did."""
        found = self.last_report().get(_FOLDED)
        return found if isinstance(found, str) else ""

    def is_held(self) -> bool:
        """Whether any process leads, this one included."""
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
        """The leader's last report, or None when no process leads. Empty when its report cannot be read."""
        return self.last_report() if self.is_held() else None

    def holder_pid(self) -> int | None:
        """The process that holds the lock, from the kernel (Linux; elsewhere None): right even where ``leader.json`` is not."""
        return os.getpid() if self._lock.held else self._lock.holder_pid()

    def last_report(self) -> dict[str, Any]:
        """The members of leader.json, whether or not that process still leads; empty when it cannot be read."""
        return _read_object(f"{self.directory}/leader.json", self._fs)

    def request_flush(self) -> None:
        """Request a flush, as ``request_flush`` of the module."""
        request_flush(self.directory, clock=self._clock, fs=self._fs)

    def is_flush_requested(self) -> bool:
        """Whether another process waits for a flush."""
        return self._fs.stat(_flush_request(self.directory)) is not None

    def clear_flush_request(self) -> None:
        """Remove the request, as ``clear_flush_request`` of the module."""
        clear_flush_request(self.directory, fs=self._fs)


def request_flush(directory: str, *, clock: Clock = SYSTEM_CLOCK, fs: FileSystem = LOCAL) -> None:
    """Request a flush from the leader; a second request renews the first."""
    request = {"version": VERSION, "pid": os.getpid(), "at": iso(clock.time_us())}
    fs.publish(_flush_request(directory), dump_json(request) + b"\n", durable=False)


def clear_flush_request(directory: str, *, fs: FileSystem = LOCAL) -> None:
    """Remove the request. Do it before the flush that fulfils it, so that a request made meanwhile is kept."""
    fs.unlink(_flush_request(directory))


def _flush_request(directory: str) -> str:
    return f"{directory}/flush.request"


def _lead_request(directory: str) -> str:
    return f"{directory}/lead.request"


def _inherited(before: dict[str, Any]) -> dict[str, Any]:
    states = {name: True for name in _INHERITED if before.get(name) is True}
    folded = before.get(_FOLDED)
    return states | ({_FOLDED: folded} if isinstance(folded, str) else {})


def _read_object(path: str, fs: FileSystem) -> dict[str, Any]:
    try:
        members = loads(fs.read(path))
    except (OSError, ValueError, RecursionError):
        return {}
    return members if isinstance(members, dict) else {}
