"""Budgets: what is spent today and this month (of UTC), of ``ACTIVITY_BUDGET_DAY_USD`` and ``ACTIVITY_BUDGET_MONTH_USD``.

The leader looks once a minute: today's sum is that of the context of all projects, in a file beside the queue; what was
spent in the month before today is asked of the warehouse once a day. A ``system_event`` reports 80 % and 100 %, each once a
period: what was reported is kept in ``budget.json`` beside the queue (``context.spent``), across leaders, together with what is
spent; ``get_context`` and the status line read it there. Nothing is blocked.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from ..clock import iso
from ..context.spent import FILE, noted_budgets, period_name
from ..fs import LOCAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..clock import Clock

LEVELS = (80, 100)
"""The percentages that are reported."""
LOOK_EVERY_S = 60.0


class Budget(NamedTuple):
    """What may be spent in a period (``day`` or ``month``), and what is."""

    period: str
    name: str
    limit_usd: float
    spent_usd: float

    @property
    def level(self) -> int:
        """The highest of ``LEVELS`` that is reached; 0 below all."""
        share = 100 * self.spent_usd / self.limit_usd
        return max((level for level in LEVELS if share >= level), default=0)

    def describe(self) -> str:
        share = self.spent_usd / self.limit_usd
        return f"${self.spent_usd:,.2f} of the {self.period}'s budget of ${self.limit_usd:,.2f} are spent ({share:.0%})"


def budgets_of(
    day_usd: float | None, month_usd: float | None, now_us: int, today_usd: float, month_total_usd: float
) -> Iterator[Budget]:
    """The budgets that are set, with what is spent of each now."""
    if day_usd is not None:
        yield Budget("day", period_name("day", now_us), day_usd, today_usd)
    if month_usd is not None:
        yield Budget("month", period_name("month", now_us), month_usd, month_total_usd)


class BudgetWatch:
    """``look`` at every turn of the leader; it does something once a minute, and nothing where no budget is set.

    ``today()`` is what is spent today, ``earlier(since, until)`` what was between two days (``YYYY-MM-DD``, the second left
    out); ``report(budget, level)`` writes the system_event.
    """

    def __init__(
        self,
        queue_dir: str,
        day_usd: float | None,
        month_usd: float | None,
        *,
        today: Callable[[], float],
        earlier: Callable[[str, str], float],
        report: Callable[[Budget, int], None],
        clock: Clock,
    ) -> None:
        self._directory = queue_dir
        self._day_usd = day_usd
        self._month_usd = month_usd
        self._today = today
        self._earlier = earlier
        self._report = report
        self._clock = clock
        self._next = 0.0
        self._before_today: tuple[str, float] = ("", 0.0)

    def look(self) -> None:
        """Report each level that was reached since it was looked at last. Raises what reading or reporting raises."""
        now = self._clock.monotonic()
        if (self._day_usd is None and self._month_usd is None) or now < self._next:
            return
        self._next = now + LOOK_EVERY_S
        now_us, today = self._clock.time_us(), self._today()
        known = noted_budgets(self._directory)
        for budget in budgets_of(self._day_usd, self._month_usd, now_us, today, today + self._month_before(now_us)):
            before = known.get(budget.period)
            same = isinstance(before, dict) and before.get("name") == budget.name and before.get("limit") == budget.limit_usd
            reported = before.get("level", 0) if same and isinstance(before, dict) else 0
            if budget.level > reported:
                self._report(budget, budget.level)
            if budget.level or reported:
                level = max(budget.level, reported)
                self._note(known, budget.period, {"name": budget.name, "limit": budget.limit_usd, "level": level}, budget)

    def _month_before(self, now_us: int) -> float:
        day = iso(now_us)[:10]
        if self._month_usd is None or day.endswith("-01"):
            return 0.0
        if self._before_today[0] != day:
            self._before_today = (day, self._earlier(f"{day[:7]}-01", day))
        return self._before_today[1]

    def _note(self, known: dict[str, Any], period: str, noted: dict[str, Any], budget: Budget) -> None:
        """Keep what was reported and what is spent, where either has changed."""
        noted["spent"] = round(budget.spent_usd, 6)
        if known.get(period) != noted:
            known[period] = noted
            LOCAL.publish(os.path.join(self._directory, FILE), json.dumps(known).encode(), durable=False)
