"""Values that a text gives to a secret name: assignments, options, members, elements, arguments, sentences.

A text is searched for the literals of names; around each the name is read, and what follows it decides how its value is read:
by the separator, the quotes and the place, for each format (shell, .env, JSON at any level of escaping, YAML, INI, HCL, XML,
SQL, code). No regular expressions: a hook has none loaded.
"""

from __future__ import annotations

from .after_blank import after_blank
from .elements import element, is_tag
from .expressions import literal_within, member_of_value, unpacked
from .judging import is_secret_text, is_secret_word
from .members import end_of_label
from .mentions import argument, call, paired
from .names import Name
from .randomness import is_random
from .reading import (
    QUOTES,
    after_node_mark,
    after_prefix,
    backslashes,
    is_line_end,
    opening_quote,
    quoted_value,
    separator_at,
    skip_blanks,
    word,
)
from .yaml_lines import value_on_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .sight import Sight

    Span = tuple[int, int, str]

_MAX_LISTED = 1000
_DECLARED = ("[]", " { get; set; }", " { get; init; }", " { get; }")
"""What may be between a name and the ``=`` of its value."""
_PATTERNS = (".*", ".+", "[^", "\\S", "(.*", "\\(.*")
"""How a pattern begins that stands for any value."""
_CLOSERS = frozenset("\\\"'`]*)")


def assignments(sight: Sight, names: Iterable[Name]) -> Iterator[Span]:
    """Where in the text one of its secret names is given a value: the value's span, and the kind of the name."""
    done = 0
    for name in sorted(names, key=_start):
        if name.start < done:
            continue  # within a secret
        span = value_of(sight.text, sight.lowered, name)
        if span is not None:
            done = span[1]
            yield (*span, name.kind)


def _start(name: Name) -> int:
    return name.start


def value_of(text: str, lowered: str, name: Name) -> tuple[int, int] | None:
    """The span of the secret that the text gives to the name, or None."""
    at = name.end
    char = text[at : at + 1]
    if not char:
        return paired(text, lowered, name, at)
    before = text[name.start - 1 : name.start]
    if before == "<" or (before in (":", ".") and is_tag(text, name)):
        return element(text, lowered, name)
    at = _behind_closers(text, at)
    if char in ("[", " ") and text.startswith(_DECLARED, at):
        at += len(next(mark for mark in _DECLARED if text.startswith(mark, at)))
    place = skip_blanks(text, at)
    separator = separator_at(text, place)
    if separator:
        return unpacked(text, name, place, separator) or _after_separator(
            text, lowered, name, before, place, separator, spaced=place > at
        )
    if text[place : place + 1] == ",":
        return _after_comma(text, lowered, name, before, at, place)
    if at > name.end or text[at : at + 1] in ("", "\n", "\r", "<") or _is_value(text, name, at):
        found = paired(text, lowered, name, at)
        if found:
            return found
    if text[place : place + 1] in ("{", ".", "/"):
        return _after_mark(text, name, before, place)
    char = text[at : at + 1]
    if char == "(":
        return call(text, name, at)
    label = end_of_label(lowered, at) if char == " " else 0
    if label:
        return paired(text, lowered, name, _behind_closers(text, label))
    return after_blank(text, lowered, name, at, place) if char in (" ", "\t") or not char.isascii() else None


def _after_comma(text: str, lowered: str, name: Name, before: str, at: int, place: int) -> tuple[int, int] | None:
    if at > name.end:
        return paired(text, lowered, name, place) or argument(text, name, place + 1, before)
    is_pair = "=" in lowered[max(0, name.start - 14) : name.start]  # ParameterKey=DbPassword,ParameterValue=…
    return paired(text, lowered, name, place) if is_pair else None


def _is_value(text: str, name: Name, at: int) -> bool:
    """Whether the name is the value of a member without quotes: ``ParameterKey=DbPassword``, ``{v: …, k: db_password}``."""
    return text[at] in " ,}])" and text[max(0, name.start - 3) : name.start].rstrip()[-1:] in ("=", ":")


def _after_mark(text: str, name: Name, before: str, at: int) -> tuple[int, int] | None:
    """``apiKey{"…"}``, ``(password . "…")``, ``/token/…/``."""
    if text[at] == "/":
        if before != "/" or at != name.end:
            return None
        end = at + 1
        while end < min(len(text), at + 256) and (text[end].isalnum() or text[end] in "_-.~"):
            end += 1
        return (at + 1, end) if is_random(text[at + 1 : end], 16) else None
    value = skip_blanks(text, at + 1)
    if value >= len(text) or not opening_quote(text, value) or (text[at] == "." and (before != "(" or value == at + 1)):
        return None
    span = quoted_value(text, value)
    return span if span is not None and is_secret_text(name, text[span[0] : span[1]][:520]) else None


def _behind_closers(text: str, at: int) -> int:
    """Behind the quotes and brackets that close a name."""
    if text[at : at + 1] not in _CLOSERS:
        return at
    limit = min(len(text), at + 24)
    while at < limit and text[at] in _CLOSERS and not text.startswith("\\u00", at):
        at += 1
    return at


# --- after = and :


