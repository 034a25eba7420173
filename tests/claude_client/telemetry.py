"""A receiver of OpenTelemetry's log records on loopback: what the client says about itself, hooks' times among it."""

from __future__ import annotations

import gzip
import http.server
import json
import threading
from collections.abc import Iterator
from io import BufferedIOBase
from typing import Any


class Telemetry:
    """Takes OTLP over HTTP with JSON bodies, as ``environ`` makes the client send it. ``records`` are flat."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.records = self.records  # type: ignore[attr-defined]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def environ(self) -> dict[str, str]:
        return {
            "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
            "OTEL_LOGS_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self._server.server_address[1]}",
            "OTEL_LOGS_EXPORT_INTERVAL": "500",
        }

    def named(self, name: str) -> list[dict[str, Any]]:
        return [record for record in self.records if record.get("event.name") == name]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def do_POST(self) -> None:
        data = self._body()
        if self.headers.get("content-encoding") == "gzip":
            data = gzip.decompress(data)
        self.server.records.extend(_records(json.loads(data)))  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def _body(self) -> bytes:
        if "chunked" in (self.headers.get("transfer-encoding") or ""):
            return b"".join(_chunks(self.rfile))
        return self.rfile.read(int(self.headers.get("content-length") or 0))


def _chunks(file: BufferedIOBase) -> Iterator[bytes]:
    while size := int(file.readline().split(b";")[0], 16):
        yield file.read(size)
        file.readline()
    file.readline()


def _records(batch: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each log record's attributes: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding"""
    for resource in batch.get("resourceLogs", ()):
        for scope in resource.get("scopeLogs", ()):
            for record in scope.get("logRecords", ()):
                yield {entry["key"]: next(iter(entry["value"].values()), None) for entry in record.get("attributes", ())}
