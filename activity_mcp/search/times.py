"""Times as a person writes and reads them: ``7d``, ``2026-11-01``, ``3 h`` ago."""

from __future__ import annotations

import re

from ..clock import parse_iso
from ..errors import InvalidInput

_SPAN = re.compile(r"(\d{1,5})\s*(min|h|d|w)")
_SPAN_US = {"min": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000, "w": 7 * 86_400_000_000}


def moment(name: str, text: str | None, now_us: int) -> int | None:
    """A time as a person writes it: ISO 8601, or how long ago (30min, 24h, 7d, 2w). Raises InvalidInput."""
    if not text:
        return None
    span = _SPAN.fullmatch(text.strip())
    if span:
        return now_us - int(span[1]) * _SPAN_US[span[2]]
    try:
        return parse_iso(text)
    except ValueError as error:
        raise InvalidInput(f"{name}: {error}", hint="write it as 2026-11-01, 2026-11-01T09:00:00Z, 24h or 7d") from None


def age_of(us: int) -> str:
    """How long ago, in the largest unit that gives a number."""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if us >= size * 1_000_000:
            return f"{us // (size * 1_000_000)} {unit}"
    return f"{max(0, us) // 1_000_000} s"
