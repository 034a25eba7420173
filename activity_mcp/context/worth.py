"""What a line of a context is worth to the next session, and which lines fit: one rule for every answer. Pure.

    worth = base of its kind * recency * branch * focus * evidence * variety

    base       what the kind is worth when it is new (``BASE``): what is open before what is known, sums last
    recency    halves with every half-life of the kind; what holds for long (a habit, an insight) ages slowly
    branch     a quarter more on the branch that the newest session was on
    focus      where one is asked for: three times as much for what has all of its words, a third for what has none
    evidence   a tenth more for every doubling of how often it happened
    variety    a fifth less for every line of its kind before it: the sixth failure says less than the first conclusion

A line costs its characters. Lines are taken in the order of their worth for each character, short ones counting as
``MIN_COST``, as long as the next one fits. A line below ``MIN_WORTH`` is noise: what a session receives at its start has none,
an answer only where it has room to spare (``SPARE_ROOM``, else up to a quarter of it), so that a small answer is short rather
than full.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

BASE = {
    "own": 20.0, "open": 12.0, "failing": 11.0, "background": 10.0, "insight": 8.0, "habit": 8.0, "session": 8.0, "denied": 7.0,
    "conclusion": 6.0, "commit": 5.0, "file": 4.0, "done": 2.5, "query": 2.0, "touched": 0.9, "overcome": 0.5, "replaced": 0.5,
    "sums": 0.2,
}  # fmt: skip
HALF_LIFE_DAYS = {
    "own": 30.0, "open": 7.0, "failing": 10.0, "background": 2.0, "insight": 60.0, "habit": 60.0, "session": 7.0,
    "denied": 21.0, "conclusion": 14.0, "commit": 5.0, "file": 10.0, "done": 4.0, "query": 3.0,
    "touched": 3.0, "overcome": 3.0, "replaced": 3.0, "sums": 1.0,
}  # fmt: skip
MIN_WORTH = 1.0
MIN_COST = 60
SPARE_ROOM = 2200
_DAY_US = 86_400_000_000
_MAX_DAYS = 3650
_SAME_BRANCH, _IN_FOCUS, _OUT_OF_FOCUS, _EACH_DOUBLING, _EACH_BEFORE = 1.25, 3.0, 1 / 3, 0.1, 0.8


class Rank:
    """What a line of a kind is worth, and why.

    ``age_us`` None: of unknown age; ``nth`` lines of the kind come before it; ``focus`` is the share of the focus
    that it has, None: nothing was asked for.
    """

    __slots__ = ("_age_us", "_focus", "_is_same_branch", "_kind", "_nth", "_times", "worth")

    def __init__(
        self,
        kind: str,
        age_us: int | None,
        *,
        times: int = 1,
        nth: int = 0,
        is_same_branch: bool = False,
        focus: float | None = None,
    ) -> None:
        self._kind = kind
        self._age_us = age_us
        self._times = max(times, 1)
        self._nth = nth
        self._is_same_branch = is_same_branch
        self._focus = focus
        self.worth = self._worth()

    def _worth(self) -> float:
        half_life = HALF_LIFE_DAYS[self._kind]
        days = half_life if self._age_us is None else max(self._age_us, 0) / _DAY_US
        value: float = BASE[self._kind] * 0.5 ** (min(days, _MAX_DAYS) / half_life) * _EACH_BEFORE**self._nth
        if self._is_same_branch:
            value *= _SAME_BRANCH
        if self._focus is not None:
            value *= _OUT_OF_FOCUS + (_IN_FOCUS - _OUT_OF_FOCUS) * self._focus
        return value * (1 + _EACH_DOUBLING * (self._times.bit_length() - 1))

    def why(self) -> str:
        """The same in words."""
        days = None if self._age_us is None else self._age_us / _DAY_US
        said = [self._kind, "age unknown" if days is None else f"{days:.1f} d old"]
        said += [f"{self._times} times"] if self._times > 1 else []
        said += ["on this branch"] if self._is_same_branch else []
        said += [] if self._focus is None else [f"{self._focus:.0%} of the focus"]
        return f"{', '.join(said)}: worth {self.worth:.1f}"


def chosen(worths: Sequence[float], costs: Sequence[int], room: int) -> list[int]:
    """The indices of the lines to show, ascending: the best for their length that fit into ``room`` characters together."""
    found = []
    for index in sorted(range(len(worths)), key=lambda index: (-worths[index] / max(costs[index], MIN_COST), index)):
        if costs[index] <= room and worths[index] >= MIN_WORTH:
            room -= costs[index]
            found.append(index)
    return sorted(found)
