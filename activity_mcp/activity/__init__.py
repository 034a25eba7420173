"""The event model: one ``Activity`` is one row of an ActivitySchema v2.0 stream, and one line of the queue.

A fact walks one way: payload → Activity → line → row. This module knows the columns, the limits, the ids and the line; it
does no I/O and knows no other module but the errors and the clock.

    columns   activity_id ts customer activity anonymous_customer_id feature_json revenue_impact link
    beside    event_name session_id project org_id source schema_version      (channel_id and stream_offset: the flusher's)

Limits: a text column holds 255 characters, ``link`` 2048, one event 256 KiB as a line and 1,000 features. A caller who can
fix it (``strict``) is refused with the path and the reason; from a source that cannot (hook, import) what is too long is cut
and marked ``_truncated``, further features become one JSON text (``_more``), and what JSON cannot hold (NaN, a lone surrogate,
an integer over 64 bits) is replaced.

A line is a compact JSON object whose last member is ``_crc``: CRC-32 of all bytes before its comma. Member ``v`` says which
version of the schemas the features were validated against (absent: nobody did yet); member ``ride`` marks the server's own
``mcp_event`` rows, which never start a flush.

Standard library only, and of it only what costs a hook nothing.
"""

from __future__ import annotations

import os
import sys
import zlib

from ..clock import END_US, iso, parse_iso
from ..errors import InvalidActivity
from ..plain_json import clean, clean_text, cut
from ..plain_json import dumps as _dumps
from ..plain_json import loads as _loads

try:  # the C module without OpenSSL: importing hashlib would cost a hook more than all of this module
    if sys.version_info >= (3, 12):
        from _sha2 import sha256 as _sha256  # type: ignore[import-not-found]
    else:
        from _sha256 import sha256 as _sha256  # type: ignore[import-not-found]
except ImportError:  # pragma: no cover - an interpreter built without it
    from hashlib import sha256 as _sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Protocol

    class Labels(Protocol):
        """What replaces the secrets in the texts around an event's content (``redaction.Redactor``)."""

        count: int

        def text(self, text: str) -> str: ...
        def label(self, text: str) -> str: ...
        def identifier(self, text: str) -> str: ...
        def labels(self, features: Mapping[str, Any]) -> dict[str, Any]: ...


SCHEMA_VERSION = "1"
EVENT_NAMES = ("sql_event", "llm_event", "tool_event", "file_event", "session_event", "mcp_event", "system_event")
FILE_TOOLS = ("Read", "Write", "Edit", "MultiEdit", "NotebookEdit")

MAX_TEXT = 255
MAX_LINK = 2048
MAX_EVENT_BYTES = 256 * 1024
MAX_FEATURES = 1000
"""Features of one event: the refresh looks at each by its name, where a nested object is one value of any size."""

_UNMARKED = (1 << 128) - 1 & ~(0xF << 76) & ~(0x3 << 62)
_VERSION_7, _VERSION_8 = (version << 76 | 0x2 << 62 for version in (7, 8))
"""A UUID without its version and variant, and these (RFC 9562)."""

_TEXT_COLUMNS = ("activity_id", "customer", "activity", "anonymous_customer_id", "session_id", "project", "org_id")
_MEMBERS = (
    "activity_id", "ts", "customer", "activity", "anonymous_customer_id", "feature_json", "revenue_impact", "link",
    "event_name", "session_id", "project", "org_id", "source", "schema_version",
)  # fmt: skip
_FILE_ACTIVITIES = {
    "read": "read_file", "write": "wrote_file", "create": "created_file", "edit": "edited_file", "delete": "deleted_file",
    "rename": "renamed_file",
}  # fmt: skip
_SESSION_ACTIVITIES = {
    "start": "started_session", "end": "ended_session", "heartbeat": "sent_heartbeat",
    "context_hydration": "hydrated_context", "user_prompt": "asked", "turn_end": "concluded_turn",
}  # fmt: skip
_PLAIN_ACTIVITIES = {
    "sql_event": "ran_sql", "llm_event": "called_llm", "tool_event": "used_tool", "mcp_event": "called_mcp",
}  # fmt: skip


