"""The loop of a server over stdio: each line is answered here or handed to the SDK, until the end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..leaving import EOF_GRACE_S, FLUSH_S, GRACE_S
from .connection import Connection
from .looks import EVERY_S, Looks
from .pending import MAX_OPEN, Pending
from .plain import UNUSABLE_ID, encoded_id, has_unusable_id, is_plain_id, message_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..calls import Answer
    from .long_way import LongWay
    from .running import Running
    from .service_loader import ServiceLoader, Tools
    from .table import Table
    from .wire import Input, Output

    OpenLongWay = Callable[[Sequence[bytes], Pending], LongWay]

START_AT_LATEST_S = 5.0


class Front:
    """Serves one client. ``table`` is None where everything takes the long way, which ``open_long_way`` opens with the lines of
    the greeting; ``loader`` has the service that calls are made over."""

    def __init__(
        self, lines: Input, output: Output, table: Table | None, loader: ServiceLoader, open_long_way: OpenLongWay
    ) -> None:
        self._lines = lines
        self._output = output
        self._loader = loader
        self._open_long_way = open_long_way
        self._connection = Connection(table)
        self._pending = Pending()
        self._long_way: LongWay | None = None
        self._running: Running | None = None
        self._looks = Looks()

    # --- the loop

    def serve(self) -> None:
        """Answer until no more lines come, then for as long as the end leaves."""
        began = time.monotonic()
        for lines in self._lines.lines(self._looks.pause_s):
            if not lines and self._looks.is_to_read():
                self._loader.tools().read_ahead()
            for line in lines:
                self._take(line)
                if self._lines.ended not in ("", "eof"):
                    break
                self._wait_for_room()
            if time.monotonic() - began > START_AT_LATEST_S:
                self._loader.begin()
            self._report_progress()
        self._settle()

    def _take(self, line: bytes | None) -> None:
        message = message_in(line) if line is not None else None
        if message is None and line is not None and has_unusable_id(line):
            self._output.write(UNUSABLE_ID)
        elif message is None or not self._answers(message, line or b""):
            self._hand_over(line)

    def _answers(self, message: dict[str, Any], line: bytes) -> bool:
        """Whether the message needs nothing more: it has been answered, or will be, or asks for nothing."""
        method, params = message["method"], message["params"]
        if "id" not in message:
            return self._notices(method, params, line)
        if method == "tools/call":
            return self._connection.takes_call(params) and self._call(message["id"], params)
        result = self._connection.result_of(method, params, line)
        if result is None:
            return False
        self._output.write(b'{"jsonrpc":"2.0","id":%s,"result":%s}\n' % (encoded_id(message["id"]), result))
        self._loader.begin()
        return True

    def _notices(self, method: str, params: dict[str, Any], line: bytes) -> bool:
        """A notification. Only the SDK knows others than these two, and as long as it is not there it missed nothing."""
        cancelled = params.get("requestId") if method == "notifications/cancelled" else None
        if is_plain_id(cancelled) and self._running is not None and self._running.cancel(cancelled):
            self._pending.closed(cancelled)
            return True
        self._connection.notices(method, line)
        return self._long_way is None and self._connection.is_open

    def _hand_over(self, line: bytes | None) -> None:
        if self._long_way is None:
            if line is not None and not line.strip():
                return
            self._long_way = self._open_long_way(self._connection.greeting, self._pending)
            self._connection.handed_over()
        self._long_way.take(line)

    # --- calls

    def _call(self, request_id: str | int, params: dict[str, Any]) -> bool:
        tools = self._loader.tools()
        spec = tools.specs.get(params["name"])
        if spec is None:
            return False
        meta = params.get("_meta", {})
        tool_use_id = meta.get("claudecode/toolUseId")
        call = tools.caller.begin(spec, params.get("arguments", {}), tool_use_id if type(tool_use_id) is str else None)
        answer = call.now()
        if answer is not None:
            self._output.write(tools.answer_line(request_id, answer, self._connection.server))
            call.note()
            self._looks.gave_context()
        else:
            self._pending.opened(request_id)
            self._runs(tools).start(
                request_id, call, meta.get("progressToken"), lambda found: self._finish(tools, request_id, found)
            )
        return True

    def _runs(self, tools: Tools) -> Running:
        if self._running is None:
            from .running import Running

            self._running = Running(tools.lanes)
        return self._running

    def _finish(self, tools: Tools, request_id: str | int, answer: Answer) -> None:
        self._output.write(tools.answer_line(request_id, answer, self._connection.server))
        self._pending.closed(request_id)

    def _report_progress(self) -> None:
        for line in self._running.progress() if self._running is not None else ():
            self._output.write(line)

    # --- pace and end

    def _wait_for_room(self) -> None:
        while not self._pending.wait_for_at_most(MAX_OPEN - 1, EVERY_S) and not self._lines.ended:
            self._report_progress()

    def _settle(self) -> None:
        """Open requests are answered as far as there is time, the others get an error: the connection has ended."""
        grace_s = EOF_GRACE_S if self._lines.ended == "eof" else GRACE_S
        deadline = time.monotonic() + grace_s
        while not self._pending.wait_for_at_most(0, 0.02) and time.monotonic() < deadline:
            if self._lines.ended == "eof" and self._output.lost:
                deadline = min(deadline, time.monotonic() + GRACE_S)
        if self._running is not None:
            from .answers import closed_line

            for request_id in self._running.cancel_all():
                self._output.write(closed_line(request_id))
        self._output.finish(FLUSH_S)
