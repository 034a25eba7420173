"""The days of a period (of UTC, as ``YYYY-MM-DD``), those on which nothing happened too: a chart must not close its gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..clock import iso
from .statements import DAY_US, as_us

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_DAYS = 92
"""The newest of them: a bar needs its width."""


def days_of(since_us: int | None, now_us: int, found: Sequence[str]) -> list[str]:
    """Every day from the beginning of the period until today; of all time from the first that was found."""
    first_us = since_us if since_us is not None else as_us(min(found, default=iso(now_us)[:10])) or now_us
    first, last = first_us // DAY_US, now_us // DAY_US
    return [iso(day * DAY_US)[:10] for day in range(max(first, last - MAX_DAYS + 1), last + 1)]


def filled(rows: Iterable[dict[str, Any]], since_us: int | None, now_us: int) -> list[dict[str, Any]]:
    """The rows by their ``day``; of a day without one, its counts are 0."""
    known = {row["day"]: row for row in rows}
    names = days_of(since_us, now_us, list(known))
    counts = [name for name, value in next(iter(known.values()), {}).items() if isinstance(value, int)]
    nothing = {name: 0 if name in counts else None for name in next(iter(known.values()), {})}
    return [known.get(day, {**nothing, "day": day}) for day in names] if known else []
