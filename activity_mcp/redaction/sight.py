"""A text as the finders see it: itself, in lower case, its names, and its pieces, which are the runs of letters and digits.

Names and pieces are cut once, in C, and kept once each; whether a finder has anything to look for is then a question to a set,
and most finders have not.
"""

from __future__ import annotations

_ALNUM = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
APART = bytes(byte if byte in _ALNUM else 32 for byte in range(256))
_NAMES_APART = bytes(byte if byte in _ALNUM or byte in b"_-" else 32 for byte in range(256))
_ESCAPED = (b"n", b"t", b"r")
_MAX_BEHIND_ESCAPE = 512
_MEANT = "ex0u\n\r"
MANY = 200
"""Occurrences from which to search the text for each thing is faster than to look at every one."""
_QUOTES_ALIKE = bytes.maketrans(b"'", b'"')
_LONG_LINE = 4096
LONG = 15
"""Characters of a piece from which it may be a secret by itself."""
_OF_UUIDS = "0123456789abcdef-"


def is_uuid(text: str) -> bool:
    """Whether the text is a UUID as this program and Claude Code write them: five short pieces, in which no finder sees a
    secret, so that an id of that form need not be looked at."""
    return len(text) == 36 and text[8:24:5] == "----" and text.count("-") == 4 and not text.strip(_OF_UUIDS)


class Sight:
    """A text, prepared once for all finders."""

    __slots__ = (
        "_capitals", "_heads", "_lowered_data", "_mixed", "_runs", "_twos", "data", "long", "longest", "lowered",
        "lowered_names", "names", "pieces", "text", "words",
    )  # fmt: skip

    def __init__(self, text: str) -> None:
        self.text = text
        self.lowered = _lower(text)
        self.data = data = text.encode("utf-8", "surrogatepass")
        """The text as UTF-8: a search for more than one character takes half as long in it."""
        names = set(data.translate(_NAMES_APART).split())
        if "\\" in text:
            names.update(_behind_escapes(data))
        self.names = b" ".join((b"", *names))
        """Every name of the text once, with a blank before each: runs of letters, digits, ``_`` and ``-``."""
        self.lowered_names = self.names.lower()
        self.pieces = set(self.names.translate(APART).split())
        self.words = set(self.lowered_names.translate(APART).split())
        """The pieces in lower case."""
        self.long = [piece for piece in self.pieces if len(piece) >= LONG]
        self.longest = max(map(len, self.long), default=0)
        """Characters of the longest of them."""
        self._capitals: set[bytes] | None = None
        self._heads: set[bytes] | None = None
        self._lowered_data: bytes | None = None
        self._mixed: bool | None = None
        self._runs: list[tuple[int, str]] | None = None
        self._twos: set[bytes] | None = None

    @property
    def lowered_data(self) -> bytes:
        """The text as UTF-8, its letters of ASCII in lower case."""
        if self._lowered_data is None:
            self._lowered_data = self.data.lower()
        return self._lowered_data

    @property
    def has_mixed(self) -> bool:
        """Whether some piece is neither a word nor a number, as most secrets are or have: most sentences have none."""
        if self._mixed is None:
            not_words = [piece for piece in self.pieces if not piece.isalpha()]
            self._mixed = any(len(piece) > 4 and not piece.isdigit() for piece in not_words)
        return self._mixed

    @property
    def capitals(self) -> set[bytes]:
        """The pieces that have capitals."""
        if self._capitals is None:
            self._capitals = self.pieces - self.words
        return self._capitals

    @property
    def heads(self) -> set[bytes]:
        """The first four characters of the pieces that may be tokens by themselves: that have capitals, or are long."""
        if self._heads is None:
            self._heads = {piece[:4] for piece in self.capitals}
            self._heads.update([piece[:4] for piece in self.long])
        return self._heads

    @property
    def twos(self) -> set[bytes]:
        """The first two characters of the heads."""
        if self._twos is None:
            self._twos = {head[:2] for head in self.heads}
        return self._twos

    def runs(self, min_chars: int) -> list[tuple[int, str]]:
        """Every run of that many letters and digits or more (at least ``LONG``), in the order of the text, and where it is;
        none twice."""
        if self.longest < min_chars:
            return []
        if self._runs is None:
            self._runs = self._long_runs()
        return [place for place in self._runs if len(place[1]) >= min_chars]

    def _long_runs(self) -> list[tuple[int, str]]:
        places: list[tuple[int, str]] = []
        at = 0
        pieces = self.data.translate(APART).split()
        for run in [piece.decode("ascii") for piece in pieces if len(piece) >= LONG]:
            at = self.text.find(run, at)
            places.append((at, run))
            at += len(run)
        return places


def _behind_escapes(data: bytes) -> list[bytes]:
    """The names that follow ``\\n`` and its like (``\\nPASSWORD``), as an escaped text has them."""
    pieces = [piece[1:_MAX_BEHIND_ESCAPE] for piece in data.split(b"\\")[1:] if piece[:1] in _ESCAPED]
    return b" ".join(pieces).translate(_NAMES_APART).split()


def escaped(text: str) -> set[str]:
    """The characters behind a backslash; of a text with many, those that mean something here."""
    count = text.count("\\")
    if not count:
        return set()
    if count > MANY:
        return {char for char in _MEANT if f"\\{char}" in text}
    return {piece[:1] for piece in text.split("\\")[1:]}


def may_have_joints(sight: Sight) -> bool:
    """Whether a literal may end where nothing but blanks, the end of a line and a ``+`` is before the next one: without those
    there are more quotes side by side than without blanks alone."""
    text = sight.text
    if ("'" not in text and '"' not in text) or ("+" not in text and "\n" not in text):
        return False
    apart = sight.data.translate(_QUOTES_ALIKE, b" \t\r").count(b'""')
    return sight.data.translate(_QUOTES_ALIKE, b" \t\r\n+").count(b'""') > apart


_last_line: tuple[str, int, int] = ("", 0, 0)
"""The long line that was asked for last: its text, a place in it, and its end. Minified files have one line of a megabyte, and
it would be searched to its end for each of its names."""


def end_of_line(text: str, at: int) -> int:
    """Where the line that this place is in ends."""
    end = line_break(text, at)
    return end - 1 if end > at and text[end - 1] == "\r" else end


def line_break(text: str, at: int) -> int:
    """Where the next line break is, or the end of the text."""
    global _last_line
    end = text.find("\n", at, at + _LONG_LINE)
    if end >= 0:
        return end
    known, start, end = _last_line
    if known is not text or not start <= at <= end:
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        _last_line = text, at, end
    return end


_last_run: tuple[str, int, int] = ("", 0, 0)
"""The same of a long run without white space, which each of its names would read to its end (``key=1&key=2&…``)."""


def known_end_of_run(text: str, at: int) -> int:
    """Where the run without white space ends that this place is in, if it is the one that was noted last; else -1."""
    known, start, end = _last_run
    return end if known is text and start <= at < end else -1


def note_run(text: str, start: int, end: int) -> None:
    """Remember a run of a line, to its end."""
    global _last_run
    _last_run = text, start, end


def forget_line() -> None:
    """Hold on to no text."""
    global _last_line, _last_run
    _last_line = _last_run = ("", 0, 0)


def _lower(text: str) -> str:
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(char.lower() if char < "\x80" else char for char in text)  # positions must agree with the text's
