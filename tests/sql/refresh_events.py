"""Seeded rows for the refresh sequence: ordinary days of work, the same fact reported twice, and features nobody expects."""

from __future__ import annotations

import copy
import random
from datetime import datetime, timedelta
from typing import Any

from sql.malformed import BOOLEANS_AS_TEXT, NOT_NUMBERS, NUMBERS_AS_TEXT, STRUCTURES, TEXTS, TIMES

Row = dict[str, Any]

NOW = datetime(2026, 11, 22, 22, 40, 3, 250_000)
COLUMNS = (
    "activity_id", "ts", "customer", "activity", "anonymous_customer_id", "feature_json", "revenue_impact", "link",
    "event_name", "session_id", "project", "org_id", "source", "schema_version", "channel_id", "stream_offset",
)  # fmt: skip
POISON: tuple[Any, ...] = (
    *TEXTS, *NUMBERS_AS_TEXT, *NOT_NUMBERS, *BOOLEANS_AS_TEXT, *TIMES, *STRUCTURES, None, True, False, 0, -7, 12.5, 89.0, 10**15,
    ["tool_event"], [["sql_event"]], {"command": 5}, [{"path": "latency_ms", "reason": "not a number"}], [{"path": 5}, "text"],
)  # fmt: skip
COMMANDS = ("make test", "pytest -x", "git push", "cargo build " + "y" * 400)
KINDS = (
    "tool_event",
    "file_event",
    "sql_event",
    "llm_event",
    "session_event",
    "system_event",
    "mcp_event",
    "insight",
    "artifact",
)


def generate(
    seed: int, count: int, *, poison: float = 0.0, repeats: float = 0.0, days: float = 2.0, customers: int = 2
) -> list[Row]:
    """``count`` rows in the order of their offsets; ts jitters, some are late, some repeat an activity of another row."""
    rng = random.Random(seed)
    rows: list[Row] = []
    for index in range(count):
        original = rng.choice(rows) if rows and rng.random() < repeats else None
        row = _repeated(rng, original) if original else _row(rng, index, days, customers)
        if rng.random() < poison:
            _spoil(rng, row)
        row["channel_id"] = f"queue-{rng.randrange(3)}"
        row["stream_offset"] = f"{1:012d}:{index * 500:012d}:{rng.getrandbits(32):08x}"
        rows.append(row)
    return rows


def row(index: int, event_name: str, ts: datetime, features: Any, **columns: Any) -> Row:
    """One row, for tests that write theirs by hand."""
    made: Row = dict.fromkeys(COLUMNS)
    made |= {
        "activity_id": f"activity-{index:05d}", "ts": ts, "customer": "ada@example.com", "activity": "did", "event_name": event_name,
        "feature_json": features, "session_id": "session-1", "project": "/work/a", "org_id": "org-1", "source": "hook",
        "schema_version": "1", "channel_id": "queue-0", "stream_offset": f"{1:012d}:{index * 500:012d}:{index:08x}",
    }  # fmt: skip
    return made | columns


def _row(rng: random.Random, index: int, days: float, customers: int) -> Row:
    age = timedelta(days=days) * rng.random() ** 3
    if rng.random() < 0.05:
        age += timedelta(days=rng.choice([7.9, 8.1, 12, 40]))
    kind = rng.choice(KINDS)
    session = rng.randrange(8)
    return row(
        index,
        "mcp_event" if kind in ("insight", "artifact") else kind,
        NOW - timedelta(microseconds=round(age / timedelta(microseconds=1))),
        _FEATURES[kind](rng, index),
        customer=f"user{rng.randrange(customers)}@example.com",
        session_id=None if session == 7 else f"session-{session}",
        project=rng.choice([None, "/work/a", "/work/b"]),
        source=rng.choice(["hook", "mcp", "import", "cli", "otel"]),
    )


def _repeated(rng: random.Random, original: Row) -> Row:
    """The same fact recorded again, perhaps by another source: later or earlier, with other features, seldom of another scope."""
    again = copy.deepcopy(original)
    again["source"] = rng.choice(["hook", "mcp", "import", "cli", "otel"])
    again["ts"] += timedelta(seconds=rng.choice([0, 0, 1, -2, 90, -4000, 80_000, 90_000, -200_000]))
    features = again["feature_json"]
    if rng.random() < 0.5 and isinstance(features, dict) and features:
        if rng.random() < 0.5:
            features.pop(rng.choice(sorted(features)), None)
        features["latency_ms" if "latency_ms" in features else "success"] = rng.choice([True, False, 3, "x"])
        features.setdefault("method", original["feature_json"].get("method")) if again["event_name"] == "mcp_event" else None
    if rng.random() < 0.2:
        again["project"] = rng.choice([None, "/work/a", "/work/c"])
    if rng.random() < 0.1:
        again["customer"] = "user0@example.com"
    if rng.random() < 0.1:
        again["session_id"] = "session-0"
    return again


def _spoil(rng: random.Random, row: Row) -> None:
    features = row["feature_json"]
    if rng.random() < 0.05 and row["event_name"] != "mcp_event":
        row["feature_json"] = rng.choice([None, [], "text", 5, {}])
        return
    if isinstance(features, dict):
        spoiled = sorted(set(features) - {"method"})
        features[rng.choice([*spoiled, "surprise", "_private", "_schema_errors"])] = copy.deepcopy(rng.choice(POISON))


