"""The sums behind Overview: one statement for a period, whose answer is small whatever the record holds.

usage      per day, project and model: requests, tokens by class, dollars, and what of them is an estimate
calls      per day and project: calls of tools, and failures
sessions   per project and last day: how many; those of a period are the ones whose last day is in it
sources    per source and kind of event: how many activities, and when the last was
hours      per hour: how many activities
limits     the subscription's limits, as the status line reported them last
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from ..context.values import as_amount, members, objects
from .statements import FAILED, as_us, day_of, where

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Row = dict[str, Any]

K = TypeVar("K")
VIEWS = {
    "tool_event": "VW_TOOL_EVENTS",
    "llm_event": "VW_LLM_EVENTS",
    "file_event": "VW_FILE_EVENTS",
    "session_event": "VW_SESSION_EVENTS",
    "sql_event": "VW_SQL_EVENTS",
    "mcp_event": "VW_MCP_EVENTS",
    "system_event": "VW_SYSTEM_EVENTS",
}
TOKENS = ("prompt_tokens", "completion_tokens", "cache_read_tokens", "cache_creation_tokens")
_NOTHING = ", ".join(["NULL"] * 6)
_STATEMENT = f"""WITH events AS ({{events}})
SELECT
    'usage' AS part, {day_of("ts")} AS at,
    project AS name, model AS other, COUNT(*) AS events,
    SUM(prompt_tokens) AS prompt_tokens, SUM(completion_tokens) AS completion_tokens,
    SUM(cache_read_tokens) AS cache_read_tokens, SUM(cache_creation_tokens) AS cache_creation_tokens,
    CAST(SUM(cost_usd) AS DOUBLE) AS cost_usd,
    CAST(SUM(CASE WHEN cost_source = 'estimated' THEN cost_usd ELSE 0 END) AS DOUBLE) AS cost_estimated_usd,
    SUM(CASE WHEN cost_usd IS NULL THEN 1 ELSE 0 END) AS failed,
    MAX(ts) AS last_ts
FROM VW_LLM_EVENTS
{{where}}
GROUP BY 2, 3, 4
UNION ALL
SELECT
    'calls', {day_of("ts")}, project, NULL, COUNT(*), {_NOTHING},
    SUM(CASE WHEN {FAILED} THEN 1 ELSE 0 END), MAX(ts)
FROM VW_TOOL_EVENTS
{{where}}
GROUP BY 2, 3
UNION ALL
SELECT
    'sessions', {day_of("last_ts")}, project, NULL, COUNT(*), {_NOTHING}, NULL,
    MAX(last_ts)
FROM (
    SELECT session_id, MAX(project) AS project, MAX(ts) AS last_ts
    FROM events
    WHERE session_id IS NOT NULL AND kind IN ('tool_event', 'llm_event', 'session_event')
    GROUP BY session_id
) AS sessions
GROUP BY 2, 3
UNION ALL
SELECT 'sources', NULL, source, kind, COUNT(*), {_NOTHING}, NULL, MAX(ts)
FROM events
GROUP BY source, kind
UNION ALL
SELECT 'hours', CAST(DATE_TRUNC('hour', ts) AS VARCHAR), NULL, NULL, COUNT(*), {_NOTHING}, NULL, MAX(ts)
FROM events
WHERE kind <> 'mcp_event'
GROUP BY 2
UNION ALL
SELECT 'limits', NULL, NULL, MAX_BY(CAST(limits AS VARCHAR), ts), COUNT(*), {_NOTHING}, NULL, MAX(ts)
FROM VW_SESSION_EVENTS
{{limited}}"""  # noqa: S608 - our own views; what is put in is quoted by ``statements``


def statement(conditions: Sequence[str]) -> str:
    """The sums of all activities for which the conditions hold."""
    kept = where(conditions)
    events = " UNION ALL ".join(
        f"SELECT '{kind}' AS kind, session_id, project, source, ts FROM {view} {kept}"  # noqa: S608
        for kind, view in VIEWS.items()
    )
    return _STATEMENT.format(events=events, where=kept, limited=where([*conditions, "limits IS NOT NULL"]))


@dataclass(slots=True)
class Sum:
    """What requests add up to. ``cost_usd`` holds ``cost_estimated_usd``; ``missing`` requests have no price."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cache_read_tokens: int = 0
    cache_creation_tokens: int = 0
    cost_usd: float = 0.0
    cost_estimated_usd: float = 0.0
    missing: int = 0
    calls: int = 0
    failures: int = 0
    sessions: int = 0

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens + self.cache_read_tokens + self.cache_creation_tokens

    @property
    def known_cost_usd(self) -> float | None:
        """None where requests were made and none has a price: unknown is not free."""
        return None if self.requests and self.missing == self.requests else self.cost_usd

    def add(self, row: Row) -> None:
        part = row["part"]
        events = int(row["events"] or 0)
        if part == "usage":
            self.requests += events
            for name in TOKENS:
                setattr(self, name, getattr(self, name) + int(row[name] or 0))
            self.cost_usd += float(row["cost_usd"] or 0)
            self.cost_estimated_usd += float(row["cost_estimated_usd"] or 0)
            self.missing += int(row["failed"] or 0)
        elif part == "calls":
            self.calls += events
            self.failures += int(row["failed"] or 0)
        elif part == "sessions":
            self.sessions += events


