"""Overview: is everything recorded, what did it cost, and what was done, today, in 7 and in 30 days."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from ...clock import iso
from ...context import ALL_PROJECTS
from ...context.values import as_number
from ...usage.budgets import budgets_of
from .. import charts, formats
from ..days import days_of
from ..events import described
from ..recording import recording_of
from ..rollup import Rollup, of_snapshot, statement
from ..statements import since_of
from ..tables import Column, Table
from ..view import View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..rollup import Sum
    from ..view import Look

WINDOWS = (("Today", 1), ("7 days", 7), ("30 days", 30))
JUST_NOW = 10
LIMITS = {"five_hour": "five hours", "seven_day": "seven days"}


def load(look: Look) -> dict[str, Any]:
    rolled = _rollup(look)
    days = look.filters.days
    since = _day(since_of(look.now_us, days)) if days else ""
    by_day, of_models = rolled.by_day(since), rolled.days_of_models(since)
    names = days_of(look.since_us, look.now_us, list(by_day))
    models = [model for model, _ in sorted(rolled.by_model(since).items(), key=lambda one: -one[1].cost_usd)]
    return {
        "recording": recording_of(look, rolled.sources()),
        "windows": [_window(name, rolled.total(_day(since_of(look.now_us, count))), count) for name, count in WINDOWS],
        "bars": _bars(names, models, of_models),
        "heat": charts.heat(_week(rolled.hours(), _since_us(look)), "Activities by hour of the week"),
        "budgets": [*_budgets(look, rolled), *_limits(look, rolled)],
        "events": [described(event) for event in look.sources.newest.newest(JUST_NOW)],
        "is_empty": not by_day and not look.sources.newest.newest(1) and not any(one.state == "pending" for one in look.asked),
        "tables": [
            _by_day(names, by_day),
            _by_project(look, rolled, since, names),
            _by_model(rolled, since),
            _by_hour(rolled, look),
        ],
    }


def _rollup(look: Look) -> Rollup:
    """The sums of the period, or of 30 days where it is shorter. Until the warehouse has said them, those of the context."""
    days = look.filters.days
    since_us = since_of(look.now_us, max(days, 30)) if days else None
    answer = look.ask(statement(look.conditions(since_us=since_us, days=False)))
    if answer.rows or answer.state not in {"pending", "failed"} or look.is_everybody:
        return Rollup(answer.rows)
    snapshot = look.sources.snapshots.read(look.customer, look.filters.get("project") or ALL_PROJECTS)
    return Rollup(of_snapshot(snapshot.blob) if snapshot is not None else [])


def _day(at_us: int | None) -> str:
    return "" if at_us is None else iso(at_us)[:10]


def _since_us(look: Look) -> int:
    return look.since_us or 0


def _window(name: str, total: Sum, days: int) -> dict[str, Any]:
    return {
        "name": name,
        "days": days,
        "cost": total.known_cost_usd,
        "estimated": total.cost_estimated_usd / total.cost_usd if total.cost_usd else 0,
        "missing": total.missing,
        "tokens": total.tokens,
        "sessions": total.sessions,
        "calls": total.calls,
        "failures": total.failures,
    }


def _bars(names: list[str], models: list[str], sums: dict[tuple[str, str], Sum]) -> dict[str, Any]:
    """Dollars by day and model; the models beyond those with a colour together."""
    shown, rest = models[: charts.COLOURS - 1], models[charts.COLOURS - 1 :]
    series = {model: [_cost(sums, day, [model]) for day in names] for model in shown}
    if rest:
        series["others"] = [_cost(sums, day, rest) for day in names]
    label = f"Cost by day and model, {names[0]} to {names[-1]}" if names else "Cost by day and model"
    return {"svg": charts.bars(names, series, label, "$"), "names": list(series), "total": sum(map(sum, series.values()))}


def _cost(sums: dict[tuple[str, str], Sum], day: str, models: Sequence[str]) -> float:
    return sum(sums[day, model].cost_usd for model in models if (day, model) in sums)


def _week(hours: dict[int, int], since_us: int) -> dict[tuple[int, int], int]:
    """By weekday and hour of this machine's zone."""
    cells: dict[tuple[int, int], int] = {}
    for at_us, count in hours.items():
        if at_us >= since_us:
            there = datetime.fromtimestamp(at_us / 1e6).astimezone()
            cells[there.weekday(), there.hour] = cells.get((there.weekday(), there.hour), 0) + count
    return cells


