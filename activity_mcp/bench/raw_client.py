"""A client that adds next to nothing to what it measures: JSON-RPC over a child's pipes, one call at a time."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from typing import IO, TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROTOCOL = "2025-11-25"


class RawClient:
    """One server as a child process: ``with RawClient([...]) as client: client.call("get_context", {})``."""

    def __init__(self, module: str, arguments: Sequence[str] = (), *, environ: Mapping[str, str] | None = None) -> None:
        started = time.perf_counter()
        self._child = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environ) if environ is not None else None,
        )
        self._greet(started)

    @classmethod
    def of(cls, child: subprocess.Popen[bytes]) -> Self:
        """A client of a server that was started elsewhere, with pipes for stdin and stdout."""
        client = cls.__new__(cls)
        client._child = child
        client._greet(time.perf_counter())
        return client

    @property
    def pid(self) -> int:
        return self._child.pid

    def kill(self) -> None:
        """kill -9, stopped or not; ``with`` may then end."""
        self._child.kill()
        self._child.wait()

    def _greet(self, started: float) -> None:
        self._id = 0
        self._request(
            "initialize",
            {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}},
        )
        self.start_ms = (time.perf_counter() - started) * 1000
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The result of one tools/call. Raises RuntimeError when the tool or the server says it failed."""
        result = self._request("tools/call", {"name": tool, "arguments": arguments})
        if result.get("isError"):
            raise RuntimeError(str(result.get("content"))[:500])
        return result

    def timed(self, tool: str, arguments: dict[str, Any]) -> float:
        """Milliseconds of one call, from the first byte sent to the last byte read."""
        began = time.perf_counter()
        self.call(tool, arguments)
        return (time.perf_counter() - began) * 1000

    def _request(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self._id += 1
        self._send({"jsonrpc": "2.0", "id": self._id, "method": method, "params": parameters})
        while True:
            line = self._pipe(self._child.stdout).readline()
            if not line:
                raise RuntimeError("the server went away")
            message = json.loads(line)
            if message.get("id") == self._id:
                if "error" in message:
                    raise RuntimeError(str(message["error"]))
                result: dict[str, Any] = message["result"]
                return result

    def _send(self, message: dict[str, Any]) -> None:
        pipe = self._pipe(self._child.stdin)
        pipe.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
        pipe.flush()

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        if pipe is None:
            raise RuntimeError("the server has no pipes")
        return pipe

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._pipe(self._child.stdin).close()
        try:
            self._child.wait(5)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._pipe(self._child.stdout).close()
