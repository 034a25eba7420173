"""How text becomes words: runs of letters and digits, in small letters, without accents.

``snake_case`` and ``a/path.py`` are several words each. Scripts that write no spaces (Chinese, Japanese, Thai and their like)
give a word for each character, so that any part of a sentence is found as a phrase; so do symbols such as emoji.

A word is forgiven one typing mistake (a letter too many, too few, another one, or two exchanged) from ``MIN_FORGIVEN``
letters on. ``forms`` are the plain inflections of an English word, so that "tests" finds "test": a list, not a language model.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_WORD = 64
MIN_FORGIVEN = 6
MAX_FORGIVEN = 24
_MARKS = "\u0300-\u036f\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0903\u093a-\u094f"
_SINGLE = "\u0e00-\u0edf\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_SYMBOLS = "\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
_WORD = re.compile(f"[{_SINGLE}{_SYMBOLS}]|(?:(?![{_SINGLE}])[^\\W_]|[{_MARKS}])+")
_ASCII_WORDS = bytes(ord(chr(code).lower()) if chr(code).isalnum() else 32 for code in range(128)) + bytes(128)
_SYMBOL = re.compile(f"[{_SYMBOLS}]")
_SINGLE_WORD = re.compile(f"[{_SINGLE}]")
_ENDINGS = {
    "": ("s", "es", "d", "ed", "ing"),
    "s": ("", "ed", "ing"),
    "es": ("", "e", "ed", "ing"),
    "ed": ("", "e", "s", "es", "ing"),
    "ing": ("", "e", "s", "es", "ed"),
    "e": ("ing",),
    "y": ("ies", "ied"),
    "ies": ("y", "ied", "ying"),
    "ied": ("y", "ies", "ying"),
}
"""Of a word with this ending, what else may be in its place."""

UNASKED = frozenset({
    "a", "about", "all", "an", "and", "any", "are", "as", "at", "be", "because", "been", "but", "by", "can", "could", "did",
    "do", "does", "for", "from", "had", "has", "have", "he", "her", "here", "him", "his", "how", "i", "if", "in", "into",
    "is", "it", "its", "just", "let", "like", "me", "my", "no", "not", "of", "on", "once", "one", "or", "our", "out", "so",
    "some", "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "to", "up", "us", "was", "we",
    "were", "what", "when", "where", "which", "who", "whom", "whose", "why", "will", "with", "would", "you", "your",
})  # fmt: skip
"""Words of a question that say nothing about its answer. They count where they are quoted, or where nothing else was asked."""


class Token(NamedTuple):
    """A word, and where it is in the text."""

    word: str
    start: int
    end: int


def words_of(text: str) -> list[str]:
    """The words of a text, in order."""
    if text.isascii():
        return [word[:MAX_WORD] for word in ascii_words(text)]
    return [token.word for token in tokens_of(text)]


def ascii_words(text: str) -> list[str]:
    """The words of a text of ASCII, however long: a table of bytes is three times as fast as a regular expression."""
    return text.encode("ascii").translate(_ASCII_WORDS).decode("ascii").split()


def tokens_of(text: str) -> Iterator[Token]:
    """The words of a text with their places."""
    for found in _WORD.finditer(text):
        word = fold(found.group())
        if word:
            yield Token(word, found.start(), found.end())


def fold(word: str) -> str:
    """The word as it is compared."""
    if word.isascii():
        return word.lower()[:MAX_WORD]
    if _SYMBOL.fullmatch(word):
        return f"symbol{ord(word):x}"
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", word) if not unicodedata.combining(letter))
    return "".join(letter for letter in plain.casefold() if letter.isalnum())[:MAX_WORD]


def unfold(word: str) -> str:
    """The word as it is shown: a symbol's is the symbol."""
    code = word.removeprefix("symbol")
    is_code = code != word and len(code) >= 4 and all(letter in "0123456789abcdef" for letter in code)
    return chr(int(code, 16)) if is_code and int(code, 16) <= sys.maxunicode else word


def is_single(word: str) -> bool:
    """Whether it is a character of a script that writes no spaces."""
    return len(word) == 1 and not word.isascii() and _SINGLE_WORD.fullmatch(word) is not None


def forms(word: str) -> tuple[str, ...]:
    """The other inflections of an English word that are worth looking for."""
    if len(word) < 4 or not (word.isascii() and word.isalpha()):
        return ()
    made: set[str] = set()
    if word[-1] not in "aeiouwxy":
        made |= {f"{word}{word[-1]}{tail}" for tail in ("ed", "ing")}
    for ending, tails in _ENDINGS.items():
        stem = word[: len(word) - len(ending)]
        if word.endswith(ending) and len(stem) >= 3:
            made |= {stem + tail for tail in tails}
            if ending in ("ing", "ed") and stem[-1] == stem[-2]:
                made.add(stem[:-1])  # running, stopped
    return tuple(sorted(made - {word}))


def is_forgiven(word: str) -> bool:
    """Whether a typing mistake in this word is looked past: letters alone, and enough of them."""
    return MIN_FORGIVEN <= len(word) <= MAX_FORGIVEN and word.isalpha()


def is_near(one: str, other: str) -> bool:
    """Whether one typing mistake makes one word of the other."""
    short, long = sorted((one, other), key=len)
    if one == other or len(long) - len(short) > 1:
        return False
    start = next((at for at, letter in enumerate(short) if letter != long[at]), len(short))
    if len(short) == len(long):
        rest, swapped = short[start + 1 :] == long[start + 1 :], short[start : start + 2] == long[start : start + 2][::-1]
        return rest or (swapped and short[start + 2 :] == long[start + 2 :])
    return short[start:] == long[start + 1 :]
