"""A real ``activity-mcp serve`` over HTTP, and a client that sends what no library would."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from patience import PATIENCE_S
from server.wire import ENVIRON, INITIALIZE

JSON_HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    def message(self) -> dict[str, Any]:
        """The one JSON-RPC message of an answer that is JSON or an event stream."""
        data = self.body
        if not self.headers["content-type"].startswith("application/json"):
            (data,) = [line[5:] for line in data.splitlines() if line.startswith(b"data:") and line[5:].strip()]
        found: dict[str, Any] = json.loads(data)
        return found


class Site:
    """One server process. ``url`` is what it says it serves."""

    def __init__(
        self,
        transport: str,
        environ: Mapping[str, str],
        *options: str,
        starts: Sequence[str] = (sys.executable, "-m", "activity_mcp"),
    ) -> None:
        command = [*starts, "serve", "--transport", transport, "--port", "0", *options]
        self.process = subprocess.Popen(
            command, env={**ENVIRON, **environ}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stderr
        self.reported = self.process.stderr.readline()
        self.url = self.reported.split()[-1] if "serves" in self.reported else ""
        self.reported += self.process.stderr.readline()
        stored = Path(environ["ACTIVITY_HOME"], "http-token")
        self.token = environ.get("ACTIVITY_HTTP_TOKEN") or (stored.read_text().strip() if self.url else "")

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        host: str = "127.0.0.1",
        *,
        with_token: bool = True,
    ) -> Answer:
        connection = http.client.HTTPConnection(host, self.port, timeout=PATIENCE_S)
        try:
            shown = {"Authorization": f"Bearer {self.token}"} if with_token else {}
            connection.request(method, path, body, {**shown, **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): text for name, text in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def post(self, message: Any, **headers: str) -> Answer:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return self.ask("POST", "/mcp", json.dumps(message).encode(), {**JSON_HEADERS, **named})

    def initialize(self) -> str:
        """Open a session; its id."""
        answer = self.post({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": INITIALIZE})
        assert answer.status == 200, answer
        return answer.headers["mcp-session-id"]

    def call(self, session: str, tool: str, **arguments: Any) -> dict[str, Any]:
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
        result: dict[str, Any] = self.post(message, Mcp_Session_Id=session, MCP_Protocol_Version="2025-11-25").message()[
            "result"
        ]
        return result

    @property
    def bearer(self) -> bytes:
        """The line of a request that shows the token."""
        return f"Authorization: Bearer {self.token}\r\n".encode()

    def raw(self, data: bytes) -> socket.socket:
        """A connection on which ``data`` was sent, nothing read."""
        made = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)
        made.sendall(data)
        return made

    def leave(self, begin: Callable[[], object] = lambda: None) -> tuple[int, str, float]:
        """Exit code, what it said on stderr, and the seconds it took to end, from ``begin`` on."""
        began = time.monotonic()
        begin()
        _, errors = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, errors, time.monotonic() - began

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
