"""The receiver's port on loopback, and the thread behind it.

One process listens; the others stand by and try again every few seconds. Connections are few (one for each running Claude Code)
and bounded; one that says nothing for ``IDLE_S`` is closed, and where all places are taken, one makes room for the next
(``connections``).
"""

from __future__ import annotations

import errno
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from ..errors import ActivityError, InvalidInput
from .body import TooLarge, read_body
from .connections import Connections, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from .receiver import Answer, Receiver

HOST = "127.0.0.1"
IDLE_S = 75.0
MAX_CONNECTIONS = 32


class PortTaken(Exception):
    """Another process listens on the port."""


class Listener:
    """Listens from the moment it is made until ``close``. Raises PortTaken, or OSError."""

    def __init__(self, receiver: Receiver, port: int, on_error: Callable[[BaseException], None]) -> None:
        try:
            self._server = _Server(receiver, port, on_error)
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                raise PortTaken(str(error)) from None
            raise
        self.receiver = receiver
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name="activity-otlp", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Free the port; what is being answered is answered."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, receiver: Receiver, port: int, on_error: Callable[[BaseException], None]) -> None:
        self.receiver = receiver
        self._on_error = on_error
        self.connections = Connections(MAX_CONNECTIONS, _end)
        super().__init__((HOST, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self.connections.takes(request):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.connections.leaves(request)

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super(ThreadingHTTPServer, self).server_bind()

    def handle_error(self, request: Any, client_address: Any) -> None:
        import sys

        error = sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1]
        if error is not None and not isinstance(error, (ConnectionError, TimeoutError)):
            self._on_error(error)


def _end(connection: socket.socket) -> None:
    """Wake the thread that reads from it, which then closes it."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it has ended by itself


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_S
    server: _Server

    def do_POST(self) -> None:
        from .receiver import refused

        receiver, path = self.server.receiver, self.path.partition("?")[0]
        refusal = receiver.refusal(self.command, path, self.headers)  # type: ignore[arg-type]
        if refusal is not None:
            self._answer(refusal, keeps=False)  # its body was not read
            return
        self._comes_to(Stage.HALF_SENT)
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
        try:
            body = read_body(self.rfile, self.headers)  # type: ignore[arg-type]
        except TooLarge:
            self._answer(refused(413, "the body is over 8 MB, as it came or unpacked"), keeps=False)
        except InvalidInput as error:
            self._answer(refused(400, error.message), keeps=False)
        else:
            self._comes_to(Stage.RECORDED)
            self._answer(self._taken(path, body), keeps=True)
            self._comes_to(Stage.RESTING)

    do_GET = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = do_POST

    def _comes_to(self, stage: Stage) -> None:
        self.server.connections.comes_to(self.connection, stage)

    def _taken(self, path: str, body: bytes) -> Answer:
        from .receiver import RETRY_AFTER_S, refused

        try:
            return self.server.receiver.take(path, self.headers.get("Content-Type", ""), body)
        except (ActivityError, OSError) as error:
            self.server._on_error(error)
            return refused(503, "it could not be recorded; send it again", {"Retry-After": str(RETRY_AFTER_S)})

    def _answer(self, answer: Answer, *, keeps: bool) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        if not keeps:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: stderr belongs to the logs, and a line for each request is none."""
