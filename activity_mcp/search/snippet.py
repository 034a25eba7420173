"""The part of a text that matches, on one line, the match marked as ``**match**``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..language.words import tokens_of

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

WIDTH = 200
_LEAD = 40


def snippet(text: str, words: AbstractSet[str], prefixes: tuple[str, ...] = ()) -> str:
    """Up to about ``WIDTH`` characters around the place where most of ``words`` are near each other."""
    text = " ".join(text.split())
    places = [
        (token.start, token.end)
        for token in tokens_of(text)
        if token.word in words or token.word.startswith(prefixes or ("\0",))
    ]
    if not places:
        return _cut(text, 0, [])
    densest = max(range(len(places)), key=lambda at: (_distinct(text, places, at), -at))
    return _cut(text, max(0, places[densest][0] - _LEAD), places)


def _distinct(text: str, places: list[tuple[int, int]], at: int) -> int:
    start = places[at][0]
    return len({text[begin:end].lower() for begin, end in places[at:] if end <= start + WIDTH - _LEAD})


def _cut(text: str, start: int, places: list[tuple[int, int]]) -> str:
    if len(text) <= WIDTH:
        start = 0
    elif start:
        space = text.find(" ", start, start + _LEAD)
        start = space + 1 if space >= 0 else start
    end = min(len(text), start + WIDTH)
    made, at = "", start
    for begin, stop in places:
        if begin >= start and stop <= end:
            gap = text[at:begin]
            if made.endswith("**") and gap.strip() == "":
                made = f"{made[:-2]}{gap}{text[begin:stop]}**"
            else:
                made += f"{gap}**{text[begin:stop]}**"
            at = stop
    return ("…" if start else "") + made + text[at:end] + ("…" if end < len(text) else "")
