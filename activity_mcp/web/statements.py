"""SQL in the words that both engines read, and texts and times as values in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..clock import iso

if TYPE_CHECKING:
    from collections.abc import Iterable

DAY_US = 86_400_000_000
FAILED = "success = FALSE AND denied IS NULL AND COALESCE(interrupted, FALSE) = FALSE"
"""Of VW_TOOL_EVENTS: what was denied or interrupted is no failure."""


def text(value: str) -> str:
    """The text as a string of SQL. Snowflake reads a backslash as an escape and DuckDB does not, so neither is given one."""
    pieces = ["'{}'".format(piece.replace("'", "''")) for piece in value.replace("\0", "").split("\\")]
    return pieces[0] if len(pieces) == 1 else f"({' || CHR(92) || '.join(pieces)})"


def time(at_us: int) -> str:
    """A moment in UTC, to be compared with the views' ``ts``: a text, which both engines take for a time there."""
    return f"'{iso(at_us)[:-1]}'"


def day_of(column: str) -> str:
    """The day of UTC as text, YYYY-MM-DD."""
    return f"CAST(CAST(DATE_TRUNC('day', {column}) AS DATE) AS VARCHAR)"


def where(conditions: Iterable[str]) -> str:
    """``WHERE`` with all of them; an empty text where there is none."""
    kept = [condition for condition in conditions if condition]
    return f"WHERE {' AND '.join(kept)}" if kept else ""


def since_of(now_us: int, days: int | None) -> int | None:
    """Where a period of so many days of UTC begins, today included; None for all of it."""
    return None if days is None else now_us - now_us % DAY_US - (days - 1) * DAY_US


def as_us(value: object) -> int | None:
    """A time of an answer in microseconds since 1970; None where it is none."""
    from ..clock import parse_iso

    if value is None:
        return None
    written = str(value).replace(" ", "T")
    try:
        return parse_iso(written if written.endswith("Z") or "T" not in written else f"{written}Z")
    except ValueError:
        return None
