"""One line of a benchmark: a number with its unit, the floor it is compared with, the target, and whether it is met."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Measured:
    """``value`` and ``floor`` are in ``unit``; ``ratio`` is value ÷ floor. Without a floor both are None.

    ``met`` None: no target, the number is for comparison.
    """

    what: str
    value: float
    unit: str
    floor: float | None = None
    ratio: float | None = None
    target: str = ""
    met: bool | None = None

    def shown(self) -> str:
        """The value as a person reads it."""
        return f"{number(self.value)} {self.unit}"

    def beside(self) -> str:
        """The floor and the ratio to it, where there is one."""
        if self.floor is None or self.ratio is None:
            return ""
        return f"{number(self.floor)} {self.unit}, {self.ratio:.2f} ×"

    def verdict(self) -> str:
        if self.met is None:
            return ""
        return "met" if self.met else "not met on this run"


def against(
    what: str,
    value: float,
    floor: float,
    unit: str,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
) -> Measured:
    """``value`` beside ``floor``. ``at_most`` and ``at_least`` bound the ratio, ``below`` the value itself."""
    ratio = value / floor
    wants, met = [], True
    if at_most is not None:
        wants.append(f"≤ {at_most:g} × floor")
        met = met and ratio <= at_most
    if at_least is not None:
        wants.append(f"≥ {at_least:g} × floor")
        met = met and ratio >= at_least
    if below is not None:
        wants.append(f"< {below:g} {unit}")
        met = met and value < below
    return Measured(what, value, unit, floor, ratio, ", ".join(wants), met if wants else None)


def bounded(what: str, value: float, unit: str, *, below: float) -> Measured:
    """``value`` with a limit of its own and no floor."""
    return Measured(what, value, unit, target=f"< {below:g} {unit}", met=value < below)


def number(value: float) -> str:
    """Three figures or more: 0.00123, 1.46, 38.2, 273, 11,327."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]