KEPT_ACTIVITIES = {"record_insight": "recorded_insight", "store_artifact": "stored_artifact"}
"""The methods of mcp_event that carry insights and artifacts, and their activities: facts, where other calls are the server's
own. Only their own tools write them."""
KEPT_METHODS = tuple(KEPT_ACTIVITIES)


class Origin:
    """Who and where: the columns that every event of one caller shares.

    With a ``redactor`` no column, id or label that ``build`` is given with this origin holds a secret. An id that has one
    becomes the same other id wherever it comes from: what belongs together stays together.
    """

    __slots__ = ("anonymous_customer_id", "customer", "org_id", "project", "redactor", "session_id", "source")

    def __init__(
        self,
        customer: str,
        source: str,
        *,
        anonymous_customer_id: str | None = None,
        session_id: str | None = None,
        project: str | None = None,
        org_id: str | None = None,
        redactor: Labels | None = None,
    ) -> None:
        self.redactor = redactor
        self.customer = customer if redactor is None else redactor.identifier(customer)
        self.source = source
        self.anonymous_customer_id = anonymous_customer_id
        self.session_id = session_id if redactor is None or session_id is None else redactor.identifier(session_id)
        self.project = project if redactor is None or project is None else redactor.label(project)
        self.org_id = org_id if redactor is None or org_id is None else redactor.identifier(org_id)


class Activity:
    """One event, complete and within the limits. Make it with ``build``.

    Its features are encoded once: who changes them afterwards calls ``features_changed``.
    """

    __slots__ = (*_MEMBERS, "_encoded", "ride", "validated")

    activity_id: str
    ts: str
    customer: str
    activity: str
    anonymous_customer_id: str | None
    feature_json: dict[str, Any]
    revenue_impact: float | None
    link: str | None
    event_name: str
    session_id: str | None
    project: str | None
    org_id: str | None
    source: str
    schema_version: str
    ride: bool
    """The server's own call: it never starts a flush."""
    validated: bool
    """The features were checked against their schema."""

    def __init__(
        self,
        activity_id: str,
        ts: str,
        activity: str,
        feature_json: dict[str, Any],
        origin: Origin,
        *,
        event_name: str,
        revenue_impact: float | None,
        link: str | None,
    ) -> None:
        self.activity_id = activity_id
        self.ts = ts
        self.customer = origin.customer
        self.activity = activity
        self.anonymous_customer_id = origin.anonymous_customer_id
        self.feature_json = feature_json
        self.revenue_impact = revenue_impact
        self.link = link
        self.event_name = event_name
        self.session_id = origin.session_id
        self.project = origin.project
        self.org_id = origin.org_id
        self.source = origin.source
        self.schema_version = SCHEMA_VERSION
        self.validated = False
        self.ride = False
        self._encoded: bytes | None = None

    @classmethod
    def of_columns(cls, columns: Mapping[str, Any]) -> Activity:
        """The event of a row or a line: each column as it is there, None where it is not."""
        made = cls.__new__(cls)
        for name in _MEMBERS:
            setattr(made, name, columns.get(name))
        made.validated = made.ride = False
        made._encoded = None
        return made

    def features_changed(self) -> None:
        """What was encoded of the features is no longer true."""
        self._encoded = None

    def encoded_features(self, dumps: Callable[[Any], bytes] | None = None) -> bytes:
        """``feature_json`` as compact JSON."""
        if self._encoded is None:
            self._encoded = (dumps or dump_json)(self.feature_json)
        return self._encoded

    def record(self) -> dict[str, Any]:
        """The members of the line, in their order, without the checksum."""
        members = {name: getattr(self, name) for name in _MEMBERS}
        if self.validated:
            members["v"] = SCHEMA_VERSION
        if self.ride:
            members["ride"] = 1
        return members

    def line(self, dumps: Callable[[Any], bytes] | None = None, *, degraded: bool = False) -> bytes:
        """The queue's line, newline included. ``degraded`` cuts feature values over 1 KiB (backpressure at 80 %)."""
        dumps = dumps or dump_json
        features = dumps(cut(self.feature_json)) if degraded else self.encoded_features(dumps)
        members = self.record()
        members["feature_json"] = None
        body = dumps(members)[:-1]
        return _checked(body.replace(b'"feature_json":null', b'"feature_json":%s' % features, 1))  # no text holds bare quotes


