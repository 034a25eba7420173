"""Seeded rows of version 1, as old tables have them, and what version 2 must hold of them, in plain Python."""

from __future__ import annotations

import hashlib
import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

Row = dict[str, Any]
START = datetime(2026, 9, 1)
TEXTS = (None, "", "-", "plain", "3:abc", "with 'quotes' and \"more\"", "ünï 🙂", "two\nlines", "[1]", "null", "1.0", " ")
ACTIVITIES = {
    "ran_sql": "sql_event", "called_llm": "llm_event", "used_tool": "tool_event", "called_mcp": "mcp_event",
    "edited_file": "file_event", "started_session": "session_event", "asked": "session_event",
    "concluded_turn": "session_event", "raised_backpressure": "system_event", "opened_email": "system_event",
}  # fmt: skip
COLUMNS = (
    "activity_id", "ts", "customer", "activity", "source", "source_id", "feature_1", "feature_2", "feature_3",
    "revenue_impact", "link",
)  # fmt: skip
FEATURES = ("feature_1", "feature_2", "feature_3", "source", "source_id")
TIME_TEXT = "%Y%m%d%H%M%S%f"


def v1_rows(seed: int, count: int, *, days: int = 1, first_id: int = 0) -> list[Row]:
    """Rows in the order they were inserted: some without an id or a customer, some twice, some again but different, some late."""
    rng = random.Random(seed)
    rows: list[Row] = []
    for number in range(count):
        again = rng.choice(rows) if rows and rng.random() < 0.15 else None
        rows.append(_again(rng, again) if again else _row(rng, number + first_id, number * days / count))
    return rows


def _row(rng: random.Random, number: int, day: float) -> Row:
    ts = START + timedelta(days=day - (1 if rng.random() < 0.1 else 0), microseconds=rng.randrange(10**6))
    return {
        "activity_id": None if rng.random() < 0.05 else f"a-{number}",
        "ts": ts if rng.random() < 0.9 else ts.replace(hour=0, minute=0, second=0, microsecond=0),
        "customer": rng.choice((None, "ada@example.com", "grace@example.com")),
        "activity": rng.choice(tuple(ACTIVITIES)),
        "source": rng.choice((None, "crm", "web:1")),
        "source_id": rng.choice((None, "42", "4:2")),
        "feature_1": rng.choice(TEXTS),
        "feature_2": rng.choice(TEXTS),
        "feature_3": rng.choice(TEXTS),
        "revenue_impact": rng.choice((None, Decimal("0E-9"), Decimal("-0.012345678"), Decimal("12345678901234.500000000"))),
        "link": rng.choice((None, "https://example.com/?a=1")),
    }


def _again(rng: random.Random, row: Row) -> Row:
    """The same row inserted twice, or another one under its id."""
    if rng.random() < 0.5:
        return dict(row)
    return row | {"ts": row["ts"] + timedelta(seconds=rng.choice((0, 5, 90_000))), "feature_1": rng.choice(TEXTS)}


def id_of(row: Row) -> str:
    if row["activity_id"] is not None:
        return str(row["activity_id"])
    reported = [row["ts"].strftime(TIME_TEXT) + " "]
    reported += [_with_length(row[name]) for name in ("customer", "activity", "source", "source_id", *FEATURES[:3])]
    return "v1-" + hashlib.md5("".join(reported).encode()).hexdigest()


def _with_length(text: str | None) -> str:
    return "-" if text is None else f"{len(text)}:{text}"


def as_v2(row: Row) -> Row:
    """The row of CLAUDE_STREAM_V2 that a row of version 1 becomes; of feature_json the value."""
    reported = row["source"] is not None and row["source_id"] is not None
    anonymous = f"{row['source']}:{row['source_id']}" if reported else None
    ts = row["ts"]
    digest = hashlib.md5(id_of(row).encode()).hexdigest()
    return {
        "activity_id": id_of(row),
        "ts": ts,
        "customer": row["customer"] if row["customer"] is not None else anonymous or "unknown",
        "activity": row["activity"],
        "anonymous_customer_id": anonymous,
        "feature_json": {name: row[name] for name in FEATURES if row[name] is not None},
        "revenue_impact": row["revenue_impact"],
        "link": row["link"],
        "event_name": ACTIVITIES[row["activity"]],
        "session_id": None,
        "project": None,
        "org_id": None,
        "source": "v1",
        "schema_version": None,
        "channel_id": "v1",
        "stream_offset": f"{ts:%Y%m%d%H%M}:0000{ts:%S%f}:{digest}",
    }


def canonical(row: Row) -> str:
    """The order among rows of one id with one ts: as the canonical text sorts, which is not defined here beyond its parts."""
    new = as_v2(row)
    parts = [_with_length(new["activity_id"]), f"{row['ts']:%Y-%m-%d %H:%M:%S.%f}"]
    parts += [_with_length(new[name]) for name in ("customer", "activity", "anonymous_customer_id")]
    parts += [_with_length(row[name]) for name in ("feature_1", "feature_2", "feature_3", "source", "source_id")]
    parts += ["-" if row["revenue_impact"] is None else f"{row['revenue_impact']:.9f}", _with_length(row["link"])]
    return " ".join(parts)


def followed(rows: list[Row]) -> dict[str, Row]:
    """What version 2 holds after a backfill of these rows: of each id the earliest row."""
    made: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: (row["ts"], canonical(row))):
        made.setdefault(id_of(row), as_v2(row))
    return made
