"""A text as the finders see it: itself, in lower case, its names, and its pieces, which are the runs of letters and digits.

Names and pieces are cut once, in C, and kept once each; whether a finder has anything to look for is then a question to a set,
and most finders have not.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_ALNUM = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
APART = bytes(byte if byte in _ALNUM else 32 for byte in range(256))
_NAMES_APART = bytes(byte if byte in _ALNUM or byte in b"_-" else 32 for byte in range(256))
_ASCII = bytes(range(128))
_ESCAPES = (b"n", b"t", b"r")
LONG = 15
"""Characters of a piece from which it may be a secret by itself."""


class Sight:
    """A text, prepared once for all finders."""

    __slots__ = ("_capitals", "_heads", "_mixed", "foreign", "long", "lowered", "names", "pieces", "text", "words")

    def __init__(self, text: str) -> None:
        self.text = text
        self.lowered = _lower(text)
        data = text.encode("utf-8", "surrogatepass")
        names = set(data.translate(_NAMES_APART).split())
        if "\\" in text:  # of ``\nPASSWORD``, as an escaped text has it
            names.update([name[1:] for name in names if name[:1] in _ESCAPES])
        self.names = b" ".join(names)
        """Every name of the text once: runs of letters, digits, ``_`` and ``-``."""
        self.pieces = set(self.names.translate(APART).split())
        self.words = set(self.names.lower().translate(APART).split())
        """The pieces in lower case."""
        self.foreign = b"" if text.isascii() else data.translate(None, _ASCII)
        """The bytes of the characters that are not ASCII."""
        self.long = [piece for piece in self.pieces if len(piece) >= LONG]
        self._capitals: set[bytes] | None = None
        self._heads: set[bytes] | None = None
        self._mixed: bool | None = None

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

    def runs(self, min_chars: int) -> Iterator[tuple[int, str]]:
        """Every run of that many letters and digits or more (at least ``LONG``), in the order of the text, and where it is;
        none twice."""
        if not any(len(piece) >= min_chars for piece in self.long):
            return
        at = 0
        for piece in self.text.encode("utf-8", "surrogatepass").translate(APART).split():
            if len(piece) >= min_chars:
                run = piece.decode("ascii")
                at = self.text.find(run, at)
                yield at, run
                at += len(run)


def end_of_line(text: str, at: int) -> int:
    """Where the line that this place is in ends."""
    end = text.find("\n", at)
    end = len(text) if end < 0 else end
    return end - 1 if end > at and text[end - 1] == "\r" else end


def _lower(text: str) -> str:
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(char.lower() if char < "\x80" else char for char in text)  # positions must agree with the text's
