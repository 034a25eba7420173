"""80 % and 100 % of a budget are reported once a period, by the event, by `usage` and by the status line; nothing is blocked."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.claude_code.hooks.statusline import run
from activity_mcp.clock import SYSTEM_CLOCK, iso, parse_iso
from activity_mcp.config import read_config
from activity_mcp.context.render import render_context
from activity_mcp.context.spent import nearly_spent
from activity_mcp.errors import InvalidConfig
from activity_mcp.service import ActivityService
from activity_mcp.usage.budgets import Budget, BudgetWatch
from cli.conftest import call, home
from cli.outcome import Call
from fakes import FakeClock

__all__ = ["call", "home"]


class Watched:
    """A watch over what is spent, and what it reported."""

    def __init__(self, directory: Path, *, day: float | None = 10.0, month: float | None = 100.0) -> None:
        self.clock = FakeClock()
        self.spent, self.before = 0.0, 0.0
        self.asked: list[tuple[str, str]] = []
        self.reported: list[tuple[str, str, int]] = []
        self.limits = (day, month)
        self.directory = str(directory)
        self.watch = self.another()

    def another(self) -> BudgetWatch:
        """That of the next leader."""
        return BudgetWatch(
            self.directory, *self.limits, today=lambda: self.spent, earlier=self._earlier, report=self._report, clock=self.clock
        )

    def _earlier(self, since: str, until: str) -> float:
        self.asked.append((since, until))
        return self.before

    def _report(self, budget: Budget, level: int) -> None:
        self.reported.append((budget.period, budget.name, level))

    def at(self, moment: str) -> None:
        self.clock.jump_wall((parse_iso(moment) - self.clock.time_us()) / 1e6)

    def spend(self, today: float) -> None:
        self.spent = today
        self.clock.advance(61)
        self.watch.look()


def test_each_level_is_reported_once_a_day_across_leaders(tmp_path: Path) -> None:
    watched = Watched(tmp_path, month=None)
    watched.at("2026-11-28T10:00:00Z")
    for spent in (0, 7.9, 8.0, 9.0, 9.9, 10.0, 12.0):
        watched.spend(spent)
    assert watched.reported == [("day", "2026-11-28", 80), ("day", "2026-11-28", 100)]
    watched.watch = watched.another()
    watched.spend(13)
    assert len(watched.reported) == 2
    watched.at("2026-11-29T10:00:00Z")
    watched.spend(11)
    assert watched.reported[2:] == [("day", "2026-11-29", 100)]
    assert watched.asked == []


def test_the_month_is_what_was_spent_before_today_asked_once_a_day_and_today(tmp_path: Path) -> None:
    watched = Watched(tmp_path, day=None)
    watched.at("2026-11-28T10:00:00Z")
    watched.before = 75
    for spent in (1, 4.9, 5, 25):
        watched.spend(spent)
    assert watched.reported == [("month", "2026-11", 80), ("month", "2026-11", 100)]
    assert watched.asked == [("2026-11-01", "2026-11-28")]
    watched.at("2026-12-01T00:01:00Z")
    watched.spend(85)
    assert watched.reported[2:] == [("month", "2026-12", 80)]
    assert len(watched.asked) == 1


def test_another_budget_is_reported_again(tmp_path: Path) -> None:
    watched = Watched(tmp_path, month=None)
    watched.spend(10)
    watched.limits = (20.0, None)
    watched.watch = watched.another()
    watched.spend(17)
    assert [level for _, _, level in watched.reported] == [100, 80]


def test_without_a_budget_nothing_is_looked_at(tmp_path: Path) -> None:
    watched = Watched(tmp_path, day=None, month=None)
    watched.spend(1e6)
    assert watched.reported == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["0", "-5", "much", "nan", "inf"])
def test_a_budget_that_is_none_is_a_clear_error(text: str) -> None:
    with pytest.raises(InvalidConfig, match="ACTIVITY_BUDGET_DAY_USD"):
        read_config({"HOME": "/h", "ACTIVITY_BUDGET_DAY_USD": text})


def test_the_leader_records_it_and_usage_says_it(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTIVITY_BUDGET_DAY_USD", "10")
    monkeypatch.setenv("ACTIVITY_BUDGET_MONTH_USD", "1000")
    service = ActivityService.from_environ()
    features = {"model": "m", "prompt_tokens": 1, "completion_tokens": 1, "cost_usd": 8.5, "cost_source": "otel"}
    service.log("llm_event", features)
    service.prepare_leader()
    assert service.leader is not None
    for _ in range(3):
        service.leader.turn()
    service.budget_watch._next = 0.0
    service.leader.turn()
    service.close()
    context = json.loads(call("context", "--json").out)["context"]
    today = iso(SYSTEM_CLOCK.time_us())[:10]
    assert context["budgets"] == [{"period": "day", "of": today, "spent_usd": 8.5, "budget_usd": 10.0, "percent": 85}]
    assert "85% of $10.00" in run(b"{}", dict(os.environ))
    outcome = call("usage")
    assert "! $8.50 of the day's budget of $10.00 are spent (85%)" in outcome.err
    assert "$8.50 of the month's budget of $1,000.00 are spent (1%)" in outcome.err
    rows = call("query", "SELECT message, severity FROM VW_SYSTEM_EVENTS WHERE event_type = 'budget_reached'", "--json").json[
        "rows"
    ]
    assert rows == [["$8.50 of the day's budget of $10.00 are spent (85%)", "warning"]]


def test_what_is_spent_of_a_budget_is_noted_from_80_percent_on_and_counts_in_its_period_alone(tmp_path: Path) -> None:
    watched = Watched(tmp_path, month=None)
    watched.at("2026-11-28T10:00:00Z")
    for spent in (7.0, 8.5, 9.25):
        watched.spend(spent)
    now_us = watched.clock.time_us()
    expected = {"period": "day", "of": "2026-11-28", "spent_usd": 9.25, "budget_usd": 10.0, "percent": 92}
    assert nearly_spent(str(tmp_path), {"day": 10.0, "month": None}, now_us) == [expected]
    assert nearly_spent(str(tmp_path), {"day": 12.0, "month": None}, now_us) == []
    assert nearly_spent(str(tmp_path), {"day": 10.0, "month": None}, now_us + 86_400_000_000) == []


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"day": 5}', '{"day": {"name": "2026-11-28", "limit": 10.0, "level": 80, "spent": "x"}}']
)
def test_a_note_that_is_damaged_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "budget.json").write_text(text)
    assert nearly_spent(str(tmp_path), {"day": 10.0, "month": 10.0}, parse_iso("2026-11-28T10:00:00Z")) == []


@pytest.mark.parametrize("context_type", ["default", "executive", "engineer", "analyst"])
def test_a_budget_is_shown_however_small_the_answer_where_sums_are_shown(context_type: str) -> None:
    budget: dict[str, Any] = {"period": "day", "of": "2026-11-28", "spent_usd": 9.25, "budget_usd": 10.0, "percent": 92}
    found = render_context({}, [], now_us=0, context_type=context_type, max_bytes=512, budgets=[budget]).context
    assert found.get("budgets") == ([budget] if context_type in ("default", "executive") else None)
