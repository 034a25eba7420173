"""The budgets that are nearly spent, as the leader noted them last: ``budget.json`` in the queue's directory.

    {"day": {"name": "2026-11-28", "limit": 20.0, "level": 80, "spent": 17.1}, "month": {…}}

``level`` is the percentage that was reported, ``spent`` what was spent when the leader looked, once a minute. A period that is
over counts no more. Standard library only, as the status line reads it too.
"""

from __future__ import annotations

from ..clock import iso
from ..fs import LOCAL
from ..plain_json import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FILE = "budget.json"
_PERIODS = {"day": 10, "month": 7}
"""And how much of a time names each."""


def noted_budgets(queue_dir: str) -> dict[str, Any]:
    """The document; {} where there is none that can be read."""
    try:
        found = loads(LOCAL.read(f"{queue_dir}/{FILE}", 4096))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def period_name(period: str, now_us: int) -> str:
    """What the ``day`` or ``month`` of this moment is called, in UTC: 2026-11-28, 2026-11."""
    return iso(now_us)[: _PERIODS[period]]


def nearly_spent(queue_dir: str, limits: dict[str, float | None], now_us: int) -> list[dict[str, Any]]:
    """The budgets of now of which 80 % or more are spent, as ``get_context`` shows them.

    ``limits`` are those that are set: what was noted of another counts no more.
    """
    noted = noted_budgets(queue_dir)
    shown = []
    for period, limit in limits.items():
        found = noted.get(period)
        if limit is None or not isinstance(found, dict) or found.get("limit") != limit or not found.get("level"):
            continue
        spent = found.get("spent")
        if found.get("name") == period_name(period, now_us) and isinstance(spent, (int, float)):
            percent = int(100 * spent / limit)
            shown.append(
                {"period": period, "of": found["name"], "spent_usd": round(spent, 6), "budget_usd": limit, "percent": percent}
            )
    return shown
