"""Values as a person reads them: the filters of the templates. Each gives plain text, which Jinja escapes.

Times are those of this machine's zone, as the page is read on it (``page.js`` says them in the browser's, should that be
another one); the time in UTC is beside each. Recorded text shows what a reader would not see (directions, invisible
characters) as escapes, and is cut.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from ..clock import iso
from ..context.visible import for_terminal
from .statements import as_us

NONE = "–"
MAX_TEXT = 400
_SCALES = ((1_000_000_000, "B"), (1_000_000, "M"), (10_000, "k"))
_SIZES = ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB"))


def seen(value: Any, most: int = MAX_TEXT) -> str:
    """Recorded text on one line, at most so many characters of it."""
    if value is None:
        return ""
    text = " ".join(str(value)[: 4 * most].split())
    return for_terminal(text if len(text) <= most else f"{text[: most - 1]}…")


def lines(value: Any, most: int = 2_000) -> str:
    """Recorded text with its lines."""
    text = "" if value is None else str(value)
    return for_terminal(text if len(text) <= most else f"{text[: most - 1]}…")


def number(value: Any) -> str:
    return NONE if value is None else f"{int(value):,}"


def compact(value: Any) -> str:
    """A large number in three digits: 1.23 M."""
    if value is None:
        return NONE
    for scale, name in _SCALES:
        if abs(value) >= scale:
            scaled = value / (1000 if name == "k" else scale)
            return f"{scaled:.{2 if scaled < 10 else 1 if scaled < 100 else 0}f} {name}"
    return f"{int(value):,}"


def money(value: Any) -> str:
    """US dollars; what is less than a cent is not nothing."""
    if value is None:
        return NONE
    return f"${value:,.2f}" if value == 0 or value >= 0.005 else "<$0.01"


def duration(seconds: Any) -> str:
    """A length of time in its two largest units."""
    if seconds is None:
        return NONE
    seconds = max(0.0, float(seconds))
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, whole = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {whole:02d} s" if minutes and minutes < 10 else f"{minutes} min" if minutes else f"{whole} s"


def ms(value: Any) -> str:
    if value is None:
        return NONE
    value = float(value)
    return f"{value:,.1f} ms" if value < 10 else f"{value:,.0f} ms" if value < 1000 else f"{value / 1000:,.1f} s"


def size(value: Any) -> str:
    if value is None:
        return NONE
    for scale, name in _SIZES:
        if value >= scale:
            return f"{value / scale:.1f} {name}"
    return f"{int(value):,} B"


def figure(value: Any) -> str:
    """A number of unknown meaning: as it is, with its thousands apart."""
    if value is None:
        return NONE
    if isinstance(value, int):
        return f"{value:,}"
    if value != value or value in (float("inf"), float("-inf")) or 0 < abs(value) < 0.0001:
        return str(value)
    return f"{value:,.4f}".rstrip("0").rstrip(".")


def percent(share: Any) -> str:
    if share is None:
        return NONE
    return f"{100 * share:.0f} %" if share in (0, 1) or 0.0995 <= share < 0.995 else f"{100 * share:.1f} %"


def ago(at: Any, now_us: int) -> str:
    """How long ago a moment was."""
    at_us = at if isinstance(at, int) else as_us(at)
    if at_us is None:
        return "never"
    age_s = (now_us - at_us) / 1e6
    return "just now" if -60 < age_s < 2 else "in the future" if age_s < 0 else f"{duration(int(age_s))} ago"


def local(at: Any) -> str:
    """A moment in this machine's zone: 28 Nov 14:05, with the year where it is another one."""
    at_us = at if isinstance(at, int) else as_us(at)
    if at_us is None:
        return NONE
    there = datetime.fromtimestamp(at_us / 1e6).astimezone()
    year = "" if there.year == datetime.now().astimezone().year else f" {there.year}"
    return f"{there.day} {there:%b}{year} {there:%H:%M}"


def clock(at: Any) -> str:
    """The time of a moment, with its seconds, in this machine's zone."""
    at_us = at if isinstance(at, int) else as_us(at)
    return NONE if at_us is None else f"{datetime.fromtimestamp(at_us / 1e6).astimezone():%H:%M:%S}"


def zone_minutes() -> int:
    """How far this machine's zone is ahead of UTC now."""
    offset = datetime.now().astimezone().utcoffset()
    return int(offset.total_seconds() // 60) if offset is not None else 0


def utc(at: Any) -> str:
    at_us = at if isinstance(at, int) else as_us(at)
    return "" if at_us is None else f"{datetime.fromtimestamp(at_us / 1e6, UTC):%Y-%m-%d %H:%M:%S} UTC"


def stamp(at: Any) -> str:
    """A moment as ISO text, for programs."""
    at_us = at if isinstance(at, int) else as_us(at)
    return "" if at_us is None else iso(at_us)


def place(path: Any) -> str:
    """A directory by its last name; the whole path belongs into its title."""
    text = str(path or "")
    return seen(os.path.basename(text.rstrip("/")) or text or "(no project)", 60)


def tail(path: Any, most: int = 60) -> str:
    """The end of a path, where its name is."""
    text = str(path or "")
    return seen(text if len(text) <= most else f"…{text[1 - most :]}", most)


def plotted(value: Any) -> str:
    """A value for a chart: a number, or the second in which a day begins."""
    if isinstance(value, (int, float)):
        return str(value)
    at_us = as_us(value)
    return "" if at_us is None else str(at_us // 1_000_000)


_SHOWN = (
    seen,
    lines,
    number,
    compact,
    money,
    duration,
    ms,
    size,
    figure,
    percent,
    ago,
    local,
    clock,
    utc,
    stamp,
    place,
    tail,
    plotted,
)
FILTERS = {made.__name__: made for made in _SHOWN}