def _budgets(look: Look, rolled: Rollup) -> list[dict[str, Any]]:
    config, today = look.sources.config, _day(look.now_us)
    if look.is_everybody or look.filters.get("project"):
        return []
    spent = rolled.total(today).cost_usd
    month = sum(one.cost_usd for day, one in rolled.by_day().items() if day[:7] == today[:7])
    found = budgets_of(config.budget_day_usd, config.budget_month_usd, look.now_us, spent, month)
    return [
        {"text": budget.describe(), "svg": charts.meter(budget.spent_usd / budget.limit_usd, budget.describe())}
        for budget in found
    ]


def _limits(look: Look, rolled: Rollup) -> list[dict[str, Any]]:
    """The subscription's limits, without those that were reset since they were reported."""
    limits, at_us = rolled.limits()
    meters = []
    for key, name in LIMITS.items():
        limit = limits.get(key)
        used = as_number(limit.get("used_percent")) if isinstance(limit, dict) else None
        again_us = (as_number(limit.get("resets_at")) or 0) * 1e6 if isinstance(limit, dict) else 0
        if used is None or at_us is None or 0 < again_us <= look.now_us:
            continue
        text = f"{used:.0f} % of the limit of {name} is used, as of {formats.ago(at_us, look.now_us)}"
        text += f"; it is reset at {formats.local(int(again_us))}" if again_us else ""
        meters.append({"text": text, "svg": charts.meter(used / 100, text)})
    return meters


_SUMS = (
    Column("sessions", "Sessions", "number"),
    Column("calls", "Calls", "number", is_minor=True),
    Column("failures", "Failures", "number", is_minor=True),
    Column("tokens", "Tokens", "tokens"),
    Column("cost_usd", "Cost", "money"),
)


def _members(one: Sum) -> dict[str, Any]:
    return {
        "sessions": one.sessions,
        "calls": one.calls,
        "failures": one.failures,
        "tokens": one.tokens,
        "cost_usd": one.known_cost_usd,
    }


def _by_day(names: list[str], by_day: dict[str, Sum]) -> Table:
    rows = [{"day": day, **_members(by_day[day])} for day in reversed(names) if day in by_day]
    return Table("days", "By day", [Column("day", "Day (UTC)"), *_SUMS], rows, order="-day", empty="Nothing in this period.")


def _by_project(look: Look, rolled: Rollup, since: str, names: list[str]) -> Table:
    daily = rolled.days_of_projects(since)
    rows = [
        {"project": project or None, **_members(one), "trend": [_trend(daily, day, project) for day in names]}
        for project, one in rolled.by_project(since).items()
    ]
    link = lambda row: look.filters.link(project=row["project"]) if row["project"] else None  # noqa: E731
    columns = [Column("project", "Project", "place", link=link), *_SUMS, Column("trend", "By day", "spark", is_minor=True)]
    return Table("projects", "By project", columns, rows, order="-cost_usd", per_page=10, empty="Nothing in this period.")


def _trend(daily: dict[tuple[str, str], Sum], day: str, project: str) -> float:
    one = daily.get((day, project))
    return one.cost_usd or one.calls / 1000 if one is not None else 0.0


def _by_model(rolled: Rollup, since: str) -> Table:
    rows = [
        {
            "model": model,
            "requests": one.requests,
            "input": one.prompt_tokens,
            "output": one.completion_tokens,
            "cache_read": one.cache_read_tokens,
            "cache_written": one.cache_creation_tokens,
            "cost_usd": one.known_cost_usd,
            "estimated": one.cost_estimated_usd / one.cost_usd if one.cost_usd else None,
        }
        for model, one in rolled.by_model(since).items()
    ]
    columns = [
        Column("model", "Model", "code"),
        Column("requests", "Requests", "number"),
        Column("input", "Input", "tokens", is_minor=True),
        Column("output", "Output", "tokens"),
        Column("cache_read", "Cache read", "tokens", is_minor=True),
        Column("cache_written", "Cache written", "tokens", is_wide=True),
        Column(
            "estimated", "Estimated", "percent", is_wide=True, hint="The share of the cost that comes from a list of prices"
        ),
        Column("cost_usd", "Cost", "money"),
    ]
    return Table(
        "models", "By model", columns, rows, order="-cost_usd", per_page=10, empty="No request to a model in this period."
    )


def _by_hour(rolled: Rollup, look: Look) -> Table:
    cells = _week(rolled.hours(), _since_us(look))
    rows = [
        {"day": charts.DAYS[day], "hour": f"{hour:02d}:00", "activities": count} for (day, hour), count in sorted(cells.items())
    ]
    columns = [Column("day", "Day"), Column("hour", "Hour"), Column("activities", "Activities", "number")]
    return Table("hours", "By hour of the week", columns, rows, per_page=168, empty="Nothing in this period.")


VIEW = View("overview", "Overview", "/", load, filters=("days", "project"))