def build(
    event_name: str,
    features: Mapping[str, Any],
    origin: Origin,
    *,
    now_us: int,
    activity: str | None = None,
    activity_id: str | None = None,
    ts: str | int | None = None,
    link: str | None = None,
    revenue_impact: float | None = None,
    strict: bool = True,
    dumps: Callable[[Any], bytes] | None = None,
) -> Activity:
    """One Activity within the limits, with the defaults filled in.

    ``ts`` is ISO 8601 text or microseconds since 1970; missing means ``now_us``. ``strict`` refuses what does not fit
    (InvalidActivity with path and reason); otherwise it is cut or replaced, and ``feature_json._truncated`` says so.
    The features are not validated against their schema here. ``dumps`` encodes them, where orjson is loaded anyway.
    """
    if event_name not in EVENT_NAMES:
        raise InvalidActivity("event_name", f"unknown: {str(event_name)[:60]!r}", hint=f"one of {', '.join(EVENT_NAMES)}")
    if not hasattr(features, "items"):
        raise InvalidActivity("feature_json", "must be an object", hint="pass the event's fields as a JSON object")
    cleaned = clean(dict(features), "feature_json", strict)
    redactor = origin.redactor
    if redactor is not None:
        cleaned = redactor.labels(cleaned)
        activity_id = activity_id and redactor.identifier(activity_id)
        activity = activity and redactor.label(activity)
        link = link and redactor.text(link)
    if len(cleaned) > MAX_FEATURES:
        cleaned = _within_count(cleaned, strict)
    made = Activity(
        new_id(now_us) if activity_id is None else activity_id,
        _timestamp(ts, now_us, strict),
        default_activity(event_name, cleaned) if activity is None else activity,
        cleaned,
        origin,
        event_name=event_name,
        revenue_impact=_revenue(revenue_impact, event_name, cleaned),
        link=link,
    )
    _enforce_lengths(made, strict, dumps)
    return made


def default_activity(event_name: str, features: Mapping[str, Any]) -> str:
    """The verb_noun name of an event whose caller gave none."""
    if event_name == "file_event":
        return _FILE_ACTIVITIES.get(str(features.get("operation")), "touched_file")
    kind = str(features.get("event_type") or "unknown")[:200]
    if event_name == "session_event":
        return _SESSION_ACTIVITIES.get(kind, kind)
    if event_name == "system_event":
        return f"raised_{kind}"
    return _PLAIN_ACTIVITIES[event_name]


def new_id(time_us: int) -> str:
    """A UUIDv7: the id of an event that nothing else could name."""
    value = (time_us // 1000 & (1 << 48) - 1) << 80 | int.from_bytes(os.urandom(10), "big")
    return _text_of_uuid(value & _UNMARKED | _VERSION_7)


def derived_id(event_name: str, kind: str, key: str) -> str:
    """The same id for the same fact, in every process and however often: a UUIDv8 from SHA-256."""
    return _text_of_uuid(derived_number(event_name, kind, key))


def derived_number(event_name: str, kind: str, key: str) -> int:
    """The same id as the number that its text stands for."""
    digest = _sha256("\0".join(("v1", event_name, kind, key)).encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:16], "big") & _UNMARKED | _VERSION_8


def sha256_hex(text: str) -> str:
    """SHA-256 of the text in UTF-8, as 64 hex digits."""
    return str(_sha256(text.encode("utf-8", "replace")).hexdigest())


def _text_of_uuid(value: int) -> str:
    text = "%032x" % value
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


# --- the line


