"""Other ways to write a text: percent-encoded, or its tokens cut in two by a joined literal or a continued line.

A view is such a text decoded, with the place in the text that each of its characters comes from, so that what is found in
the view can be replaced in the text.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_HEX = frozenset("0123456789abcdefABCDEF")
_JOINTS = ("\\\n", "\\\r\n")
_QUOTES = "'\""
_MAX_GAP = 24
_NEAR = 512
"""Characters of a text on each side of a change that are looked at again, and the rest of their lines."""


class View:
    """A text as something else reads it, and where in the text each piece of it begins."""

    __slots__ = ("_end", "_pieces", "_starts", "text")

    def __init__(self, pieces: list[tuple[str, int]], end: int) -> None:
        self.text = "".join([piece for piece, _ in pieces])
        self._pieces = pieces
        self._end = end
        self._starts: list[int] = []

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The span in the text of a span of the view."""
        return self._place(start), self._place(end - 1) + 1 if end > start else self._place(start)

    def _place(self, at: int) -> int:
        from bisect import bisect_right

        if not self._starts:  # most views hold no secret
            self._note_starts()
        index = max(0, bisect_right(self._starts, at) - 1)
        return self._pieces[index][1] + at - self._starts[index]

    def _note_starts(self) -> None:
        self._pieces = [*self._pieces, ("", self._end)]
        at = 0
        for piece, _ in self._pieces:
            self._starts.append(at)
            at += len(piece)


_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&#34;": '"', "&#39;": "'", "&apos;": "'", "&amp;": "&"}
"""What HTML writes for marks that mean something to it."""


def views(text: str) -> Iterator[View]:
    """The views of a text that say something else than the text itself."""
    if "&lt;" in text or "&quot;" in text or "&#3" in text or "\\u" in text:
        yield _unescaped(text)
    if "%" in text:
        decoded = _percent_decoded(text)
        if decoded is not None:
            yield decoded
    joined = _joined(text)
    if joined is not None:
        yield joined


def _unescaped(text: str) -> View:
    """With the characters that entities of HTML and escapes of JSON (``\\u003d``, ``\\u30d1``) stand for."""
    pieces: list[tuple[str, int]] = []
    start = 0
    for at, end, char in sorted([*_entities(text), *_escapes(text)]):
        pieces += ((text[start:at], start), (char, end - 1))
        start = end
    pieces.append((text[start:], start))
    return _near_changes(text, [piece for piece in pieces if piece[0]])


def _near_changes(text: str, pieces: list[tuple[str, int]]) -> View:
    """The view of whole lines around what differs from the text: the rest of a long text was read already."""
    if len(text) <= 4 * _NEAR:
        return View(pieces, len(text))
    kept: list[tuple[str, int]] = []
    windows = _windows(text, pieces)
    for start, end in windows:
        kept += [
            (piece[max(0, start - place) : end - place], max(start, place)) for piece, place in _within(pieces, start, end)
        ]
        kept.append(("\n", end))
    return View([piece for piece in kept if piece[0]], len(text))


def _windows(text: str, pieces: list[tuple[str, int]]) -> list[tuple[int, int]]:
    """The spans of the lines around each change, in order and apart."""
    windows: list[tuple[int, int]] = []
    expected, last = 0, 0
    for piece, place in [*pieces, ("", len(text))]:
        if place != expected and place >= last:
            start = max(last, text.rfind("\n", last, max(last, place - _NEAR)) + 1)
            if windows and start <= last:
                start = windows.pop()[0]
            end = text.find("\n", place + _NEAR)
            last = len(text) if end < 0 else end
            windows.append((start, last))
        expected = place + len(piece)
    return windows


def _within(pieces: list[tuple[str, int]], start: int, end: int) -> Iterator[tuple[str, int]]:
    from bisect import bisect_right

    index = max(0, bisect_right(pieces, start, key=lambda piece: piece[1]) - 1)
    while index < len(pieces) and pieces[index][1] < end:
        if pieces[index][1] + len(pieces[index][0]) > start:
            yield pieces[index]
        index += 1


