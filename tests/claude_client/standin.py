"""A stand-in for the Messages API on loopback: it streams what a script says, and keeps a log of every request.

What it serves that no script tells: a title (requests without tools), the summary of a compaction, and a count of tokens.
"""

from __future__ import annotations

import http.server
import json
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from claude_client import stream
from claude_client.script import Step, script_of

USAGE = {
    "input_tokens": 12, "output_tokens": 34, "cache_creation_input_tokens": 100, "cache_read_input_tokens": 2000,
    "cache_creation": {"ephemeral_5m_input_tokens": 60, "ephemeral_1h_input_tokens": 40}, "service_tier": "standard",
}  # fmt: skip
_SUMMARY = Step("<analysis>all of it</analysis>\n<summary>1. Primary request: to try it out.</summary>")
_TITLE = Step('{"title": "A made-up title"}', usage={"input_tokens": 5, "output_tokens": 6})
_ERRORS = {400: "invalid_request_error", 429: "rate_limit_error", 500: "api_error", 529: "overloaded_error"}
_LEAST_TOOLS = 3  # a main loop offers more of them, every other request fewer


@dataclass(slots=True)
class Request:
    """One request of the client, and how it was answered. ``kind``: main (subagents' too), compaction or title."""

    time_s: float
    kind: str
    script: str
    model: str
    tools: list[str]
    messages: list[dict[str, Any]]
    step: Step
    usage: dict[str, Any]
    message_id: str = field(default_factory=lambda: f"msg_{uuid.uuid4().hex[:22]}")
    request_id: str = field(default_factory=lambda: f"req_{uuid.uuid4().hex[:20]}")
    calls: list[tuple[str, str]] = field(default_factory=list)
    is_complete: bool = False

    def texts(self) -> list[str]:
        """What the user's messages say."""
        return [text for message in self.messages if message.get("role") == "user" for text in _texts(message)]


class StandIn:
    """The API. ``scripts`` may be changed between prompts; ``requests`` is the log; ``headers`` are sent with each response."""

    def __init__(self) -> None:
        self.scripts: dict[str, list[Step]] = {}
        self.requests: list[Request] = []
        self.headers: dict[str, str] = {}
        self._at: dict[str, int] = {}
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def play(self, *steps: Step, **others: list[Step]) -> None:
        """From now on say these; ``others`` are the scripts of subagents and of second sessions."""
        with self._changed:
            self.scripts, self._at = {"main": list(steps), **others}, {}

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def wait_for(self, holds: Callable[[list[Request]], bool], timeout_s: float = 60) -> None:
        """Until the log is like this. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: holds(self.requests), timeout_s):
                raise TimeoutError(f"the API was asked {len(self.requests)} times, last {self.requests[-1:]}")

    # --- one request

    def receive(self, body: dict[str, Any]) -> Request:
        """Take the next step of the script the request belongs to."""
        kind = _kind(body)
        with self._changed:
            script = script_of([t for m in body["messages"] if m.get("role") == "user" for t in _texts(m)], self.scripts)
            step = {"compaction": _SUMMARY, "title": _TITLE}.get(kind) or self._next(script)
            request = Request(
                time.time(),
                kind,
                script,
                str(body.get("model")),
                [str(tool.get("name")) for tool in body.get("tools") or []],
                body["messages"],
                step,
                {**USAGE, **step.usage},
            )
            self.requests.append(request)
            self._changed.notify_all()
        return request

    def finish(self, request: Request) -> None:
        with self._changed:
            request.is_complete = True
            self._changed.notify_all()

    def hold(self, seconds: float) -> None:
        self._closing.wait(seconds)

    def _next(self, script: str) -> Step:
        at = self._at.get(script, 0)
        self._at[script] = at + 1
        steps = self.scripts[script]
        return steps[min(at, len(steps) - 1)]


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, api: StandIn) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes in the middle of an answer is what some scenarios are about."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        self._answer(404, b"{}")

    do_HEAD = do_GET

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
        if not self.path.startswith("/v1/messages"):
            self._answer(200, b"{}")
        elif "count_tokens" in self.path:
            self._answer(200, b'{"input_tokens": 10}')
        else:
            self._respond(self.server.api.receive(body), bool(body.get("stream")))

    def _respond(self, request: Request, streamed: bool) -> None:
        step = request.step
        if step.status != 200:
            reported = {"type": "error", "error": {"type": _ERRORS.get(step.status, "api_error"), "message": step.error}}
            after = {} if step.retry_after_s is None else {"retry-after": str(step.retry_after_s)}
            self._answer(step.status, json.dumps(reported).encode(), {"request-id": request.request_id, **after})
            return
        message = stream.message(request.message_id, request.model, step, request.usage)
        request.calls = [(block["name"], block["id"]) for block in message["content"] if block["type"] == "tool_use"]
        if streamed:
            self._stream(request, message)
        else:
            self._answer(200, json.dumps(message).encode(), {"request-id": request.request_id})
            self.server.api.finish(request)

    def _stream(self, request: Request, message: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("request-id", request.request_id)
        for name, value in self.server.api.headers.items():
            self.send_header(name, value)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in stream.events(message):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
            self.wfile.flush()
            if b'"text_delta"' in event:
                if request.step.cut:
                    self.close_connection = True
                    return
                self.server.api.hold(request.step.hold_s)
            elif b'"input_json_delta"' in event and request.step.cut_in_call:
                self.close_connection = True
                return
        self.wfile.write(b"0\r\n\r\n")
        self.server.api.finish(request)

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        given = {"content-type": "application/json", "content-length": str(len(body)), **(headers or {})}
        for name, value in given.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _kind(body: dict[str, Any]) -> str:
    said = [message for message in body["messages"] if message.get("role") == "user"]  # 2.1.300 ends with one of the system
    last = "\n".join(_texts(said[-1])) if said else ""
    if "create a detailed summary" in last or "CRITICAL: Respond with TEXT ONLY" in last:
        return "compaction"
    return "main" if len(body.get("tools") or []) > _LEAST_TOOLS else "title"


def _texts(message: dict[str, Any]) -> list[str]:
    content = message.get("content")
    if isinstance(content, str):
        return [content]
    return [block["text"] for block in content or [] if isinstance(block, dict) and block.get("type") == "text"]
