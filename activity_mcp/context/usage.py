"""Counts, tool usage and model usage over windows that end now, summed from the hourly buckets of a blob.

Windows are whole hours by the reader's clock, an hour counting when any of it lies in the window: the last 24 hours, the last
7 days, and today in UTC. So nothing in a blob has to change for an old hour to fall out, and every window changes only on the
hour. Hours are compared as text, by their first 13 characters.

Latencies come as a histogram whose bucket b holds [1.1^b, 1.1^(b+1)) ms; a percentile is the nearest rank's bucket, shown as
1.1^(b+0.5) in four digits, within 5 % of the true value from 0.01 ms up. Events add to counts, never to percentiles.
"""

from __future__ import annotations

from ..clock import iso
from .values import as_boolean, as_count, as_number, as_text, is_time, members, objects

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

HOUR_US = 3_600_000_000
_DAY_US = 24 * HOUR_US
_TOKENS = ("prompt_tokens", "completion_tokens", "cache_read_tokens", "cache_creation_tokens")
_LLM = ("calls", *_TOKENS, "cost_usd", "calls_without_cost")
_MAX_NAME = 255


class Windows:
    """Where the windows of this moment begin and end, as texts of hours."""

    __slots__ = ("day", "last", "today", "until_us", "week")

    def __init__(self, now_us: int) -> None:
        hour_us = now_us - now_us % HOUR_US
        self.day = _hour(hour_us - _DAY_US)
        self.week = _hour(hour_us - 7 * _DAY_US)
        self.today = _hour(hour_us - hour_us % _DAY_US)
        self.last = _hour(hour_us + HOUR_US)  # another machine's clock may be a little ahead; what is further on is an error
        self.until_us = hour_us + HOUR_US


class ToolUse:
    __slots__ = ("calls", "failures", "latency")

    def __init__(self) -> None:
        self.calls = 0
        self.failures = 0
        self.latency: dict[int, int] = {}

    def copy(self) -> ToolUse:
        other = ToolUse()
        other.calls, other.failures, other.latency = self.calls, self.failures, self.latency
        return other


class Usage:
    """What was counted in the windows of one hour."""

    __slots__ = ("counts", "today", "tools", "week", "windows")

    def __init__(self, windows: Windows) -> None:
        self.windows = windows
        self.counts: dict[str, int] = {}
        self.tools: dict[str, ToolUse] = {}
        self.today: dict[str, dict[str, float]] = {}
        self.week: dict[str, dict[str, float]] = {}

    def with_events(self, events: Iterable[Mapping[str, Any]]) -> Usage:
        """These counts and those of the events; this one stays as it is."""
        total = Usage(self.windows)
        total.counts = dict(self.counts)
        total.tools = {name: use.copy() for name, use in self.tools.items()}
        total.today = {model: dict(use) for model, use in self.today.items()}
        total.week = {model: dict(use) for model, use in self.week.items()}
        for event in events:
            total._add(event)
        return total

    def _add(self, event: Mapping[str, Any]) -> None:
        ts, features, event_name = event.get("ts"), event.get("feature_json"), event.get("event_name")
        if not isinstance(ts, str) or not is_time(ts) or not isinstance(event_name, str):
            return
        hour, features = ts[:13], features if isinstance(features, dict) else {}
        if self.windows.day <= hour <= self.windows.last:
            self.counts[event_name] = self.counts.get(event_name, 0) + 1
            if event_name == "tool_event":
                use = self.tools.setdefault(as_text(features.get("tool_name"), _MAX_NAME) or "unknown", ToolUse())
                use.calls += 1
                use.failures += as_boolean(features.get("success")) is False
        if event_name == "llm_event":
            model = as_text(features.get("model"), _MAX_NAME) or "unknown"
            unknown_cost = as_number(features.get("cost_usd")) is None
            self.add_model(hour, model, {**features, "calls": 1, "calls_without_cost": int(unknown_cost)})

    def add_model(self, hour: str, model: str, use: Mapping[str, Any]) -> None:
        for begin, window in ((self.windows.week, self.week), (self.windows.today, self.today)):
            if begin <= hour <= self.windows.last:
                total = window.setdefault(model, dict.fromkeys(_LLM, 0))
                for name in _LLM:
                    total[name] += max(as_number(use.get(name)) or 0, 0)

    # --- as sections

    def activity_counts(self) -> list[tuple[str, int]]:
        return _busiest(self.counts.items(), lambda count: count)

    def tool_usage(self) -> list[tuple[str, dict[str, Any]]]:
        shown = [(name, _tool(use)) for name, use in self.tools.items()]
        return _busiest(shown, lambda use: use["calls"])

    def llm_usage(self) -> list[tuple[str, dict[str, Any]]]:
        shown = []
        for model, week in self.week.items():
            today = self.today.get(model)
            use = {"today": _model(today)} if today else {}
            shown.append((model, {**use, "last_7_days": _model(week)}))
        return _busiest(shown, lambda use: use["last_7_days"]["calls"])


