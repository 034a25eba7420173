"""Schema drift as the warehouses store it: the rows of SCHEMA_DRIFT that nobody has accepted yet."""

from __future__ import annotations

from typing import Any

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


def named(row: Any) -> dict[str, Any]:
    """A row of ``OPEN_DRIFTS`` by the names of its columns, times as ISO text."""
    drift = dict(zip(_MEMBERS, row, strict=True))
    drift["occurrences"] = int(drift["occurrences"])
    for name in ("first_seen_at", "last_seen_at"):
        if not isinstance(drift[name], str):
            drift[name] = drift[name].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    drift["quarantines"] = drift["drift_kind"] in QUARANTINES
    return drift