def _entities(text: str) -> Iterator[tuple[int, int, str]]:
    for entity, char in _ENTITIES.items():
        at = text.find(entity)
        while at >= 0:
            yield at, at + len(entity), char
            at = text.find(entity, at + 1)


def _escapes(text: str) -> Iterator[tuple[int, int, str]]:
    at = text.find("\\u")
    while at >= 0:
        code = text[at + 2 : at + 6]
        if len(code) == 4 and _HEX.issuperset(code):
            value = int(code, 16)
            if value >= 32 and not 0xD800 <= value < 0xE000:
                yield at, at + 6, chr(value)
        at = text.find("\\u", at + 2)


def _percent_decoded(text: str) -> View | None:
    pieces: list[tuple[str, int]] = []
    at = 0
    place = text.find("%")
    while place >= 0:
        code = text[place + 1 : place + 3]
        if len(code) == 2 and _HEX.issuperset(code) and 32 <= int(code, 16) < 127:
            pieces += ((text[at:place], at), (chr(int(code, 16)), place + 2))
            at = place + 3
        place = text.find("%", max(at, place + 1))
    if not pieces:
        return None
    pieces.append((text[at:], at))
    return _near_changes(text, [piece for piece in pieces if piece[0]])


def _joined(text: str) -> View | None:
    """Without ``' + '``, ``"⏎"`` and ``\\⏎`` between two pieces of a token."""
    gaps = sorted(_gaps(text))
    if not gaps:
        return None
    pieces: list[tuple[str, int]] = []
    at = 0
    for start, end in gaps:
        if start >= at:
            pieces.append((text[at:start], at))
            at = end
    pieces.append((text[at:], at))
    return _near_changes(text, [piece for piece in pieces if piece[0]])


def _gaps(text: str) -> Iterator[tuple[int, int]]:
    for mark in _JOINTS:
        at = text.find(mark)
        while at >= 0:
            end = at + len(mark)
            while end < min(len(text), at + _MAX_GAP) and text[end] in " \t":
                end += 1
            if _is_within_token(text, at, end):
                yield at, end
            at = text.find(mark, end)
    yield from _joints(text, _ends_of_lines(text))
    yield from _joints(text, _before_plus(text))


def _ends_of_lines(text: str) -> Iterator[int]:
    """Where a literal ends that is the last on its line. Lines are cut in C: a search for ``"⏎`` stops at every quote."""
    if "\n" not in text:
        return
    at = -1
    for line in text.split("\n")[:-1]:
        at += len(line) + 1
        if line[-1:] in _QUOTES and line:
            yield at - 1


def _before_plus(text: str) -> Iterator[int]:
    """Where a literal ends to which another is added."""
    at = text.find("+")
    while at >= 0:
        end = at - (text[at - 1 : at] == " ")
        if end > 0 and text[end - 1] in _QUOTES:
            yield end - 1
        at = text.find("+", at + 1)


def _joints(text: str, ends: Iterator[int]) -> Iterator[tuple[int, int]]:
    """``' + '``, ``" . "``, ``"⏎"``: the end of a literal and the beginning of the next."""
    for at in ends:
        if not text[at - 1 : at].isalnum():
            continue
        end = at + 1
        while end < min(len(text), at + _MAX_GAP) and text[end] in " \t\r\n+":
            end += 1
        if text[end : end + 1] == text[at] and _is_within_token(text, at, end + 1):
            yield at, end + 1


def _is_within_token(text: str, at: int, end: int) -> bool:
    """Whether the text before the gap and behind it makes one token: long, without blanks, with a digit."""
    start, stop = at, end
    while start > max(0, at - 40) and (text[start - 1].isalnum() or text[start - 1] in "_-."):
        start -= 1
    while stop < min(len(text), end + 40) and (text[stop].isalnum() or text[stop] in "_-."):
        stop += 1
    return at > start and stop > end and at - start + stop - end >= 20 and any(char.isdigit() for char in text[start:stop])
