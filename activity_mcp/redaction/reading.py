"""Where a value begins and ends: quoted with any quote at any level of escaping, or a word as the shell, YAML, INI and code
have it.

All readers move forward only, look at a bounded stretch for what ends a value, and then take the rest of the word as a whole:
so the cost of reading is that of finding the next white space or the next quote.
"""

from __future__ import annotations

from .randomness import is_odd
from .sight import end_of_line, known_end_of_run, line_break, note_run

QUOTES = "\"'`"
_SPACE = " \t\r\n\v\f\u00a0\u3000"
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
_AFTER_QUOTE = frozenset(" \t\r\n,;:)]}>|&\\/.+#<=?!")
_TAG = _NAME | {":"}
_AFTER_TAG = ("", " ", "\t", "\r", "\n", "<")
_CUT_WINDOW = 512
_MAX_TAG = 64
_ELEMENT_WINDOW = 4096
_MAX_LEVEL = 15
_LONG_STEP = 128 * 16


def skip_blanks(text: str, at: int, max_chars: int = 64) -> int:
    end = min(len(text), at + max_chars)
    while at < end and text[at] in " \t":
        at += 1
    return at


def backslashes(text: str, at: int) -> int:
    count = 0
    while count <= _MAX_LEVEL and text[at + count : at + count + 1] == "\\":
        count += 1
    return count


def opening_quote(text: str, at: int) -> tuple[int, int] | None:
    """(place of the quote, backslashes before it) of the quote that opens a value here, or None."""
    level = backslashes(text, at)
    quote = text[at + level : at + level + 1]
    return (at + level, level) if quote and quote in QUOTES else None


def quoted(text: str, quote_at: int, level: int) -> tuple[int, int] | None:
    """The span between the quote and the one that closes it: the same, behind as many backslashes; None if no line has it.

    ``''`` within is a quote (SQL, CSV); a closing quote that a word follows at once does not close (a password with a quote
    in it).
    """
    quote, start = text[quote_at], quote_at + 1
    if level == 0 and text.startswith(quote * 3, quote_at):
        end = text.find(quote * 3, quote_at + 3)
        return (quote_at + 3, end) if end >= 0 else None
    line = line_break(text, start)
    at = start
    while True:
        at = text.find(quote, at, line)
        if at < 0:
            return None
        before = 0
        while before <= _MAX_LEVEL and at - 1 - before >= start and text[at - 1 - before] == "\\":
            before += 1
        if level == 0 and before % 2 and not (quote == "'" and text[at + 1 : at + 2] in ("", " ", "\n", ")", ";", ",")):
            at += 1
            continue
        if level and before > level:
            at += 1
            continue
        after = text[at + 1 : at + 2]
        if level == 0 and after == quote and at > start and quote != "`":
            at += 2
            continue
        end = at - before if level else at
        return start, max(start, end)


def quoted_value(text: str, at: int) -> tuple[int, int] | None:
    """The span of the quoted value that opens here, what the shell joins to it included."""
    opening = opening_quote(text, at)
    if opening is None:
        return None
    span = quoted(text, *opening)
    if span is None:
        return None
    start, end = span
    if start == end and opening[1] == 0 and text[end + 1 : end + 2].isalnum():  # ""…"", as templates leave it
        close = text.find(text[end] * 2, end + 1, end_of_line(text, end))
        return (end + 1, close) if close > 0 else span
    after = end + 1
    while opening[1] == 0 and after < len(text) and text[after] not in _AFTER_QUOTE:  # "ab"'cd' and "ab"cd
        if text[after] in QUOTES:
            joined = quoted(text, after, 0)
            if joined is None or text[after - 1] == text[after]:
                break
            end, after = joined[1], joined[1] + 1
        elif text[after].isalnum():
            end = after = word_end(text, after, end_of_line(text, after))
        else:
            break
    return start, end


