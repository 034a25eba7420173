"""A text as a terminal shows it: without the sequences that colour it, move in it or name a link.

They are before, behind and within names and tokens (``\\x1b[32mghp_…\\x1b[0m``): a token is then behind the letter that ends
a sequence, and between a name and its value there is one. They are written as the control characters, or in a source or a JSON
text as escapes (``\\e[0m``, ``\\033[0m``, ``\\u001b[0m``). ECMA-48 says what a sequence is; what only looks like one stays.
"""

from __future__ import annotations

import itertools

from .gates import CSI, ESCAPE
from .views import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_WRITTEN = ("\\x1b", "\\x1B", "\\e", "\\033", "\\u001b", "\\u001B")
"""How a source writes the escape character."""
_STRINGS = "]PX^_"
"""What begins a string that the terminal takes, such as the address of a link: its words are looked at like all others."""
_APART = _STRINGS + "\\"
"""How a sequence ends behind which something else begins: that of such a string, and its own end."""
_PARAMETERS = "0123456789;:?<=> !"
_MAX_SEQUENCE = 64


def shown(text: str) -> Iterator[View]:
    """The text without sequences; and where one is between two words, with a blank for each as well: they may be one token
    that is shown in two colours, or two that only look like one."""
    colours = text.count(ESCAPE + "[")
    if colours == text.count(ESCAPE) and CSI not in text and "\\" not in text:
        pieces = _between_colours(text)
    else:
        pieces = list(_between(text, sorted(_sequences(text))))
    yield View(pieces, len(text))
    if any(before[-1:].isalnum() and after[:1].isalnum() for (before, _), (after, _) in itertools.pairwise(pieces)):
        yield View([apart for piece, place in pieces for apart in ((piece, place), (" ", place + len(piece)))], len(text))


def _between_colours(text: str) -> list[tuple[str, int]]:
    """The pieces between control sequences, which most texts have alone: cut in C."""
    first, *others = text.split(ESCAPE + "[")
    pieces, end = [(first, 0)], len(first)
    for other in others:
        end += 2 + len(other)
        piece = other.lstrip(_PARAMETERS)[1:]
        pieces.append((piece, end - len(piece)))
    return [piece for piece in pieces if piece[0]]


def _between(text: str, gaps: list[tuple[int, int]]) -> Iterator[tuple[str, int]]:
    at = 0
    for start, end in gaps:
        if start < at:
            continue  # within another
        if start > at:
            yield text[at:start], at
        if text[end - 1] in _APART:
            yield " ", start
        at = end
    if at < len(text):
        yield text[at:], at


def _sequences(text: str) -> Iterator[tuple[int, int]]:
    for mark in (ESCAPE, *(_WRITTEN if "\\" in text else ())):
        at = text.find(mark)
        while at >= 0:
            start, end = at, _end_of(text, at + len(mark))
            while mark != ESCAPE and text[start - 1 : start] == "\\":
                start -= 1  # of a text that is escaped once more
            if end or mark == ESCAPE:
                yield start, end or at + 1
            at = text.find(mark, end or at + len(mark))
    at = text.find(CSI)
    while at >= 0:
        yield at, _end_of_control(text, at + 1) or at + 1
        at = text.find(CSI, at + 1)


def _end_of(text: str, at: int) -> int:
    """Where the sequence ends whose escape character is before this place; 0 where none begins."""
    char = text[at : at + 1]
    if char == "[":
        return _end_of_control(text, at + 1)
    if char and char in _STRINGS:
        return at + 1
    while at < len(text) and " " <= text[at] <= "/":
        at += 1
    return at + 1 if "0" <= text[at : at + 1] <= "~" else 0


def _end_of_control(text: str, at: int) -> int:
    """Behind the parameters and the letter of a control sequence; 0 where there is no such letter."""
    limit = min(len(text), at + _MAX_SEQUENCE)
    while at < limit and " " <= text[at] <= "?":
        at += 1
    return at + 1 if at < limit and "@" <= text[at] <= "~" else 0
