"""Names that only a blank separates from their value: options, settings, and sentences that state a password."""

from __future__ import annotations

from .judging import is_chosen, is_place, is_secret_of_weak, is_secret_text
from .mentions import start_of_path
from .names import STRONG, Name, is_almost_strong
from .naming import far_statement_at, statement_at
from .patterns import words
from .randomness import has_odd_part, is_random
from .reading import opening_quote, quoted_value, skip_blanks, word
from .sight import end_of_line
from .values import is_code, is_plain, is_reference

_SETTERS = words(
    "env arg setenv setx set export define declare config add put pass echo -e -p let const var string user fastcgi_param"
    " env_var param proxy_set_header add_header requestheader header environment uwsgi_param setq defvar defconst"
)
_DIRECTIVES = ("machine", "login", "default", "username", "enable", "d-i")
_LOGINS = words("user username login machine")
_OPENING = frozenset("\"'`\\")
_VALUE_OPTIONS = ("-value ", "--value ")
_LEADING = {ord(char): " " for char in "\"'(#/"}
_SURE = (" is", " was ", " ist ", " est ", " es ", " = ", "是", " 是", "为", " lautet", " to be ")
"""What follows these is the value, if it can be one; what follows others must look like one."""


def after_blank(text: str, lowered: str, name: Name, at: int, place: int) -> tuple[int, int] | None:
    """Options, settings that a blank separates, sentences that state a password."""
    if name.is_option:
        return _option(text, name, place)
    if _is_given_nothing(text, lowered, name, at, place):
        return None
    stated = _in_sentence(text, lowered, name, at)
    if stated is not None:
        return stated or None
    if place + 3 >= len(text) or text[at] not in " \t":
        return None
    if lowered.startswith(_VALUE_OPTIONS, place):
        return _option(text, name, skip_blanks(text, lowered.index("e ", place) + 2))
    typed = _behind_type(text, place) if at == name.end else 0
    if typed:
        span = quoted_value(text, typed)
        return span if span is not None and is_secret_text(name, text[span[0] : span[1]][:520]) else None
    if _is_short_word(text, place):
        return None
    if text[place] not in "\"'`\\" and text[place : place + 64].split(None, 1)[0].rstrip(".,;:!?)").isalpha():
        return None  # a word of a sentence
    return _set(text, lowered, name, place)


def _is_given_nothing(text: str, lowered: str, name: Name, at: int, place: int) -> bool:
    """Whether no value can follow a weak name: it takes none that is not quoted (``session 5d74``, ``the code of …``)."""
    return (
        name.strength != STRONG
        and text[place : place + 1] not in _OPENING
        and not is_almost_strong(name.text)
        and not lowered.startswith(_VALUE_OPTIONS, place)
        and text.find("=", at, at + 40) < 0
    )


def _in_sentence(text: str, lowered: str, name: Name, at: int) -> tuple[int, int] | tuple[()] | None:
    """The value that a sentence states for the name; empty if it states something else, None if it states nothing."""
    stated = statement_at(text, lowered, at)
    if stated and (name.strength == STRONG or is_almost_strong(name.text)):
        is_near = lowered.startswith(_SURE, at)
        found = _stated(text, name, stated, is_near=is_near)
        if found is None and name.strength == STRONG:
            found = _stated(text, name, far_statement_at(text, lowered, at), is_near=False)
        return found or ()
    if name.strength == STRONG and not stated and text[at] == " ":
        return _stated(text, name, far_statement_at(text, lowered, at), is_near=False)
    return None


def _set(text: str, lowered: str, name: Name, place: int) -> tuple[int, int] | None:
    """``export TOKEN …``, ``requirepass …``, ``SECRET '…'``."""
    lead = _lead(text, lowered, name)
    is_set = not lead or not _SETTERS.isdisjoint(lead[-3:]) or lead[0] in _DIRECTIVES
    span = quoted_value(text, place)
    if span is None:
        return _word_after_blank(text, lowered, name, place, lead, is_set=is_set)
    found = text[span[0] : span[1]][:520]
    if " " in found and found.isupper():
        return None  # the title of one
    if name.strength != STRONG:
        return span if is_set and is_secret_of_weak(name, found) else None
    if name.kind == "password" or is_set or is_random(found, 16):
        return span if is_secret_text(name, found) and (is_set or text[span[0] - 1] == "'" or not found.isalpha()) else None
    if text[span[0] - 1] == "'" and name.text.isupper() and is_chosen(found):  # SECRET '…' of SQL
        return span if is_secret_text(name, found) else None
    return None


def _is_short_word(text: str, at: int) -> bool:
    """Whether what follows is too short for a secret: most names in sentences and comments end here."""
    return text[at] in "\r\n,;)" or text[at + 1] in " \t\r\n" or text[at + 2] in " \t\r\n" or text[at + 3] in "\r\n"


