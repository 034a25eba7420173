"""Counts, tool usage and model usage over windows that end now, summed from the hourly buckets of a blob.

Windows are whole hours by the reader's clock, an hour counting when any of it lies in the window: the last 24 hours, the last
7 days, and today in UTC. So nothing in a blob has to change for an old hour to fall out, and every window changes only on the
hour. Hours are compared as text, by their first 13 characters.

Latencies come as a histogram whose bucket b holds [1.1^b, 1.1^(b+1)) ms; a percentile is the nearest rank's bucket, shown as
1.1^(b+0.5) in four digits, within 5 % of the true value from 0.01 ms up. Events add to counts, never to percentiles.
"""

from __future__ import annotations

from ..clock import iso
from .values import TOKENS, as_amount, as_name, as_number, members, objects

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from .facts import Fact

HOUR_US = 3_600_000_000
_DAY_US = 24 * HOUR_US
_MODEL_MEMBERS = ("calls", *TOKENS, "cost_usd", "calls_without_cost", "cost_estimated_usd")
_SHORTEST_BUCKET, _LONGEST_BUCKET = -60, 300  # from microseconds to weeks


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
    """Calls and failures of one tool, and the percentiles of the calls whose latency is in the histogram."""

    __slots__ = ("calls", "failures", "latency", "percentiles")

    def __init__(self) -> None:
        self.calls = 0
        self.failures = 0
        self.latency: dict[str, float] = {}
        self.percentiles: dict[str, float] = {}

    def settle(self) -> None:
        """Work out the percentiles, once the histogram is complete."""
        latency: dict[int, int] = {}
        for text, count in self.latency.items():
            bucket = as_number(text)
            if count and bucket is not None and _SHORTEST_BUCKET <= bucket <= _LONGEST_BUCKET:
                latency[int(bucket)] = latency.get(int(bucket), 0) + int(count)
        if latency:
            self.percentiles = {"p50_ms": percentile(latency, 50), "p95_ms": percentile(latency, 95)}

    def copy(self) -> ToolUse:
        other = ToolUse()
        other.calls, other.failures, other.percentiles = self.calls, self.failures, self.percentiles
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

    def copy(self) -> Usage:
        """The same counts, to be added to."""
        other = Usage(self.windows)
        other.counts = dict(self.counts)
        other.tools = {name: use.copy() for name, use in self.tools.items()}
        other.today = {model: dict(use) for model, use in self.today.items()}
        other.week = {model: dict(use) for model, use in self.week.items()}
        return other

    def add(self, facts: Iterable[Fact]) -> None:
        """Count these facts as well."""
        times_of: dict[tuple[str, str, str | None, bool], int] = {}
        for fact in facts:  # many facts, few kinds of them: a count is added once for each kind
            if fact.ts is None:
                continue
            kind = (fact.ts[:13], fact.event_name, fact.tool, fact.failed)
            times_of[kind] = times_of.get(kind, 0) + 1
            if fact.model is not None:
                self.add_model(kind[0], fact.model, fact.use)
        for kind, times in times_of.items():
            self._add(*kind, times)

    def _add(self, hour: str, event_name: str, tool: str | None, failed: bool, times: int) -> None:
        if not self.windows.day <= hour <= self.windows.last:
            return
        self.counts[event_name] = self.counts.get(event_name, 0) + times
        if tool is not None:
            use = self.tools.get(tool)
            if use is None:
                use = self.tools[tool] = ToolUse()
            use.calls += times
            use.failures += times * failed

    def add_model(self, hour: str, model: str, use: Mapping[str, Any]) -> None:
        if not self.windows.week <= hour <= self.windows.last:
            return
        amounts = [as_amount(use.get(name)) for name in _MODEL_MEMBERS]
        for window in (self.week, self.today) if hour >= self.windows.today else (self.week,):
            total = window.get(model)
            if total is None:
                window[model] = dict(zip(_MODEL_MEMBERS, amounts, strict=True))
            else:
                for name, amount in zip(_MODEL_MEMBERS, amounts, strict=True):
                    total[name] += amount

    # --- as sections

    def activity_counts(self) -> list[tuple[str, int]]:
        return [(name, -negative) for negative, name in sorted([(-count, name) for name, count in self.counts.items()])]

    def tool_usage(self) -> list[tuple[str, dict[str, Any]]]:
        tools = self.tools
        busiest = [(name, tools[name]) for _, name in sorted([(-use.calls, name) for name, use in tools.items()])]
        return [(name, {"calls": use.calls, "failures": use.failures, **use.percentiles}) for name, use in busiest]

    def llm_usage(self) -> list[tuple[str, dict[str, Any]]]:
        shown = []
        for model, week in self.week.items():
            today = self.today.get(model)
            use = {"today": _model(today)} if today else {}
            shown.append((model, {**use, "last_7_days": _model(week)}))
        return sorted(shown, key=lambda item: (-item[1]["last_7_days"]["calls"], item[0]))


def usage_of(blob: Mapping[str, Any], now_us: int) -> Usage:
    """The blob's hours, summed over the windows that end now."""
    usage = Usage(Windows(now_us))
    windows = usage.windows
    for bucket in objects(blob, "hours"):
        at = bucket.get("hour")
        if not isinstance(at, str) or not windows.week <= at[:13] <= windows.last:
            continue
        for model, use in members(bucket, "llm").items():
            if isinstance(use, dict):
                usage.add_model(at[:13], as_name(model) or "unknown", use)
        if at[:13] < windows.day:
            continue
        for event_name, count in members(bucket, "events").items():
            name = as_name(event_name) or "unknown"
            usage.counts[name] = usage.counts.get(name, 0) + int(as_amount(count))
        for tool, use in members(bucket, "tools").items():
            _add_tool(usage.tools.setdefault(as_name(tool) or "unknown", ToolUse()), use)
    for total in usage.tools.values():
        total.settle()
    return usage


def percentile(latency: Mapping[int, int], percent: int) -> float:
    """The latency in ms that ``percent`` of the calls stay within (nearest rank). There must be at least one."""
    rank = (sum(latency.values()) * percent + 99) // 100
    bucket = 0
    for bucket in sorted(latency):
        rank -= latency[bucket]
        if rank <= 0:
            break
    return _milliseconds(bucket)


def _milliseconds(bucket: int) -> float:
    value = float("%.4g" % 1.1 ** (bucket + 0.5))
    return int(value) if value == int(value) else value


def _add_tool(total: ToolUse, use: Any) -> None:
    if not isinstance(use, dict):
        return
    total.calls += int(as_amount(use.get("calls")))
    total.failures += int(as_amount(use.get("failures")))
    latency = total.latency
    for bucket, count in members(use, "latency").items():
        latency[bucket] = latency.get(bucket, 0) + as_amount(count)


def _model(use: Mapping[str, float]) -> dict[str, Any]:
    """One model's use. Its cost is null where no call has one: unknown is not free."""
    shown: dict[str, Any] = {name: int(use[name]) for name in ("calls", *TOKENS[:2])}
    shown.update({name: int(use[name]) for name in TOKENS[2:] if use[name]})
    shown["cost_usd"] = round(use["cost_usd"], 9) if use["calls_without_cost"] < use["calls"] else None
    shown["calls_without_cost"] = int(use["calls_without_cost"])
    if use["cost_estimated_usd"]:
        shown["cost_estimated_usd"] = round(use["cost_estimated_usd"], 9)
    return shown


def _hour(time_us: int) -> str:
    return iso(max(time_us, 0))[:13]