def word_end(text: str, at: int, line: int) -> int:
    """Where the run without white space that is here ends."""
    step, start = 128, at
    while at < line:
        piece = text[at : min(line, at + step)]
        parts = piece.split(None, 1)
        if piece[0] in _SPACE:
            return at
        if parts and len(parts[0]) < len(piece):
            end = at + len(parts[0])
            break
        at += len(piece)
        step *= 4
        if step == _LONG_STEP:
            end = known_end_of_run(text, at)
            if end >= 0:
                return end
    else:
        end = line
    if step >= _LONG_STEP:
        note_run(text, start, end)
    return end


def word(text: str, at: int) -> tuple[int, int]:
    """The span of the value that is not quoted here: to the white space, or to what begins the next value of the same word."""
    line = end_of_line(text, at)
    closing = _reference_end(text, at, line)
    end = word_end(text, closing, line) if closing else word_end(text, at, line)
    place, stop = (closing or at), min(end, at + _CUT_WINDOW)
    while place < stop:
        char = text[place]
        if char in ",;&|?" and place > at and _begins_another(text, place, end):
            return at, place
        if char in QUOTES and place > at and (place + 1 >= end or text[place + 1] in _AFTER_QUOTE or text[place + 1] in QUOTES):
            return at, place
        if char == "\\" and place > at and _ends_escaped(text, place, end):
            return at, place
        if char == "<" and _ends_element(text, at, place):
            return at, place
        place += 1
    return at, _without_closers(text, at, end)


def _reference_end(text: str, at: int, line: int) -> int:
    """The end of ``$(a command)``, ``{{ a template }}`` or ``<some words>``, which white space does not end."""
    for opening, closing in (("$(", ")"), ("${{", "}}"), ("{{", "}}"), ("${", "}"), ("<", ">")):
        if text.startswith(opening, at):
            end = text.find(closing, at, min(line, at + 256))
            if end >= 0 and (opening != "<" or text[at + 1 : at + 2].isalpha()):
                return end + len(closing)
    return 0


def _begins_another(text: str, at: int, end: int) -> bool:
    """Whether a ``,``, ``;`` or ``&`` ends the value: nothing follows, or another name with its own value."""
    after = at + 1
    while after < end and text[after] in ",;&)}]|\\\"'`":
        after += 1
    if after >= end:
        return True
    if text[at] == "|":
        return text[at + 1 : at + 2] == "|" and text[at + 2 : min(end, at + 32)].isalpha()
    start = after
    while after < min(end, start + 48) and text[after] in _NAME:
        after += 1
    is_name = bool(text[start:after].strip("_-.")) and not text[start].isdigit()
    return is_name and text[after : after + 1] in ("=", ":")


def _ends_element(text: str, at: int, place: int) -> bool:
    """Whether ``</name>`` ends the element around the value: one that was opened before it, or a word behind which
    the run ends.

    ``Kx9</w7Rb`` is a password with two marks in it.
    """
    start = place + 2
    close = text.find(">", start, start + _MAX_TAG) if text.startswith("/", place + 1) else -1
    tag = text[start:close].rstrip() if close > start else ""
    if not tag or not _TAG.issuperset(tag):
        return False
    if text[close + 1 : close + 2] in _AFTER_TAG and not is_odd(tag):
        return True
    return text.rfind(f"<{tag}", max(0, at - _ELEMENT_WINDOW), at) >= 0


def _ends_escaped(text: str, at: int, end: int) -> bool:
    r"""Whether the value ends at this backslash: ``\"`` that closes the text it is in, or ``\n`` before the next line of it."""
    run = backslashes(text, at)
    after = at + run
    char = text[after : after + 1]
    if char and char in QUOTES:
        return after + 1 >= end or text[after + 1] in _AFTER_QUOTE or text[after + 1] in QUOTES
    if char == "u":
        return text.startswith(("u0026", "u0022", "u0027", "u003b"), after)
    if char not in ("n", "r", "t"):
        return after >= end
    start = after = after + 1
    while after < min(end, start + 48) and text[after] in _NAME:
        after += 1
    if after == start:
        return True
    return text[after : after + 1] in ("=", ":", "") or after >= end


