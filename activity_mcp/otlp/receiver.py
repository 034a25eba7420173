"""One request of the exporter in, one answer out; no socket. What is answered 200 is in the queue, and synced.

200   taken: durable. Metrics and traces are counted, not stored
400   the body is no OTLP request: sending it again would not help
401   without the token          403   from a page          404   another path          405   another method
413   more than 8 MB, as it came or unpacked
415   protobuf without the extra ``[otel]``, or another content type
429   the queue is full, with Retry-After: the exporter keeps the batch and sends it again
"""

from __future__ import annotations

import hmac
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from ..activity import Activity, build
from ..claude_code.events import error_text
from ..errors import InvalidInput, QueueRefused
from ..plain_json import loads
from .mapping import mapped
from .records import NoDecoder, records_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..activity import Origin
    from ..clock import Clock
    from ..redaction import Redactor
    from .mapping import Mapped
    from .places import Place

LOGS, METRICS, TRACES = "/v1/logs", "/v1/metrics", "/v1/traces"
JSON, PROTOBUF = "application/json", "application/x-protobuf"
RETRY_AFTER_S = 5
_DAY_US = 86_400_000_000


class Answer(NamedTuple):
    """The status, the body, and headers beside Content-Length."""

    status: int
    body: bytes = b"{}"
    headers: Mapping[str, str] = {"Content-Type": JSON}


class Counts:
    """What came since the start: records stored, records that make no event, and requests of the other signals."""

    def __init__(self) -> None:
        self.stored = 0
        self.left_out = 0
        self.other_signals = 0
        self.last_us: int | None = None


class Receiver:
    """``append`` takes activities durably; ``origin_of(session_id, cwd)`` is who and where (None: not to be recorded);
    ``place_of(session_id)`` is the session's folder and branch; ``estimate`` adds a cost to an llm_event without one.
    """

    def __init__(
        self,
        token: str,
        *,
        append: Callable[[Sequence[Activity]], object],
        origin_of: Callable[[str | None, str | None], Origin | None],
        place_of: Callable[[str | None], Place],
        estimate: Callable[[dict[str, Any], int], None],
        valid_cost: Callable[[object], float | None],
        redactor: Redactor,
        clock: Clock,
    ) -> None:
        self.counts = Counts()
        self._authorization = f"Bearer {token}".encode()
        self._append = append
        self._origin_of = origin_of
        self._place_of = place_of
        self._estimate = estimate
        self._valid_cost = valid_cost
        self._redactor = redactor
        self._clock = clock
        self._lock = threading.Lock()

    def refusal(self, method: str, path: str, headers: Mapping[str, str]) -> Answer | None:
        """What is wrong with a request by its head alone; its body need not be read then."""
        if headers.get("Origin") is not None:
            return refused(403, "pages may not report here")
        if not hmac.compare_digest(headers.get("Authorization", "").encode("utf-8", "replace"), self._authorization):
            return refused(401, "a token is needed: `activity-mcp install --otel` gives it to Claude Code")
        if path not in (LOGS, METRICS, TRACES):
            return refused(404, f"only {LOGS}, {METRICS} and {TRACES} are here")
        if method != "POST":
            return refused(405, "only POST is answered")
        return None

    def take(self, path: str, content_type: str, body: bytes) -> Answer:
        """Answer a request that ``refusal`` lets through."""
        kind = content_type.partition(";")[0].strip().lower()
        if kind not in (JSON, PROTOBUF):
            return refused(415, f"send {JSON}, or {PROTOBUF} with the extra `otel`")
        if path != LOGS:
            self.counts.other_signals += 1
            return _taken(kind)
        try:
            records = records_of(body, kind, _parsed)
        except NoDecoder:
            return refused(415, "http/protobuf needs the extra activity-mcp[otel], by pip, uv tool or pipx; or send http/json")
        except InvalidInput as error:
            return refused(400, error.message)
        with self._lock:
            found = [made for record in records if (made := mapped(record, self._valid_cost, self._error_text)) is not None]
            activities = self._built(found)
            if activities:
                try:
                    self._append(activities)
                except QueueRefused as error:
                    return refused(429, error.message, {"Retry-After": str(RETRY_AFTER_S)})
            self.counts.stored += len(activities)
            self.counts.left_out += len(records) - len(activities)
            self.counts.last_us = self._clock.time_us()
        return _taken(kind)

    def _built(self, found: Sequence[Mapped]) -> list[Activity]:
        now_us = self._clock.time_us()
        places = {session_id: self._place_of(session_id) for session_id in {each.session_id for each in found}}
        origins = {session_id: self._origin_of(session_id, place.cwd) for session_id, place in places.items()}
        activities = []
        for draft, session_id, time_us in found:
            place, origin = places[session_id], origins[session_id]
            if origin is None:
                continue
            ts_us = time_us if time_us is not None and time_us <= now_us + _DAY_US else now_us
            features = draft.features
            if place.branch and draft.event_name == "llm_event":
                features = {**features, "git_branch": place.branch}
            if draft.event_name == "llm_event":
                self._estimate(features, ts_us)
            activities.append(
                build(
                    draft.event_name,
                    features,
                    origin,
                    now_us=now_us,
                    activity_id=draft.activity_id,
                    ts=ts_us,
                    strict=False,
                    dumps=orjson.dumps,
                )
            )
        return activities

    def _error_text(self, text: str) -> str:
        return error_text(text, self._redactor)


def _parsed(body: bytes) -> Any:
    """The JSON of a body. Half a character, where a text was cut, JavaScript writes as a lone surrogate: the strict parser
    refuses that, and a batch that is refused is not sent again."""
    try:
        return orjson.loads(body)
    except ValueError:
        return loads(body)


def _taken(kind: str) -> Answer:
    """An empty Export…ServiceResponse, in the encoding of its request."""
    return Answer(200, b"" if kind == PROTOBUF else b"{}", {"Content-Type": kind})


def refused(status: int, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """The Status message of OTLP, as JSON."""
    return Answer(status, orjson.dumps({"message": message}), {"Content-Type": JSON, **(headers or {})})