def of_snapshot(blob: Mapping[str, Any]) -> list[Row]:
    """The last days of a context, as far as it has them (usage, calls, hours), as rows of the statement."""
    found: list[Row] = []
    for bucket in objects(blob, "hours"):
        at = bucket.get("hour")
        if not isinstance(at, str) or len(at) < 13:
            continue
        for model, use in members(bucket, "llm").items():
            if isinstance(use, dict):
                given = {name: use.get(name) or 0 for name in (*TOKENS, "cost_usd", "cost_estimated_usd")}
                found.append(_row("usage", at[:10], use.get("calls"), use.get("calls_without_cost"), other=model, **given))
        tools = [use for use in members(bucket, "tools").values() if isinstance(use, dict)]
        found += [_row("calls", at[:10], use.get("calls"), use.get("failures")) for use in tools]
        counts = [count for kind, count in members(bucket, "events").items() if kind != "mcp_event"]
        found.append(_row("hours", f"{at[:13]}:00:00", sum(int(as_amount(count)) for count in counts), None))
    return found


def _row(part: str, at: str, events: Any, failed: Any, **more: Any) -> Row:
    counts = {"events": int(as_amount(events)), "failed": int(as_amount(failed))}
    nothing = dict.fromkeys((*TOKENS, "cost_usd", "cost_estimated_usd"), 0)
    return {"part": part, "at": at, "name": None, "other": None, "last_ts": None, **nothing, **counts, **more}


class Rollup:
    """The rows of a statement, as sums of what a page asks for. Days are texts, ``YYYY-MM-DD`` of UTC."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = list(rows)

    def total(self, since: str = "") -> Sum:
        """The sum of the days from ``since`` on."""
        total = Sum()
        for row in self._daily(since):
            total.add(row)
        return total

    def by_day(self, since: str = "") -> dict[str, Sum]:
        return self._by(lambda row: row["at"], since, ("usage", "calls", "sessions"))

    def by_project(self, since: str = "") -> dict[str, Sum]:
        return self._by(lambda row: row["name"] or "", since, ("usage", "calls", "sessions"))

    def by_model(self, since: str = "") -> dict[str, Sum]:
        return self._by(lambda row: row["other"] or "unknown", since, ("usage",))

    def days_of_models(self, since: str = "") -> dict[tuple[str, str], Sum]:
        """By day and model."""
        return self._by(lambda row: (row["at"], row["other"] or "unknown"), since, ("usage",))

    def days_of_projects(self, since: str = "") -> dict[tuple[str, str], Sum]:
        """By day and project."""
        return self._by(lambda row: (row["at"], row["name"] or ""), since, ("usage", "calls"))

    def sources(self) -> dict[str, tuple[int, int | None]]:
        """Per source: how many activities, and when its last was (microseconds since 1970)."""
        found: dict[str, tuple[int, int | None]] = {}
        for row in self._of("sources"):
            count, last = found.get(row["name"], (0, None))
            at = as_us(row["last_ts"])
            found[row["name"]] = (count + int(row["events"]), max(filter(None, (last, at)), default=None))
        return found

    def kinds(self) -> dict[str, int]:
        """Per kind of event: how many."""
        found: dict[str, int] = {}
        for row in self._of("sources"):
            found[row["other"]] = found.get(row["other"], 0) + int(row["events"])
        return found

    def hours(self) -> dict[int, int]:
        """Per beginning of an hour, in microseconds since 1970: how many activities."""
        return {at: int(row["events"]) for row in self._of("hours") if (at := as_us(row["at"])) is not None}

    def limits(self) -> tuple[dict[str, Any], int | None]:
        """The subscription's limits as they were reported last ({five_hour, seven_day}: {used_percent, resets_at}),
        and when.
        """
        row = next(iter(self._of("limits")), None)
        try:
            found = orjson.loads(row["other"]) if row and row["other"] else {}
        except ValueError:
            found = {}
        return (found if isinstance(found, dict) else {}), as_us(row["last_ts"]) if row else None

    def _of(self, part: str) -> Iterable[Row]:
        return (row for row in self._rows if row["part"] == part)

    def _daily(self, since: str) -> Iterable[Row]:
        return (row for row in self._rows if row["part"] in {"usage", "calls", "sessions"} and row["at"] >= since)

    def _by(self, key: Callable[[Row], K], since: str, parts: tuple[str, ...]) -> dict[K, Sum]:
        found: dict[K, Sum] = {}
        for row in self._daily(since):
            if row["part"] in parts:
                found.setdefault(key(row), Sum()).add(row)
        return found