def _without_closers(text: str, at: int, end: int) -> int:
    """Brackets, commas and full stops that belong to what is around the value are not its end."""
    while end > at + 1:
        last = text[end - 1]
        if (
            last in ",;"
            or (
                last in ")]}>"
                and text.count({")": "(", "]": "[", "}": "{", ">": "<"}[last], at, min(end, at + 4096))
                < text.count(last, at, min(end, at + 4096))
            )
            or (last in QUOTES and end - at < 4096 and text.count(last, at, end) % 2)
        ):
            end -= 1
        else:
            break
    return end


def block(text: str, at: int, column: int) -> tuple[int, int] | None:
    """The span of the lines that begin after ``at`` and are indented further than ``column``: a block scalar of YAML."""
    start = text.find("\n", at)
    if start < 0:
        return None
    first, place = -1, start + 1
    last = place
    for _ in range(2000):
        if place >= len(text):
            break
        line = end_of_line(text, place)
        content = place
        while content < line and text[content] in " \t":
            content += 1
        if content == line:
            if first >= 0:
                break
        elif content - place <= column:
            break
        else:
            first = content if first < 0 else first
            last = line
        following = text.find("\n", line)
        if following < 0:
            break
        place = following + 1
    return (first, last) if first >= 0 else None


_SEPARATORS = ("||=", "??=", ":=", "=>", "===", "==", "?=", "+=", "!==", "!=", "=", "：", "＝", "<-", ":")
_PREFIXES = frozenset("fFrRbBuUL@$")
_AFTER_SEPARATOR = ("=", ">", ":", "/")
"""What makes another separator of a ``=`` or ``:``, or none."""


def separator_at(text: str, at: int) -> str:
    char = text[at : at + 1]
    if char == "\\" and text.startswith(("\\u003d", "\\u003a"), at):
        return "\\u003d"
    if not char or char not in "=:?+!<|：＝":
        return ""
    if char in "=:" and text[at + 1 : at + 2] not in _AFTER_SEPARATOR:
        return char
    found = next((mark for mark in _SEPARATORS if text.startswith(mark, at)), "")
    if found == ":" and text[at + 1 : at + 2] == ":":
        return "::" if text[at + 2 : at + 3] == " " and _is_whole_value(text, at) else ""
    return "" if found == ":" and text.startswith("://", at) else found


def _is_whole_value(text: str, at: int) -> bool:
    """``password:: "…"`` of Jsonnet, ``userPassword:: …`` as the only word of a line of LDIF."""
    if opening_quote(text, at + 3):
        return True
    start = text.rfind("\n", 0, at) + 1
    return text[start:at].isalnum() and " " not in text[at + 3 : end_of_line(text, at + 3)]


def after_prefix(text: str, at: int) -> int:
    """Behind the letters that may precede a quote: ``f"…"``, ``rb'…'``, ``@"…"``, ``$'…'``."""
    place = at
    if text[at : at + 1] not in _PREFIXES:
        return at
    while place < at + 3 and text[place : place + 1] in _PREFIXES:
        place += 1
    return place if place > at and text[place : place + 1] in ('"', "'") else at


def after_node_mark(text: str, at: int) -> int:
    """Behind what YAML may put before a value: ``&anchor``, ``!!str``."""
    if text[at : at + 1] == "&" or text.startswith("!!", at):
        end = at + 1
        while end < min(len(text), at + 40) and (text[end].isalnum() or text[end] in "_-!"):
            end += 1
        following = skip_blanks(text, end)
        if following > end and following < len(text) and text[following] not in "\r\n":
            return following
    return at


def is_line_end(text: str, at: int) -> bool:
    """Whether the value is on the following lines: nothing, or the mark of a block, ends this one."""
    if at >= len(text):
        return False
    if text[at] in "\r\n":
        return True
    if text[at] in "|>":
        end = end_of_line(text, at)
        return end - at <= 12 and not text[at + 1 : end].strip("-+0123456789 \t") and end < len(text)
    return False