def _after_separator(
    text: str, lowered: str, name: Name, before: str, at: int, separator: str, *, spaced: bool
) -> tuple[int, int] | None:
    if separator == ":" and before == ":" and not spaced and text[at + 1 : at + 2] != " ":
        return None  # arn:aws:secretsmanager:…:secret:…
    start = at + len(separator)
    value = skip_blanks(text, start)
    spaced = spaced or value > start
    value = _behind_marks(text, value, separator)
    if is_line_end(text, value):
        return value_on_lines(text, name, value, separator)
    value = after_prefix(text, value)
    if value >= len(text):
        return None
    if text[value] in "[({":
        within = skip_blanks(text, value + 1)
        if text[value] != "{" and within < len(text) and opening_quote(text, within):
            return _listed(text, name, within, separator)
        found = member_of_value(text, lowered, name, value) if text[value] == "{" else None
        if found:
            return found
    span = quoted_value(text, value)
    if span is not None:
        if _is_secret_quoted(text, name, value, span, separator):
            return span
        filled = _filled_in(text, name, span)
        if filled is not None:
            return filled
        return literal_within(text, name, span[0]) if text.startswith(("{{", "<%="), span[0]) else None
    return _unquoted(text, lowered, name, before, value, separator, spaced=spaced)


def _filled_in(text: str, name: Name, span: tuple[int, int]) -> tuple[int, int] | None:
    """``'%s' % '…'``, ``"{}".format("…")``: what is put into the template that the value is."""
    template = text[span[0] : span[1]]
    if len(template) > 200 or ("%" not in template and "{" not in template):
        return None
    at = skip_blanks(text, span[1] + 1)
    if text.startswith(".format(", at):
        at += 8
    elif text[at : at + 1] == "%":
        at = skip_blanks(text, at + 1)
        at += text[at : at + 1] == "("
    else:
        return None
    filling = quoted_value(text, skip_blanks(text, at)) if at < len(text) else None
    return filling if filling is not None and is_secret_text(name, text[filling[0] : filling[1]][:520]) else None


def _behind_marks(text: str, at: int, separator: str) -> int:
    """Behind a type, an anchor, the end of what Markdown has in bold."""
    if separator == ":":
        at = after_node_mark(text, _after_type(text, at))
    while text.startswith(("**", "* "), at):  # **Password:**
        at = skip_blanks(text, at + 2)
    return at


def _unquoted(
    text: str, lowered: str, name: Name, before: str, at: int, separator: str, *, spaced: bool
) -> tuple[int, int] | None:
    if text.startswith(_PATTERNS, at):
        return None  # s/password=.*/password=…/
    if not _is_plain_path(text, at, name):
        span = word(text, at)
        if span[1] <= span[0]:
            return None
        if is_secret_word(text, lowered, name, before, separator, span, spaced=spaced):
            return span
    return literal_within(text, name, at)


def _is_secret_quoted(text: str, name: Name, at: int, span: tuple[int, int], separator: str) -> bool:
    found = text[span[0] : min(span[1], span[0] + 520)]
    if opening_quote(text, at) and text[at] == "`" and " " in found:
        return False  # a command whose output it is
    return is_secret_text(name, found, separator)


def _listed(text: str, name: Name, at: int, separator: str) -> tuple[int, int] | None:
    """``["…", "…"]``: from the first of some quoted values to the last."""
    first = quoted_value(text, at)
    if first is None or not _is_secret_quoted(text, name, at, first, separator):
        return None
    last = first
    for _ in range(_MAX_LISTED):
        comma = skip_blanks(text, last[1] + 1 + backslashes(text, last[1]))
        if text[comma : comma + 1] != ",":
            break
        at = comma + 1
        while at < min(len(text), comma + 64) and text[at] in " \t\r\n":
            at += 1
        following = quoted_value(text, at) if at < len(text) and opening_quote(text, at) else None
        if following is None:
            break
        after = skip_blanks(text, following[1] + 1)
        if text[after : after + 1] == ":":
            break
        last = following
    return first[0], last[1]


def _is_plain_path(text: str, at: int, name: Name) -> bool:
    """``t.token,``: a short path of names as code has them, which is most of what follows a name there."""
    if name.is_option or name.text.isupper() or not text[at].isalpha():
        return False
    end, limit = at + 1, min(len(text), at + 13)
    while end < limit and (text[end].isalpha() or text[end] == "."):
        end += 1
    return end < limit and text[end] in ",)}(|&" and text[end + 1 : end + 2] != "\n" and text[at:end].isascii()


def _after_type(text: str, at: int) -> int:
    """``password: str = "…"``: where the value begins, behind the type; else the place itself."""
    if text[at : at + 1] in QUOTES or not (text[at : at + 1].isalpha() or text[at : at + 1] in ("&", "[", "*")):
        return at
    place = at
    while place < min(len(text), at + 48) and (text[place].isalnum() or text[place] in "_.[]<>?| &*:'"):
        place += 1
    if text[place : place + 1] == "=" and text[place + 1 : place + 2] not in "=>~" and place > at:
        value = skip_blanks(text, place + 1)
        return value if opening_quote(text, after_prefix(text, value)) else at
    return at
