"""A text as the finders see it: itself, in lower case, and the set of its pieces, the runs of letters and digits in it.

The pieces are cut once, in C; whether a finder has anything to look for is then a question to a set, and most finders have not.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_ALNUM = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
APART = bytes(byte if byte in _ALNUM else 32 for byte in range(256))


class Sight:
    """A text, prepared once for all finders."""

    __slots__ = ("_heads", "_mixed", "lowered", "pieces", "text", "words")

    def __init__(self, text: str) -> None:
        self.text = text
        self.lowered = _lower(text)
        self.pieces = set(text.encode("utf-8", "surrogatepass").translate(APART).split())
        self.words = {piece.lower() for piece in self.pieces}
        """The pieces in lower case."""
        self._heads: tuple[set[bytes], ...] = ()
        self._mixed: bool | None = None

    @property
    def has_mixed(self) -> bool:
        """Whether some piece is neither a word nor a number, as most secrets are or have: most sentences have none."""
        if self._mixed is None:
            self._mixed = any(len(piece) > 4 and not piece.isalpha() and not piece.isdigit() for piece in self.pieces)
        return self._mixed

    def runs(self, min_chars: int) -> Iterator[tuple[int, str]]:
        """Every run of that many letters and digits or more, in the order of the text, and where it is; none twice."""
        if not any(len(piece) >= min_chars for piece in self.pieces):
            return
        at = 0
        for piece in self.text.encode("utf-8", "surrogatepass").translate(APART).split():
            if len(piece) >= min_chars:
                run = piece.decode("ascii")
                at = self.text.find(run, at)
                yield at, run
                at += len(run)

    @property
    def heads(self) -> tuple[set[bytes], ...]:
        """The first four, three, two characters of the pieces, and the pieces of one."""
        if not self._heads:
            four = {piece[:4] for piece in self.pieces}
            three = {piece[:3] for piece in four}
            self._heads = four, three, {piece[:2] for piece in three}, {piece for piece in three if len(piece) == 1}
        return self._heads


def _lower(text: str) -> str:
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(char.lower() if char < "\x80" else char for char in text)  # positions must agree with the text's
