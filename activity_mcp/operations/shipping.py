"""Who ships what an import records: this process, or a child, so that the import stays small whatever its files hold.

The engine, the rows of a batch and what a refresh makes of them take more memory than reading transcripts does, and a
second core can do it meanwhile. So once there is enough to ship, a child (``shipping_child``) ships it in the background, and
is asked for the rest at the end. It leads only while it ships; where another process leads, that one ships, and no child is
started.

    Request   one line on the child's stdin; its end ends the child
    Answer    one line on its stdout

Either may be killed at any moment: the queue holds what was recorded, and rows and offset are committed together. A child that
was killed is started again; one whose parent is gone ends after the batch it is at.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Protocol, TypedDict

from .. import errors
from ..errors import ActivityError, WarehouseUnavailable
from .drain import Drainer

if TYPE_CHECKING:
    from ..service import ActivityService

CHILD = f"{__package__}.shipping_child"
BATCH_ROWS = 4_000
"""Of what an import ships at once: it reads files of any size in memory that does not grow with them."""
MAX_BOUT_BYTES = 8 << 20
MAX_STARTS = 3
ENDS_WITHIN_S = 10.0
"""What a child has for the batch it is at, when the import is over; it is killed then, which costs nothing but that batch."""


class Request(TypedDict):
    """The arguments of ``Shipping.drain``."""

    timeout_s: float
    verify: bool
    leaves_bytes: int


class KnownError(TypedDict):
    """An ActivityError: the name of its class, and what it says."""

    kind: str
    message: str
    hint: str


class Answer(TypedDict, total=False):
    """One of these: the rows that were written, the error that kept the child from it, or an OSError's arguments."""

    rows: int
    error: KnownError
    system_error: tuple[int | None, str | None, str | None]


def bout_bytes(max_queue_bytes: int) -> int:
    """As much as the child lets wait before it ships."""
    return min(MAX_BOUT_BYTES, max_queue_bytes // 8)


class Shipping(Protocol):
    """Brings what an import records into the warehouse."""

    def keep_up(self, waiting_bytes: int) -> None:
        """So much waits: begin with it, or not yet. Raises nothing that the warehouse causes."""

    def drain(self, timeout_s: float, *, verify: bool, leaves_bytes: int = 0) -> None:
        """Ship until no more than ``leaves_bytes`` wait; the rest as ``Drainer.drain``."""

    def close(self) -> None:
        """The import is over, or interrupted."""


class ShippingHere:
    """Ships in this process, only when it is asked to."""

    def __init__(self, service: ActivityService) -> None:
        self._service = service

    def keep_up(self, waiting_bytes: int) -> None:
        pass

    def drain(self, timeout_s: float, *, verify: bool, leaves_bytes: int = 0) -> None:
        Drainer(self._service, batch_rows=BATCH_ROWS).drain(timeout_s, verify=verify)

    def close(self) -> None:
        pass


class ShippingProcess:
    """Ships in a child, which is started when it is worth it. The child's service is what the environment configures."""

    def __init__(self, service: ActivityService) -> None:
        self._service = service
        self._here = ShippingHere(service)
        self._starts_at = bout_bytes(service.config.max_queue_bytes) // 4
        self._child: subprocess.Popen[bytes] | None = None

    def keep_up(self, waiting_bytes: int) -> None:
        if self._child is None and waiting_bytes >= self._starts_at and not self._service.lease.is_held():
            self._child = self._start()

    def drain(self, timeout_s: float, *, verify: bool, leaves_bytes: int = 0) -> None:
        self._service.writer.sync()
        self.keep_up(self._service.writer.uncommitted_bytes())
        if self._child is None:
            self._here.drain(timeout_s, verify=verify)
            return
        request: Request = {"timeout_s": timeout_s, "verify": verify, "leaves_bytes": leaves_bytes}
        for _ in range(MAX_STARTS):
            self._child = self._child or self._start()
            answer = _ask(self._child, request)
            if answer is not None:
                raise_answer(answer)
                return
            code = self._end()
        raise WarehouseUnavailable(
            f"the process that ships was ended {MAX_STARTS} times ({_how(code)}); the queue holds everything",
            hint="look whether the machine is short of memory, then run `activity-mcp flush`",
        )

    def close(self) -> None:
        if self._child is not None:
            self._end()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", CHILD],  # -P: import nothing from the working directory
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=dict(self._service.environ),
            process_group=0,  # Ctrl-C is for the import, which ends its child
        )

    def _end(self) -> int:
        """End the child, at once where it does not end by itself; its exit code."""
        child, self._child = self._child, None
        if child is None:
            return 0
        try:
            if child.stdin is not None:
                child.stdin.close()
            child.wait(ENDS_WITHIN_S)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            pass
        finally:
            child.kill()  # nothing happens where it has ended
            child.wait()
            if child.stdout is not None:
                child.stdout.close()
        return child.returncode


def _ask(child: subprocess.Popen[bytes], request: Request) -> Answer | None:
    """The child's answer; None where it ends without one."""
    if child.stdin is None or child.stdout is None:
        return None
    try:
        child.stdin.write(json.dumps(request).encode() + b"\n")
        child.stdin.flush()
        line = child.stdout.readline()
    except BrokenPipeError:
        return None
    if not line.endswith(b"\n"):
        return None
    answer: Answer = json.loads(line)
    return answer


def error_answer(error: Exception) -> Answer:
    """What the child answers where ``error`` was raised."""
    if isinstance(error, OSError):
        return {"system_error": (error.errno, error.strerror, error.filename)}
    known = error if isinstance(error, ActivityError) else ActivityError(f"unexpected {type(error).__name__}: {error}")
    return {"error": {"kind": type(known).__name__, "message": known.message, "hint": known.hint}}


def raise_answer(answer: Answer) -> None:
    """Raise the error that the child met, if any, as its own kind: the command says the same and exits with the same code."""
    if "system_error" in answer:
        raise OSError(*answer["system_error"])
    if "error" in answer:
        found = getattr(errors, answer["error"]["kind"], None)
        kind: type[ActivityError] = found if isinstance(found, type) and issubclass(found, ActivityError) else ActivityError
        error = kind.__new__(kind)
        ActivityError.__init__(error, answer["error"]["message"], hint=answer["error"]["hint"])
        raise error


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
