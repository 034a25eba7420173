"""The words of a command line, as a shell reads them: to the end of the command, each word once, so that a line of commands
costs its length."""

from __future__ import annotations

from .reading import backslashes, quoted_value, word_end
from .sight import end_of_line

_ENDS = frozenset(";|&\n)")
_AFTER_WORD = frozenset(("", *" \t\r\n,;)}]\\|"))
_AFTER_MARK = frozenset(("", *" \t\r\n;|"))
_MAX_WORDS = 400
_PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@,+%~#$!?*{}[]()<>^`"
_PLAIN_WINDOW = 256
"""What a word goes on with, whatever is before it; the word is read character by character from the first other one."""


class Word:
    """A word of a command: its span, without its quotes."""

    __slots__ = ("end", "is_option", "start", "text")

    def __init__(self, text: str, start: int, end: int, *, is_quoted: bool = False) -> None:
        self.start = start
        self.end = end
        self.text = text[start : min(end, start + 600)]
        self.is_option = not is_quoted and text[start : start + 1] == "-"


def words_of_command(text: str, at: int) -> tuple[list[Word], int]:
    """The words from here to the end of the command, and where it ends."""
    words: list[Word] = []
    while at < len(text) and len(words) < _MAX_WORDS:
        char = text[at]
        if char in " \t":
            at += 1
        elif char == "\\" and text[at + 1 : at + 2] in ("\n", "\r"):
            at += 2
        elif (
            (char in _ENDS and not (char == "&" and text[at + 1 : at + 2].isalnum()))
            or (char == "\\" and text[at + 1 : at + 2] == "n")
            or (char in ">#" and text[at + 1 : at + 2] == " ")
        ):
            return words, at
        else:
            word, at = word_at(text, at)
            words.append(word)
    return words, at


def word_at(text: str, at: int) -> tuple[Word, int]:
    """The word that begins here, and the place behind it."""
    level = backslashes(text, at)
    if text[at + level : at + level + 1] in ("'", '"'):
        span = quoted_value(text, at)
        if span is not None:
            return Word(text, *span, is_quoted=True), span[1] + 1 + backslashes(text, span[1])
    window = text[at : at + _PLAIN_WINDOW]
    end = at + len(window) - len(window.lstrip(_PLAIN))
    while end < len(text) and text[end] not in " \t\r\n":
        char = text[end]
        if char in "\"'" and text[end - 1] in "=:@ -":  # --opt="…", user:"…"
            span = quoted_value(text, end)
            if span is not None:
                word = Word(text, at, span[1])
                return word, span[1] + 1
        if char in "\"'" and text[end + 1 : end + 2] in _AFTER_WORD:
            return Word(text, at, end), end + 1
        if char == "\\" and text[end + 1 : end + 2] in ('"', "n") and text[end + 2 : end + 3] in ("", " ", ",", "}", '"'):
            return Word(text, at, end), end + 2
        if char in ";|" and text[end + 1 : end + 2] in _AFTER_MARK:
            break
        if char == "&" and text[end + 1 : end + 2] in ("&", " ", ""):
            break
        if end - at > 512:
            end = word_end(text, end, end_of_line(text, end))
            break
        end += 1
    return Word(text, at, max(end, at + 1)), max(end, at + 1)
