"""Literals within the expression that a name is given: ``String::from("…")``, ``process.env.X || '…'``, ``{"value": "…"}``."""

from __future__ import annotations

from .judging import is_chosen, is_secret_text
from .names import Name
from .patterns import words
from .reading import after_prefix, opening_quote, quoted_value, separator_at, skip_blanks
from .sight import end_of_line

_MAX_EXPRESSION = 160
_TYPE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.[]<>?| &*:'")
_WRAPPERS = words(
    "from some just ok string str bytes byte bytearray secretstr secretbytes secret secretstring securestring of field text b"
    " option argument sensitive unwrap"
    " new literal constant value ptr unsafeplaintext plaintext plain charsequence lazy tochararray getbytes"
    " pointer cstring array buffer uint8array noncopyable protected protectedstring fromstring stringvalue"
)
"""Functions that make something of the secret that they are given, by the last word of their name."""
_DEFAULTING = words("getenv env env_var get fetch getordefault getproperty lookup var option config environ getattr setdefault")
"""Functions whose second argument is what they give where there is nothing else."""
_FALLBACKS = ("||", "??", " or ", "?:", "default(", "| default ", "unwrap_or(", "orElse(", "OrElse(")
_MEMBERS = words("value default plaintext plain string s text secret val data content")
_EXPRESSION = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.$:&!?<>[]()'\"- %{,@\\")


def literal_within(text: str, name: Name, at: int) -> tuple[int, int] | None:
    """The literal that the expression has in the end, if it is a secret of the name."""
    expression = text[at : at + _MAX_EXPRESSION].partition("\n")[0].partition(";")[0]
    end = at + len(expression)
    if "'" not in expression and '"' not in expression:
        return None
    for opening in ("<%=", "{{", "${{"):
        if expression.startswith(opening):
            at = skip_blanks(text, at + len(opening))
    typed = text.find("= ", at, min(end, at + 48))
    if typed > 0 and _TYPE.issuperset(text[at:typed]):
        at = skip_blanks(text, typed + 2)
    expression = text[at:end]
    if "'" not in expression and '"' not in expression:
        return None
    return _fallback(text, name, at, expression) or _wrapped(text, name, at, expression)


def _fallback(text: str, name: Name, at: int, expression: str) -> tuple[int, int] | None:
    for mark in _FALLBACKS:
        found = expression.find(mark)
        if found > 0 and _EXPRESSION.issuperset(expression[:found]):
            span = _literal(text, skip_blanks(text, at + found + len(mark)))
            if span is not None and _is_given(text, name, span):
                return span
    return None


def _wrapped(text: str, name: Name, at: int, expression: str) -> tuple[int, int] | None:
    opened = min((found for found in (expression.find("("), expression.find("{")) if found >= 0), default=-1)
    head = expression[:opened].rstrip()
    if opened <= 0 or not head or not set(head) <= _EXPRESSION or "," in head:
        return None
    last = head.replace(":", ".").replace("]", ".").replace(" ", ".").rstrip("!").rpartition(".")[2].lower()
    first = skip_blanks(text, at + opened + 1)
    if last in _DEFAULTING:
        given = arguments(text, first)
        return given[1] if len(given) > 1 and given[1] is not None and _is_given(text, name, given[1]) else None
    if last not in _WRAPPERS and not (expression[opened] == "{" and last.isidentifier()):
        return None
    if text.startswith("default=", first):
        first += 8
    span = _literal(text, first)
    return span if span is not None and _is_given(text, name, span) else None


def _literal(text: str, at: int) -> tuple[int, int] | None:
    at = after_prefix(text, at)
    return quoted_value(text, at) if at < len(text) and opening_quote(text, at) else None


def _is_given(text: str, name: Name, span: tuple[int, int]) -> bool:
    value = text[span[0] : span[1]][:520]
    return is_secret_text(name, value) and not value.isupper() and (len(value) > 5 or is_chosen(value))


def member_of_value(text: str, lowered: str, name: Name, at: int) -> tuple[int, int] | None:
    """``"password": {"value": "…"}``, ``token: { S: "…" }``."""
    end = text.find("}", at, at + 4096)
    place = at + 1
    while end > 0 and place < min(end, at + 200):
        start = place
        while start < end and text[start] in " \t\r\n\"'\\,":
            start += 1
        close = start
        while close < end and (text[close].isalnum() or text[close] == "_"):
            close += 1
        member = lowered[start:close]
        while close < end and text[close] in "\"'\\":
            close += 1
        close = skip_blanks(text, close)
        separator = separator_at(text, close)
        if not member or not separator:
            return None
        value = skip_blanks(text, close + len(separator))
        span = quoted_value(text, value)
        if member in _MEMBERS and span is not None:
            return span if is_secret_text(name, text[span[0] : span[1]][:520]) else None
        place = text.find(",", span[1] if span is not None else value, end) + 1
        if place <= 0:
            return None
    return None


# --- several at once


def unpacked(text: str, name: Name, at: int, separator: str) -> tuple[int, int] | None:
    """``user, password = "bob", "…"``: the literal at the place that the name has."""
    if separator not in ("=", ":=") or text[name.start - 2 : name.start] != ", ":
        return None
    at = skip_blanks(text, at + len(separator))
    start = max(text.rfind("\n", 0, name.start) + 1, name.start - 80)
    lead = text[start : name.start].strip().lstrip("(").replace("let (", "")
    if not lead.replace(",", "").replace(" ", "").replace("_", "").isalnum() or ":" in lead:
        return None
    given = arguments(text, at + text.startswith("(", at))
    place = lead.count(",")
    span = given[place] if len(given) > place else None
    return span if span is not None and is_secret_text(name, text[span[0] : span[1]][:520]) else None


def arguments(text: str, at: int) -> list[tuple[int, int] | None]:
    """The spans of up to six arguments from here on: of those that are quoted, None for the others."""
    given: list[tuple[int, int] | None] = []
    line = end_of_line(text, at)
    while at < line and len(given) < 6:
        at = skip_blanks(text, at)
        span = _literal(text, at) if at < line else None
        given.append(span)
        if span is not None:
            at = skip_blanks(text, span[1] + 1)
        else:
            limit = min(line, at + 200)
            while at < limit and text[at] not in ",)":
                at += 1
        if text[at : at + 1] != ",":
            break
        at += 1
    return given