def _lead(text: str, lowered: str, name: Name) -> list[str]:
    """The words before the name on its line."""
    end = start_of_path(text, name) if text[name.start - 1 : name.start] == "." else name.start
    start = max(text.rfind("\n", 0, end) + 1, end - 48)
    lead = lowered[start:end].translate(_LEADING)
    return lead.split()


def _word_after_blank(
    text: str, lowered: str, name: Name, place: int, lead: list[str], *, is_set: bool
) -> tuple[int, int] | None:
    span = word(text, place)
    found = text[span[0] : min(span[1], span[0] + 520)].rstrip(".,")
    if span[1] - span[0] < 4 or found.startswith("0x") or is_reference(found) or is_plain(found) or found[0] in "=<>{[|&*":
        return None
    if found[0] == "(":  # the token (…) was rotated
        inner = found.strip("()")
        return (span[0] + 1, span[0] + 1 + len(inner)) if name.strength == STRONG and is_random(inner, 16) else None
    if len(found) < 3 and found.isdigit() and name.strength == STRONG:  # Cisco: secret 5 …, password 7 …
        return None
    if name.strength != STRONG:
        if not lead:
            return _line_of_weak(text, name, span)
        is_login = not _LOGINS.isdisjoint(lead[-3:]) and is_almost_strong(name.text)  # user bob pass …
        return span if is_login and is_chosen(found) and len(found) >= 8 else None
    if is_random(found, 12) and _is_long_secret(found):
        return (span[0], span[0] + len(found)) if span[1] - span[0] < 520 else span
    in_netrc = name.text == "password" and ("machine " in lowered or "login " in lowered)
    is_first = name.start == 0 or text[name.start - 1] in "\n \t."
    is_directive = not lead and span[1] >= end_of_line(text, place) and is_first
    if ((is_set and lead) or in_netrc or is_directive) and is_chosen(found) and not is_code(found, name.text):
        return span
    return None


def _line_of_weak(text: str, name: Name, span: tuple[int, int]) -> tuple[int, int] | None:
    """``rootpw …``, ``bindpw …``: nothing else is on the line."""
    if text.startswith("--", span[0]):  # rootpw --plaintext …
        span = word(text, skip_blanks(text, span[1]))
    found = text[span[0] : min(span[1], span[0] + 520)]
    is_line = (name.start == 0 or text[name.start - 1] in "\n \t") and span[1] >= end_of_line(text, span[0])
    return span if is_line and is_almost_strong(name.text) and is_chosen(found) and len(found) >= 8 else None


def _behind_type(text: str, at: int) -> int:
    """``adminPassword string = '…'``, ``password As String = "…"``: where the value begins, or 0."""
    mark = text.find("=", at, at + 40)
    if mark < 0 or not text[at:mark].replace(" ", "").replace("[]", "").replace("*", "").replace(".", "").isalnum():
        return 0
    value = skip_blanks(text, mark + 1)
    return value if value < len(text) and text[at].isalpha() and opening_quote(text, value) else 0


def _is_long_secret(value: str) -> bool:
    return len(value) >= 20 or (
        any(c.isupper() for c in value) and any(c.islower() for c in value) and any(c.isdigit() for c in value)
    )


def _option(text: str, name: Name, at: int) -> tuple[int, int] | None:
    if at >= len(text) or text[at] in "\r\n|;&>":
        return None
    span = quoted_value(text, at)
    is_quoted = span is not None
    if span is None:
        if text[at] == "-" and (text[at + 1 : at + 2] == "-" or text[at + 2 : at + 3] in ("", " ")):
            return None
        span = word(text, at)
    found = text[span[0] : min(span[1], span[0] + 520)]
    if (
        not found
        or is_reference(found)
        or is_plain(found)
        or found.startswith("id=")
        or (is_place(found) and found.count("/") > 1)
    ):
        return None
    if name.strength != STRONG:
        return span if is_secret_of_weak(name, found, addressed=True) else None
    if name.kind == "private_key" and is_place(found):
        return None
    return span if len(found) >= 3 and (is_quoted or not found.isdigit() or len(found) > 3) else None


def _stated(text: str, name: Name, at: int, *, is_near: bool) -> tuple[int, int] | None:
    """``the db password is c0rr3ct``."""
    if at <= 0 or at >= len(text):
        return None
    span = quoted_value(text, at) if at < len(text) else None
    if span is None:
        span = word(text, at)
    found = text[span[0] : min(span[1], span[0] + 520)].rstrip(".,!:;)")
    if is_reference(found) or is_plain(found) or is_code(found, name.text) or not is_chosen(found):
        return None
    if not is_near and (len(found) < 8 or found.isdigit() or not (has_odd_part(found) or not found.isalnum())):
        return None
    return (span[0], span[0] + len(found)) if span[1] - span[0] < 520 else span
