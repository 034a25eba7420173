"""Schema drift as the warehouses store it: the rows of SCHEMA_DRIFT that nobody has accepted yet."""

from __future__ import annotations

from typing import Any, TypedDict, cast

QUARANTINES = ("type_changed", "failure")
"""Kinds of drift after which what was derived from the events may be wrong; a new key cannot do that."""
_MEMBERS = (
    "drift_id", "customer", "event_name", "field", "drift_kind", "expected_types", "observed_type", "occurrences",
    "sample_reason", "first_seen_at", "last_seen_at",
)  # fmt: skip
_MAX_LISTED = 100
OPEN_DRIFTS = f"""
    SELECT {", ".join(_MEMBERS)}
    FROM SCHEMA_DRIFT
    WHERE accepted_at IS NULL AND occurrences > 0
    ORDER BY drift_kind = 'new_key', last_seen_at DESC, drift_id
    LIMIT {_MAX_LISTED}
"""  # noqa: S608 - of constants


class DriftSummary(TypedDict):
    """What of an event is not as its schema says. ``drift_kind``: new_key, type_changed or failure. ``quarantines``: whether
    insights derived from such events are held back until it is accepted."""

    drift_id: str
    event_name: str
    field: str
    drift_kind: str
    occurrences: int
    last_seen_at: str
    quarantines: bool


class OpenDrift(DriftSummary):
    """The same as the table has it; ``sample_reason``: what the check said of one event."""

    customer: str
    expected_types: str | None
    observed_type: str | None
    sample_reason: str | None
    first_seen_at: str


def named(row: Any) -> OpenDrift:
    """A row of ``OPEN_DRIFTS`` by the names of its columns, times as ISO text."""
    drift = dict(zip(_MEMBERS, row, strict=True))
    drift["occurrences"] = int(drift["occurrences"])
    for name in ("first_seen_at", "last_seen_at"):
        if not isinstance(drift[name], str):
            drift[name] = drift[name].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    drift["quarantines"] = drift["drift_kind"] in QUARANTINES
    return cast("OpenDrift", drift)