def _common(rng: random.Random) -> dict[str, Any]:
    return {"git_branch": rng.choice(["main", "fix/it"])} if rng.random() < 0.5 else {}


def _tool(rng: random.Random, index: int) -> dict[str, Any]:
    name = rng.choice(["Bash", "Read", "Edit", "mcp__x__y"])
    parameters = {"command": rng.choice(COMMANDS)} if name == "Bash" else {"file_path": "/f"}
    made = {
        "tool_name": name,
        "success": rng.random() < 0.6,
        "latency_ms": round(rng.lognormvariate(4, 2), 3),
        "parameters": parameters,
    }
    return made | _common(rng) | _call(rng, index) | ({} if made["success"] else {"error": f"exit code {index}"})


def _call(rng: random.Random, index: int) -> dict[str, Any]:
    """Which call it was, and somebody's No or an interrupt, in all the ways a value can be written."""
    made: dict[str, Any] = {"tool_use_id": f"t{index}"} if rng.random() < 0.3 else {}
    if rng.random() < 0.2:
        made["denied"] = rng.choice(["user", "rule", None, False])
    if rng.random() < 0.2:
        made["interrupted"] = rng.choice([True, "true", False, None, "perhaps"])
    return made


def _file(rng: random.Random, index: int) -> dict[str, Any]:
    operation = rng.choice(["read", "write", "edit"])
    return (
        {"operation": operation, "file_path": f"/work/{rng.randrange(30)}.py", "success": rng.random() < 0.8}
        | _common(rng)
        | _call(rng, index)
    )


def _sql(rng: random.Random, index: int) -> dict[str, Any]:
    return {
        "query_id": f"q{index}", "sql": f"SELECT {index} " + "-" * rng.choice([0, 400]), "success": rng.random() < 0.7,
        "rows": rng.randrange(99), "duration_ms": rng.randrange(9999) / 8, "error": rng.choice([None, "no such table"]),
        "artifact_id": rng.choice([None, f"artifact-{index}"]),
    } | _common(rng) | _call(rng, index)  # fmt: skip


def _llm(rng: random.Random, index: int) -> dict[str, Any]:
    return {
        "model": rng.choice(["opus", "haiku"]), "prompt_tokens": rng.randrange(9999), "completion_tokens": rng.randrange(999),
        "cache_read_tokens": rng.choice([None, 10**6]), "cost_usd": rng.choice([None, rng.randrange(10**6) / 10**6]), "cost_source": rng.choice([None, "otel", "estimated"]),
    } | _common(rng)  # fmt: skip


def _session(rng: random.Random, index: int) -> dict[str, Any]:
    kind = rng.choice(["start", "end", "user_prompt", "turn_end", "turn_stopped", "heartbeat"])
    spoken = (
        {"excerpt": f"words {index} " + "z" * rng.choice([0, 400])}
        if kind in ("user_prompt", "turn_end", "turn_stopped")
        else {}
    )
    agent = {"agent_id": "agent-1"} if index % 5 == 0 else {}
    titles: list[dict[str, Any]] = [{}, {}, {"title": f"title {index}"}, {"session_title": "t" * 400, "title": None}]
    spoken = spoken | rng.choice(titles)
    return {"session_id": "s", "event_type": kind} | spoken | agent | _common(rng)


def _system(rng: random.Random, index: int) -> dict[str, Any]:
    kind = rng.choice(["backpressure", "hook", "degraded"])
    raw = {"unknown_member": index} if kind == "hook" else {}
    severity = rng.choice([None, "info", "error", "critical"])
    return {"event_type": kind, "severity": severity, "message": f"message {index}"} | raw


def _mcp(rng: random.Random, index: int) -> dict[str, Any]:
    return {"method": "get_context", "latency_ms": 1.5, "success": False, "surprise": 1}


def _insight(rng: random.Random, index: int) -> dict[str, Any]:
    return {
        "method": "record_insight", "latency_ms": 2, "insight_id": f"insight-{index}", "subject": "orders", "metric": "count",
        "value": rng.choice([5, 2.5, "many", {"a": None}, [1]]), "confidence": rng.choice([None, 0.5, 1]), "grain": "day",
        "query_id": rng.choice([None, f"q{index}"]), "artifact_id": rng.choice([None, f"artifact-{index}"]),
        "source_events": rng.choice([None, ["sql_event"], ["tool_event", "llm_event"], ["session_event"]]),
        "valid_for_hours": rng.choice([None, 0.5, 24, 100_000, 10**14]),
        "valid_until": rng.choice([None, "2026-11-23T00:00:00.000000Z", "2020-01-01T00:00:00.000000Z", "soon"]),
    }  # fmt: skip


def _artifact(rng: random.Random, index: int) -> dict[str, Any]:
    return {
        "method": "store_artifact", "latency_ms": 2, "artifact_id": f"artifact-{index}", "artifact_type": "table",
        "row_count": rng.randrange(50), "sample_rows": [[1, "a"]], "content_schema": {"a": "string"}, "pinned": rng.choice([None, True]),
        "expires_at": rng.choice([None, "2027-01-01T00:00:00.000000Z"]), "query_id": f"q{index}",
    }  # fmt: skip


_FEATURES = {
    "tool_event": _tool, "file_event": _file, "sql_event": _sql, "llm_event": _llm, "session_event": _session, "system_event": _system,
    "mcp_event": _mcp, "insight": _insight, "artifact": _artifact,
}  # fmt: skip
