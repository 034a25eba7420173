"""Charts as inline SVG: they are in the page before any script is, and each has its table beside it.

The policy of the page allows no ``style`` attribute, so colours are classes, and places are attributes. What a chart says in
words is escaped; all else in it is a number.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from markupsafe import Markup

from .formats import seen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LEVELS = 5
COLOURS = 6
FAILED = 4
"""How many series have a colour of their own (``.c0`` to ``.c5``), and the one of what failed."""
_CELL, _GAP, _LEFT, _TOP = 22, 3, 34, 16
_WIDTH, _HEIGHT = 1080, 220
_BAR = Markup('<rect class="c{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}</title></rect>')
_NAME = Markup('<text class="axis mid" x="{:.1f}" y="{}">{}</text>')


def heat(cells: Mapping[tuple[int, int], int], label: str) -> Markup:
    """The week by hour: ``cells`` maps (weekday from 0, hour) to a count."""
    most = max(cells.values(), default=0)
    width, height = _LEFT + 24 * (_CELL + _GAP), _TOP + 7 * (_CELL + _GAP)
    drawn = [
        Markup('<text class="axis" x="{}" y="11">{:02d}</text>').format(_LEFT + hour * (_CELL + _GAP), hour)
        for hour in range(0, 24, 3)
    ]
    for day, name in enumerate(DAYS):
        y = _TOP + day * (_CELL + _GAP)
        drawn.append(Markup('<text class="axis" x="0" y="{}">{}</text>').format(y + 15, name))
        for hour in range(24):
            count = cells.get((day, hour), 0)
            title = f"{name} {hour:02d}:00: {count:,}"
            drawn.append(
                Markup('<rect class="h{}" x="{}" y="{}" width="{}" height="{}" rx="3"><title>{}</title></rect>').format(
                    level_of(count, most), _LEFT + hour * (_CELL + _GAP), y, _CELL, _CELL, title
                )
            )
    return _svg("heat", width, height, label, drawn)


def level_of(count: int, most: int) -> int:
    """0 for nothing, else 1 to ``LEVELS`` by the square root of its share: a quiet hour differs from an empty one."""
    return 0 if count <= 0 or most <= 0 else min(LEVELS, 1 + int((count / most) ** 0.5 * LEVELS * 0.999))


def bars(
    names: Sequence[str],
    series: Mapping[str, Sequence[float]],
    label: str,
    unit: str = "",
    colours: Sequence[int] = tuple(range(COLOURS)),
) -> Markup:
    """Stacked bars, one for each name; ``series`` from the bottom up, each with its colour."""
    totals = [sum(values[at] for values in series.values()) for at in range(len(names))]
    top = _round_up(max(totals, default=0.0))
    left, bottom = 46, _HEIGHT - 22
    step = (_WIDTH - left) / max(1, len(names))
    wide = max(1.0, min(step * 0.72, 42.0))
    drawn = []
    for part in (0, 0.5, 1):
        y = bottom - part * (bottom - 10)
        drawn.append(Markup('<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(left, _WIDTH, y, y))
        shown = f"{unit}{part * top:,.2f}" if unit and top < 10 else f"{unit}{_short(part * top)}"
        drawn.append(Markup('<text class="axis end" x="{}" y="{:.1f}">{}</text>').format(left - 6, y + 4, shown))
    every = max(1, -(-len(names) // 8))
    for at, name in enumerate(names):
        x, y = left + at * step + (step - wide) / 2, float(bottom)
        for number, (of, values) in enumerate(series.items()):
            tall = (bottom - 10) * values[at] / top if top else 0.0
            if tall <= 0:
                continue
            y -= tall
            title = f"{name}, {seen(of, 60)}: {unit}{values[at]:,.2f}" if unit else f"{name}, {seen(of, 60)}: {values[at]:,.0f}"
            drawn.append(
                Markup(
                    '<rect class="c{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}</title></rect>'
                ).format(colours[min(number, len(colours) - 1)], x, y, wide, tall, title)
            )
        if at % every == 0:
            drawn.append(
                Markup('<text class="axis mid" x="{:.1f}" y="{}">{}</text>').format(
                    left + (at + 0.5) * step, _HEIGHT - 6, name[5:]
                )
            )
    return _svg("bars", _WIDTH, _HEIGHT, label, drawn)


def spark(values: Sequence[float], label: str) -> Markup:
    """A line the height of a word."""
    width, height = 96, 22
    top = max(values, default=0.0) or 1.0
    step = width / max(1, len(values) - 1)
    points = " ".join(f"{at * step:.1f},{height - 2 - (height - 4) * value / top:.1f}" for at, value in enumerate(values))
    return _svg("spark", width, height, label, [Markup('<polyline points="{}"/>').format(points)] if len(values) > 1 else [])


def meter(share: float, label: str) -> Markup:
    """How much of a limit is used: green, amber from 80 %, red from all of it."""
    kind = "fail" if share >= 1 else "warn" if share >= 0.8 else "ok"
    inside = [
        Markup('<rect class="track" width="200" height="8" rx="4"/>'),
        Markup('<rect class="{}" width="{:.1f}" height="8" rx="4"/>').format(kind, 200 * max(0.0, min(1.0, share))),
    ]
    return _svg("meter", 200, 8, label, inside)


def _svg(kind: str, width: float, height: float, label: str, inside: Sequence[Markup]) -> Markup:
    return Markup('<svg class="{}" viewBox="0 0 {:.0f} {:.0f}" role="img" aria-label="{}">{}</svg>').format(
        kind, width, height, label, Markup("").join(inside)
    )


def _round_up(value: float) -> float:
    """The next round number: a few steps of each power of ten, so that the highest bar comes near the top."""
    if value <= 0:
        return 1.0
    scale = 10.0 ** math.floor(math.log10(value))
    return next((step * scale for step in (1, 1.5, 2, 3, 4, 5, 6, 8) if step * scale >= value), 10 * scale)


def _short(value: float) -> str:
    if value >= 1e6:
        return f"{value / 1e6:.3g} M"
    return f"{value / 1e3:.3g} k" if value >= 1e4 else f"{value:,.3g}" if value < 100 else f"{value:,.0f}"


__all__ = ["COLOURS", "DAYS", "bars", "heat", "level_of", "meter", "spark"]
