"""A script of SQL → its statements, as a client must send them: one at a time, bodies between ``$$`` whole.

Not a parser: it knows only where a statement ends. A semicolon inside a string, a quoted name, a comment or a body does not.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ...sql_text import COMMENT, SEMICOLON, pieces


class Statement(NamedTuple):
    """One statement without its semicolon; the comments before it; the line of the script on which it starts, from 1."""

    text: str
    comment: str
    line: int


@lru_cache(maxsize=32)
def split(script: str) -> tuple[Statement, ...]:
    """The statements of a script, in order. Remembered: a deployment reads the same few files several times each."""
    made: list[Statement] = []
    comment, text, line, at = "", "", 0, 1
    for kind, start, end in pieces(script, backslashes=True):
        piece = script[start:end]
        if kind is SEMICOLON:
            if text.strip():
                made.append(Statement(text.strip(), comment, line))
            comment, text = "", ""
        elif not text and (kind is COMMENT or piece.isspace()):
            comment += piece
        else:
            blank = len(piece) - len(piece.lstrip())
            line = line if text else at + piece[:blank].count("\n")
            text += piece
        at += piece.count("\n")
    if text.strip():
        made.append(Statement(text.strip(), comment, line))
    return tuple(made)