def dump_json(value: Any) -> bytes:
    """Compact JSON in UTF-8 by the standard library. Where orjson is loaded anyway its ``dumps`` gives the same, faster."""
    return _dumps(value).encode("utf-8")


def encode_line(record: Mapping[str, Any], dumps: Callable[[Any], bytes] | None = None) -> bytes:
    """The record as one line of the queue: its members, then ``_crc`` over the bytes before it, then a newline."""
    return _checked((dumps or dump_json)(record)[:-1])


def _checked(body: bytes) -> bytes:
    """The line of a record that lacks its closing brace."""
    return b'%s,"_crc":"%08x"}\n' % (body, zlib.crc32(body))


def decode_line(line: bytes, loads: Callable[[bytes], Any] = _loads) -> dict[str, Any]:
    """The members of a line whose checksum the reader has verified. Raises ValueError if it is not an object."""
    record = loads(line)
    if not isinstance(record, dict):
        raise ValueError("a line must be a JSON object")
    record.pop("_crc", None)
    return record


# --- limits


def _within_count(features: dict[str, Any], strict: bool) -> dict[str, Any]:
    """The first features, and the rest as one JSON text: nothing is lost that fits into an event."""
    if strict:
        raise InvalidActivity("feature_json", f"{len(features)} members, at most {MAX_FEATURES} fit", hint="nest most of them")
    items, kept = list(features.items()), MAX_FEATURES - 1
    return {**dict(items[:kept]), "_more": _dumps(dict(items[kept:]))}


def _enforce_lengths(made: Activity, strict: bool, dumps: Callable[[Any], bytes] | None) -> None:
    for name in (*_TEXT_COLUMNS, "link"):
        text = getattr(made, name)
        if text is None:
            continue
        limit = MAX_LINK if name == "link" else MAX_TEXT
        if type(text) is str and len(text) <= limit and text.isascii() and "\0" not in text:
            continue  # as nearly all are
        if not isinstance(text, str):
            raise InvalidActivity(name, "must be text")
        text = clean_text(text, name, strict)
        if len(text) > limit:
            if strict:
                raise InvalidActivity(name, f"{len(text)} characters, at most {limit} fit")
            text = text[:limit]
            made.feature_json["_truncated"] = True
        setattr(made, name, text)
    for name in ("customer", "activity_id", "activity"):
        if not getattr(made, name).strip():
            raise InvalidActivity(name, "must not be empty", hint="leave it out for the default")
    if len(made.encoded_features(dumps)) + 4096 > MAX_EVENT_BYTES:
        if strict:
            raise InvalidActivity(
                "feature_json",
                f"the event is over {MAX_EVENT_BYTES // 1024} KiB",
                hint="shorten its values, or store the content as an artifact and log its id",
            )
        made.feature_json = cut(made.feature_json)
        if len(dump_json(made.feature_json)) + 4096 > MAX_EVENT_BYTES:  # thousands of keys: keep the first few
            made.feature_json = dict(list(made.feature_json.items())[:100]) | {"_truncated": True}
        made.features_changed()


def _timestamp(ts: str | int | None, now_us: int, strict: bool) -> str:
    if ts is None:
        return iso(now_us)
    if type(ts) is int and 0 <= ts < END_US:
        return iso(ts)
    try:
        return iso(parse_iso(ts if isinstance(ts, str) else iso(int(ts))))  # parsed again for the bounds of a year
    except (ValueError, OverflowError, TypeError) as error:
        if strict:
            raise InvalidActivity("ts", str(error), hint="write it as 2026-01-21T06:19:38.048Z") from None
        return iso(now_us)


def _revenue(value: float | None, event_name: str, features: Mapping[str, Any]) -> float | None:
    if value is None and event_name == "llm_event":
        cost = features.get("cost_usd")
        value = -cost if isinstance(cost, (int, float)) and not isinstance(cost, bool) else None
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e15:
        raise InvalidActivity("revenue_impact", "must be a number below 1e15")
    return round(float(value), 9)
