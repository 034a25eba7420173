"""SQL as text: where strings, names, comments and bodies begin and end, and so where a statement does. Not a parser.

Without regular expressions, whose import a hook cannot afford.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

CODE, QUOTED, COMMENT, SEMICOLON = "code", "quoted", "comment", ";"


def pieces(text: str, *, backslashes: bool = False) -> Iterator[tuple[str, int, int]]:
    """(kind, start, end) of each stretch of the text, in order and without gaps.

    QUOTED is a string, a quoted name or a body between ``$$`` or ``$tag$``. What is not closed reaches to the end of the text.
    ``backslashes``: in a string a backslash takes the next character with it, as in Snowflake.
    """
    at = start = 0
    while at < len(text):
        kind, end = _stretch(text, at, backslashes)
        if kind is not CODE:
            if start < at:
                yield CODE, start, at
            yield kind, at, end
            start = end
        at = end
    if start < len(text):
        yield CODE, start, len(text)


def statements_in(text: str) -> list[str]:
    """The stretches between the semicolons that end a statement, whatever they hold."""
    found, start = [], 0
    for kind, at, end in pieces(text):
        if kind is SEMICOLON:
            found.append(text[start:at])
            start = end
    return [*found, text[start:]]


def without_leading_comments(text: str) -> str:
    """The text from its first word on."""
    for kind, start, end in pieces(text):
        words = text[start:end].lstrip() if kind is not COMMENT else ""
        if words:
            return text[end - len(words) :]
    return ""


def _stretch(text: str, at: int, backslashes: bool) -> tuple[str, int]:
    """What begins here, and where it ends."""
    char = text[at]
    if char == ";":
        return SEMICOLON, at + 1
    if char in "'\"`":
        return QUOTED, _behind_string(text, at + 1) if backslashes and char == "'" else _behind(text, char, at + 1)
    if char == "-" and text.startswith("--", at):
        end = text.find("\n", at)
        return COMMENT, len(text) if end < 0 else end
    if char == "/" and text.startswith("/*", at):
        return COMMENT, _behind(text, "*/", at + 2)
    if char == "$":
        end = text.find("$", at + 1)
        tag = text[at : end + 1] if end >= 0 else ""
        if tag == "$$" or tag[1:-1].isidentifier():
            return QUOTED, _behind(text, tag, end + 1)
    return CODE, at + 1


def _behind(text: str, mark: str, at: int) -> int:
    end = text.find(mark, at)
    return len(text) if end < 0 else end + len(mark)


def _behind_string(text: str, at: int) -> int:
    """Behind the quote that closes a string; one behind a backslash closes none."""
    while at < len(text) and text[at] != "'":
        at += 2 if text[at] == "\\" else 1
    return min(at + 1, len(text))
