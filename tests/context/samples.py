"""What the context tests have in common: offsets, events as the queue decodes them, and snapshots."""

from __future__ import annotations

from typing import Any

from activity_mcp.clock import iso
from activity_mcp.context import Snapshot

NOW = 1_800_000_000_000_000  # 2027-01-15T08:00:00Z
SECOND, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
ME = "dev@example.org"
HERE = "/home/dev/repo"
CHANNEL = "6d1c8bd4-7cb5-4f2f-9c70-0f4a4d7a4a01"


def offset(number: int) -> str:
    return f"{1 + number // 1000:012d}:{number % 1000:012d}:{number * 2654435761 % 2**32:08x}"


def event(event_name: str, features: dict[str, Any], *, at: int = NOW, **members: Any) -> dict[str, Any]:
    """One line of the queue, decoded."""
    return {
        "activity_id": f"{event_name} {at}",
        "ts": iso(at),
        "customer": ME,
        "activity": "did_something",
        "anonymous_customer_id": "host_1",
        "feature_json": features,
        "revenue_impact": None,
        "link": None,
        "event_name": event_name,
        "session_id": "s-1",
        "project": HERE,
        "org_id": None,
        "source": "hook",
        "schema_version": "1",
        **members,
    }


def snapshot(
    number: int = 0, *, as_of: int = NOW, version: int = 1, project: str = HERE, blob: dict[str, Any] | None = None
) -> Snapshot:
    watermark = {CHANNEL: offset(number)}
    return Snapshot(ME, project, {"version": 1} if blob is None else blob, watermark, as_of, version)
