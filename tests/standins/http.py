"""One request and one answer over TLS, on the standard library's server: as much HTTP as the clients of Snowflake speak."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        body = gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body
        return json.loads(body or b"{}")


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    content_type: str = "application/json"
    lost: bool = field(default=False)
    """Close the connection instead of answering."""

    @classmethod
    def json(cls, value: object, status: int = 200) -> Answer:
        return cls(status, json.dumps(value).encode())

    @classmethod
    def text(cls, text: str) -> Answer:
        return cls(200, text.encode(), "text/plain")

    @classmethod
    def error(cls, status: int, code: str, message: str) -> Answer:
        return cls.json({"code": code, "error_code": code, "message": message}, status)

    @classmethod
    def dropped(cls) -> Answer:
        return cls(0, b"", lost=True)


class TLSServer(ThreadingHTTPServer):
    """Serves ``answer`` on 127.0.0.1; the handshake is made on the connection's own thread, so that none holds up another."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int, certificate: Path, answer: Callable[[Request], Answer]) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self.answer = answer
        super().__init__(("127.0.0.1", port), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        raw, address = super().get_request()
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, killed by the test, is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: TLSServer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body)
        answer = self.server.answer(request)
        if answer.lost:
            self.close_connection = True
            self.connection.close()
            return
        head = (
            f"HTTP/1.1 {answer.status} -\r\nContent-Type: {answer.content_type}\r\nContent-Length: {len(answer.body)}\r\n\r\n"
        )
        self.wfile.write(head.encode() + answer.body)

    do_POST = do_PUT = do_DELETE = do_GET

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Quiet."""
