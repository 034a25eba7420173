"""The one clock. Everything that asks for the time takes a ``Clock``, so that tests decide what time it is.

Wall time is an integer, microseconds since 1970 in UTC; as text it is ``2026-01-21T06:19:38.048000Z``, always six digits and
``Z``, so that texts sort as the times do. Durations are measured on the monotonic clock, never on the wall clock.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Clock(Protocol):
        def time_us(self) -> int:
            """Microseconds since 1970, UTC."""

        def monotonic(self) -> float:
            """Seconds; only differences mean anything."""


class SystemClock:
    """The clock of the machine."""

    def time_us(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()


SYSTEM_CLOCK = SystemClock()

_TEXT = r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|z|[+-]\d\d:?\d\d)?)?"
_DAYS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def iso(time_us: int) -> str:
    """``time_us`` as text in UTC with microseconds: the only form in which a time is written down."""
    seconds, micros = divmod(time_us, 1_000_000)
    return f"{_KNOWN_TEXTS.get(seconds) or _text_of(seconds)}.{micros:06d}Z"


def _text_of(seconds: int) -> str:
    if len(_KNOWN_TEXTS) >= _MAX_KNOWN:
        _KNOWN_TEXTS.clear()
    text = _KNOWN_TEXTS[seconds] = "%04d-%02d-%02dT%02d:%02d:%02d" % time.gmtime(seconds)[:6]
    return text


_KNOWN_TEXTS: dict[int, str] = {}
_KNOWN_SECONDS: dict[str, int | None] = {}
"""Seconds as text, and back: thousands of events are from a few of them."""
_MAX_KNOWN = 1000


def parse_iso(text: str) -> int:
    """Microseconds since 1970 of an ISO 8601 text.

    A date alone is midnight; a time without an offset is UTC; digits below the microsecond are cut.
    Raises ValueError for anything else, years before 1970 and after 9998 included.
    """
    text = text.strip()
    written_here = _as_written(text)
    if written_here is not None:
        return written_here
    import re  # its import costs a hook more than all of the hook's own work

    match = re.fullmatch(_TEXT, text)
    if match is None:
        raise ValueError(f"not an ISO 8601 time: {text[:40]!r}")
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    hour, minute, second = (int(match[n] or 0) for n in (4, 5, 6))
    if not _is_date(year, month, day):
        raise ValueError(f"no such date: {text[:40]!r}")
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(f"no such time: {text[:40]!r}")
    micros = int((match[7] or "").ljust(6, "0")[:6])
    total = _seconds(year, month, day, hour, minute, second) - _offset_seconds(match[8])
    if total < 0:
        raise ValueError(f"before 1970: {text[:40]!r}")
    return total * 1_000_000 + micros


def normal_iso(text: str) -> str:
    """``text`` in the form of ``iso``. Raises ValueError as ``parse_iso`` does."""
    return text if _as_written(text) is not None else iso(parse_iso(text))


def _as_written(text: str) -> int | None:
    """The time in a text that ``iso`` may have written; None for every other."""
    if len(text) != 27 or text[19] != "." or text[26] != "Z" or not text.isascii() or not text[20:26].isdigit():
        return None
    second = text[:19]
    if second not in _KNOWN_SECONDS:
        if len(_KNOWN_SECONDS) >= _MAX_KNOWN:
            _KNOWN_SECONDS.clear()
        _KNOWN_SECONDS[second] = _second_as_written(second)
    seconds = _KNOWN_SECONDS.get(second)
    return None if seconds is None else seconds * 1_000_000 + int(text[20:26])


def _second_as_written(text: str) -> int | None:
    if text[4::3][:2] != "--" or text[10::3][:3] != "T::":
        return None
    digits = text[:4] + text[5:7] + text[8:10] + text[11:13] + text[14:16] + text[17:19]
    if not digits.isdigit():
        return None
    year, month, day = int(digits[:4]), int(digits[4:6]), int(digits[6:8])
    hour, minute, second = int(digits[8:10]), int(digits[10:12]), int(digits[12:14])
    if not (_is_date(year, month, day) and hour <= 23 and minute <= 59 and second <= 59):
        return None
    return _seconds(year, month, day, hour, minute, second)


def _is_date(year: int, month: int, day: int) -> bool:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 1970 <= year <= 9998 and 1 <= month <= 12 and 1 <= day <= _DAYS[month] + (leap and month == 2)


def _seconds(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int:
    return _days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second


def _offset_seconds(zone: str | None) -> int:
    if zone is None or zone in "Zz":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if hours > 15 or minutes > 59:
        raise ValueError(f"no such offset: {zone}")
    seconds = hours * 3600 + minutes * 60
    return -seconds if zone[0] == "-" else seconds


def _days_since_1970(year: int, month: int, day: int) -> int:
    """Days from the epoch by the proleptic Gregorian calendar (``datetime`` would cost a hook its budget)."""
    shifted = year - (month <= 2)
    era, year_of_era = divmod(shifted, 400)
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


END_US = _seconds(9999, 1, 1, 0, 0, 0) * 1_000_000
"""The first moment that ``parse_iso`` refuses."""
