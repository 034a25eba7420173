"""The child of ``shipping``: it ships what an import records, whenever enough of it waits, and what it is asked to.

Between two bouts it does not lead: a server that starts meanwhile takes over, and ships. Its service is that of the
environment.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from typing import TYPE_CHECKING

from ..errors import ActivityError
from ..service import ActivityService
from .drain import Drainer
from .shipping import BATCH_ROWS, ENDS_WITHIN_S, bout_bytes, error_answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .shipping import Answer, Request

LOOKS_EVERY_S = 0.1
BOUT_TIMEOUT_S = 60.0
RETRY_S = 10.0
"""After an error that nobody waited for. What is asked for is tried at once."""


class _ParentIsGone(BaseException):
    """Nobody needs this process any more."""


def main() -> None:
    """Ship until stdin ends."""
    os.umask(0o077)
    requests = _Requests(sys.stdin.buffer)
    service = small_service()
    try:
        _Shipper(service, requests).run()
    except _ParentIsGone:
        pass
    finally:
        service.close()


def small_service() -> ActivityService:
    """The environment's, in as little memory as it works in."""
    service = ActivityService.from_environ(source="cli")
    service.adapter.hold_less()
    service.finding.hold_less()
    return service


class _Requests:
    """The lines of ``stream``, read on a thread of their own, which ends the process where it does not end by itself."""

    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = stream
        self._waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._are_over = threading.Event()
        threading.Thread(target=self._read, name="activity-requests", daemon=True).start()

    def _read(self) -> None:
        for line in self._stream:
            self._waiting.put(line)
        self._are_over.set()
        time.sleep(ENDS_WITHIN_S)
        os._exit(0)  # a call of the warehouse that takes too long: a transaction is whole or not there

    def next(self, within_s: float) -> Request | None:
        """The next one, or None where none has come. Raises _ParentIsGone."""
        self.check()
        try:
            request: Request = json.loads(self._waiting.get(timeout=within_s))
        except queue.Empty:
            return None
        return request

    def check(self) -> None:
        """Raises _ParentIsGone."""
        if self._are_over.is_set():
            raise _ParentIsGone


class _Shipper:
    """Ships ``service``'s queue, in bouts and on request."""

    def __init__(self, service: ActivityService, requests: _Requests) -> None:
        self._service = service
        self._requests = requests
        self._bout_bytes = bout_bytes(service.config.max_queue_bytes)
        self._not_before = 0.0

    def run(self) -> None:
        while True:
            request = self._requests.next(LOOKS_EVERY_S)
            if request is not None:
                self._answer(request)
            elif self._is_worth_it():
                self._ship_some()

    def _is_worth_it(self) -> bool:
        service = self._service
        if time.monotonic() < self._not_before or service.writer.uncommitted_bytes() < self._bout_bytes:
            return False
        return not service.lease.is_held()

    def _ship_some(self) -> None:
        try:
            self._drain({"timeout_s": BOUT_TIMEOUT_S, "verify": True, "leaves_bytes": self._bout_bytes // 4})
        except (ActivityError, OSError):
            self._not_before = time.monotonic() + RETRY_S

    def _answer(self, request: Request) -> None:
        try:
            answer: Answer = {"rows": self._drain(request)}
        except Exception as error:  # whatever it is, the import says it
            answer = error_answer(error)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()

    def _drain(self, request: Request) -> int:
        drainer = Drainer(self._service, batch_rows=BATCH_ROWS, on_progress=lambda done, total: self._requests.check())
        return drainer.drain(request["timeout_s"], verify=request["verify"], leaves_bytes=request["leaves_bytes"]).rows


if __name__ == "__main__":
    main()
