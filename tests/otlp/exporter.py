"""Requests as Claude Code's exporter sends them, and a receiver to send them to."""

from __future__ import annotations

import gzip
import http.client
import json
from collections.abc import Iterator
from typing import Any

from activity_mcp.activity import Activity, Origin
from activity_mcp.otlp.places import Place
from activity_mcp.otlp.receiver import Answer, Receiver
from activity_mcp.redaction import Redactor
from activity_mcp.usage.prices import PriceList, valid_cost
from fakes import FakeClock
from patience import PATIENCE_S

TOKEN = "a-token-of-the-tests"
SESSION = "5f0c1d52-8e4b-4c37-9a61-2d7b5e90c4aa"
PLAIN = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}


def value(given: Any) -> dict[str, Any]:
    kinds = {bool: "boolValue", int: "intValue", float: "doubleValue", str: "stringValue"}
    return {kinds[type(given)]: given}


def record(name: str = "api_request", *, time_us: int | None = None, long: bool = False, **attributes: Any) -> dict[str, Any]:
    """A log record; two underscores in a name stand for a dot."""
    given = {"session.id": SESSION, "event.name": name, **{key.replace("__", "."): each for key, each in attributes.items()}}
    pairs = [{"key": key, "value": value(each)} for key, each in given.items() if each is not None]
    made: dict[str, Any] = {"body": {"stringValue": f"claude_code.{name}"}, "attributes": pairs}
    if long:
        made["attributes"] = [pair for pair in pairs if pair["key"] != "event.name"]
    return made if time_us is None else made | {"timeUnixNano": str(time_us * 1000)}


def request(number: int, **attributes: Any) -> dict[str, Any]:
    """An api_request of a request with an id of its own."""
    given = {
        "model": "claude-opus-5-5", "input_tokens": 10, "output_tokens": 1, "cost_usd": 0.25,
        "request_id": f"req_{number:024d}",
    }  # fmt: skip
    return record(**{**given, **attributes})


def body(*records: Any, **resource: Any) -> bytes:
    pairs = [{"key": key, "value": value(each)} for key, each in resource.items()]
    return json.dumps(
        {"resourceLogs": [{"resource": {"attributes": pairs}, "scopeLogs": [{"logRecords": list(records)}]}]}
    ).encode()


class Rig:
    """A receiver whose queue is a list; ``refusal`` is what the queue raises instead."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.recorded: list[Activity] = []
        self.refusal: Exception | None = None
        self.place = Place("/work/shop", "main")
        self.receiver = Receiver(
            TOKEN,
            append=self._append,
            origin_of=lambda session, cwd: Origin("ada@example.com", "otel", session_id=session, project=cwd),
            place_of=lambda session: self.place,
            estimate=PriceList().estimate,
            valid_cost=valid_cost,
            redactor=Redactor(),
            clock=self.clock,
        )

    def _append(self, activities: Any) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.recorded += activities

    def send(self, *records: Any, **resource: Any) -> Answer:
        return self.receiver.take("/v1/logs", "application/json", body(*records, **resource))

    def features(self, event_name: str = "llm_event") -> list[dict[str, Any]]:
        return [activity.feature_json for activity in self.recorded if activity.event_name == event_name]


def chunks(data: bytes, size: int = 7) -> Iterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


def post(
    port: int, data: Any, path: str = "/v1/logs", *, chunked: bool = False, zipped: bool = False, **headers: str | None
) -> tuple[int, dict[str, str], Any]:
    """Status, headers and document of the answer to one request on a connection of its own."""
    given = {**PLAIN, **{name.replace("_", "-"): text for name, text in headers.items()}}
    if zipped:
        data, given["Content-Encoding"] = gzip.compress(data), "gzip"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    sent = {name: text for name, text in given.items() if text is not None}
    connection.request("POST", path, chunks(data, 1000) if chunked else data, sent, encode_chunked=chunked)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, dict(answer.headers), json.loads(text or b"null")
