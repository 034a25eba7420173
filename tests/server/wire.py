"""A client that speaks raw JSON-RPC with a server process, line by line, without an SDK between."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import activity_mcp
from patience import PATIENCE_S

ENVIRON = {
    **{name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
    "PYTHONPATH": str(Path(activity_mcp.__file__).parents[1]),  # the package under test, installed or not
}
DOUBLE = [sys.executable, str(Path(__file__).with_name("double.py"))]
PATIENT = [sys.executable, str(Path(__file__).with_name("patient.py"))]
"""The program, for a test of what it does before it leaves."""
INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "tests", "version": "1"},
}


class RawClient:
    """One server process with pipes on its three standard streams."""

    def __init__(self, command: Sequence[str] = DOUBLE, env: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**ENVIRON, **(env or {})},
        )
        assert self.process.stdin
        assert self.process.stdout
        self._stdin = self.process.stdin
        self._stdout = self.process.stdout
        self._unread = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass

    def send_bytes(self, data: bytes) -> None:
        self._stdin.write(data)
        self._stdin.flush()

    def send(self, message: Mapping[str, Any]) -> None:
        self.send_bytes(json.dumps(message).encode() + b"\n")

    def request(self, request_id: Any, method: str, params: Mapping[str, Any] | None = None) -> None:
        self.send({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params or {}})

    def call(self, request_id: Any, tool: str, **arguments: Any) -> None:
        self.request(request_id, "tools/call", {"name": tool, "arguments": arguments})

    def initialize(self, version: str = "2025-11-25") -> dict[str, Any]:
        self.request(0, "initialize", {**INITIALIZE, "protocolVersion": version})
        answer = self.receive()
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return answer

    def receive(self) -> dict[str, Any]:
        """The next message. Whatever comes on stdout must be one."""
        message: dict[str, Any] = json.loads(self.receive_line())
        assert message["jsonrpc"] == "2.0"
        return message

    def receive_line(self) -> bytes:
        deadline = time.monotonic() + PATIENCE_S
        while b"\n" not in self._unread:
            ready, _, _ = select.select([self._stdout], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"no answer within {PATIENCE_S} s"
            data = os.read(self._stdout.fileno(), 1 << 20)
            assert data, f"the server closed its stdout, leaving {self._unread[:200]!r}"
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def close_input(self) -> None:
        self._stdin.close()

    def leave(self, begin: Callable[[], object] = lambda: None) -> tuple[int, str, bytes, float]:
        """Exit code, stderr, what was left on stdout, and the seconds it took the process to end, from ``begin`` on."""
        began = time.monotonic()
        begin()
        self.process.wait(PATIENCE_S)
        took = time.monotonic() - began
        assert self.process.stderr
        left = self._unread + self._stdout.read()
        return self.process.returncode, self.process.stderr.read().decode(), left, took