def usage_of(blob: Mapping[str, Any], now_us: int) -> Usage:
    """The blob's hours, summed over the windows that end now."""
    windows = Windows(now_us)
    usage = Usage(windows)
    for bucket in objects(blob, "hours"):
        at = bucket.get("hour")
        if not isinstance(at, str) or not windows.week <= at[:13] <= windows.last:
            continue
        hour = at[:13]
        for model, use in members(bucket, "llm").items():
            if isinstance(use, dict):
                usage.add_model(hour, as_text(model, _MAX_NAME) or "unknown", use)
        if hour < windows.day:
            continue
        for event_name, count in members(bucket, "events").items():
            name = as_text(event_name, _MAX_NAME) or "unknown"
            usage.counts[name] = usage.counts.get(name, 0) + as_count(count)
        for tool, use in members(bucket, "tools").items():
            _add_tool(usage.tools.setdefault(as_text(tool, _MAX_NAME) or "unknown", ToolUse()), use)
    return usage


def percentile(latency: Mapping[int, int], percent: int) -> float | None:
    """The latency in ms that ``percent`` of the calls stay within (nearest rank); None of none."""
    rank = (sum(latency.values()) * percent + 99) // 100
    for bucket in sorted(latency):
        rank -= latency[bucket]
        if rank <= 0:
            return _milliseconds(bucket)
    return None


def _milliseconds(bucket: int) -> float:
    value = float("%.4g" % 1.1 ** (bucket + 0.5))
    return int(value) if value == int(value) else value


def _add_tool(total: ToolUse, use: Any) -> None:
    if not isinstance(use, dict):
        return
    total.calls += as_count(use.get("calls"))
    total.failures += as_count(use.get("failures"))
    for text, count in members(use, "latency").items():
        bucket = as_number(text)
        if bucket is not None and -60 <= bucket <= 300:
            total.latency[int(bucket)] = total.latency.get(int(bucket), 0) + as_count(count)


def _tool(use: ToolUse) -> dict[str, Any]:
    shown: dict[str, Any] = {"calls": use.calls, "failures": use.failures}
    if use.latency:
        shown["p50_ms"], shown["p95_ms"] = percentile(use.latency, 50), percentile(use.latency, 95)
    return shown


def _model(use: Mapping[str, float]) -> dict[str, Any]:
    """One model's use. Its cost is null where no call has one: unknown is not free."""
    shown: dict[str, Any] = {name: int(use[name]) for name in ("calls", *_TOKENS[:2])}
    shown.update({name: int(use[name]) for name in _TOKENS[2:] if use[name]})
    known = use["calls_without_cost"] < use["calls"]
    return {**shown, "cost_usd": round(use["cost_usd"], 6) if known else None, "calls_without_cost": int(use["calls_without_cost"])}


def _busiest(items: Iterable[tuple[str, Any]], calls: Any) -> list[tuple[str, Any]]:
    return sorted(items, key=lambda item: (-calls(item[1]), item[0]))


def _hour(time_us: int) -> str:
    return iso(max(time_us, 0))[:13]
