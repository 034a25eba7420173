"""From a line of the queue to a row of the stream: what a line must have to be an activity, and its form as columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from .. import schema
from ..activity import EVENT_NAMES, SCHEMA_VERSION
from ..clock import normal_iso
from ..warehouse import Row

if TYPE_CHECKING:
    from ..queue import Record

_TEXT_MEMBERS = ("activity_id", "ts", "customer", "activity", "event_name", "source")
_OPTIONAL_TEXT = ("anonymous_customer_id", "link", "session_id", "project", "org_id", "schema_version")
_ONLY_TEXT = frozenset({str})
_TEXT_OR_NONE = frozenset({str, type(None)})


class PoisonLine(ValueError):
    """A whole line, checksum and all, that is no activity."""


def row_of(record: Record, channel_id: str) -> Row:
    """The record as a row of ``channel_id``. Raises PoisonLine; a line that was not validated yet is validated, and marked."""
    members = record.value
    texts: list[Any] = [members.get(name) for name in _TEXT_MEMBERS]
    if not _ONLY_TEXT.issuperset(map(type, texts)) or "" in texts:
        bad = next(name for name, value in zip(_TEXT_MEMBERS, texts, strict=True) if not isinstance(value, str) or not value)
        raise PoisonLine(f"member {bad} is missing or not text")
    options: list[Any] = [members.get(name) for name in _OPTIONAL_TEXT]
    if not _TEXT_OR_NONE.issuperset(map(type, options)):
        bad = next(name for name, value in zip(_OPTIONAL_TEXT, options, strict=True) if not isinstance(value, str | None))
        raise PoisonLine(f"member {bad} is not text")
    activity_id, ts, customer, activity, event_name, source = texts
    anonymous_customer_id, link, session_id, project, org_id, schema_version = options
    if event_name not in EVENT_NAMES:
        raise PoisonLine(f"unknown event_name {event_name[:60]!r}")
    features = members.get("feature_json")
    if not isinstance(features, dict):
        raise PoisonLine("feature_json is not an object")
    if members.get("v") is None:
        features = _checked(members, features)
    return Row(
        activity_id=activity_id,
        ts=_normal_ts(ts),
        customer=customer,
        activity=activity,
        anonymous_customer_id=anonymous_customer_id,
        feature_json=orjson.dumps(features).decode(),
        revenue_impact=money(members.get("revenue_impact")),
        link=link,
        event_name=event_name,
        session_id=session_id,
        project=project,
        org_id=org_id,
        source=source,
        schema_version=schema_version,
        channel_id=channel_id,
        stream_offset=str(record.offset),
    )


def _checked(members: dict[str, Any], features: dict[str, Any]) -> dict[str, Any]:
    """A line that was not validated yet (a hook's): the flusher does, and marks what fails."""
    if members.get("schema_version") not in (None, SCHEMA_VERSION):
        return features  # another version's schema; its own writer knew it
    schema.mark(members["event_name"], features)
    return features


def _normal_ts(text: str) -> str:
    try:
        return normal_iso(text)
    except ValueError as error:
        raise PoisonLine(f"member ts: {error}") from None


def money(value: object) -> float | None:
    """A number as ``revenue_impact`` holds it; None for what is no number, or too large."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e15:
        return None
    return round(float(value), 9)
