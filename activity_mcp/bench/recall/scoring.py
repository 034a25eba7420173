"""How well a text shows what the next session needs: which needed facts are in it, and how many of its lines nobody needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .histories import Need

MAX_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class Score:
    """Sums over histories: facts that are needed and shown, lines shown and needed."""

    needed: int = 0
    reported: int = 0
    lines: int = 0
    useful: int = 0

    def __add__(self, other: Score) -> Score:
        return Score(
            self.needed + other.needed, self.reported + other.reported, self.lines + other.lines, self.useful + other.useful
        )

    @property
    def coverage(self) -> float:
        """The share of the needed facts that is shown."""
        return self.reported / self.needed if self.needed else 1.0

    @property
    def noise(self) -> float:
        """The share of the lines that hold no needed fact."""
        return 1 - self.useful / self.lines if self.lines else 0.0

    @property
    def per_line(self) -> float:
        """Needed facts shown for each line shown."""
        return self.reported / self.lines if self.lines else 0.0


def score(lines: Sequence[str], needs: Sequence[Need]) -> Score:
    """These lines, as far as they fit into ``MAX_CHARACTERS``, against these facts."""
    shown = list(_within(lines, MAX_CHARACTERS))
    reported = sum(any(need.is_shown_by(line) for line in shown) for need in needs)
    useful = sum(any(need.is_shown_by(line) for need in needs) for line in shown)
    return Score(len(needs), reported, len(shown), useful)


def wrongly_shown(lines: Sequence[str], needs: Sequence[Need], gone: Sequence[Need]) -> list[str]:
    """The lines that say what holds no more. One that says what replaced it may name it as well."""
    facts = [need for need in needs if need.kind != "branch"]
    shown = [line for line in _within(lines, MAX_CHARACTERS) if any(each.is_shown_by(line) for each in gone)]
    return [line for line in shown if not any(need.is_shown_by(line) for need in facts)]


def _within(lines: Iterable[str], limit: int) -> Iterable[str]:
    """The lines up to the limit; the last one is cut where it is reached."""
    for line in lines:
        if limit <= 0:
            return
        yield line[:limit]
        limit -= len(line) + 1
