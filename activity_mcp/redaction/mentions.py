"""Names that are given their value without ``=`` or ``:``: elements, pairs of name and value, arguments, options, sentences."""

from __future__ import annotations

from .elements import attribute_beside, element, element_before, form_field, named_element, next_element
from .judging import is_chosen, is_place, is_secret_of_weak, is_secret_text
from .members import is_secret_member, member_before, value_member
from .names import STRONG, Name, is_almost_strong, words_of
from .naming import far_statement_at, statement_at
from .patterns import words
from .reading import (
    QUOTES,
    after_prefix,
    backslashes,
    is_line_end,
    opening_quote,
    quoted_value,
    separator_at,
    skip_blanks,
    word,
)
from .sight import end_of_line
from .values import has_odd_part, is_code, is_identifier, is_plain, is_random, is_reference
from .yaml_lines import value_on_lines

_GETTERS = words(
    "get fetch read load find lookup hash check verify is has create generate make new delete revoke require parse"
    " decode validate match compare refresh rotate request use test encrypt decrypt sign ask prompt ensure update"
    " compute build forgot reset"
)
_SETTERS = words(
    "env arg setenv setx set export define declare config add put pass echo -e -p let const var string user fastcgi_param"
    " env_var param proxy_set_header add_header requestheader header environment uwsgi_param setq defvar defconst"
)
_DIRECTIVES = ("machine", "login", "default", "username", "enable", "d-i")
_LOGINS = words("user username login machine")
_OPENING = frozenset("\"'`\\")
_VALUE_OPTIONS = ("-value ", "--value ")
_PATH_CHARS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:/"
_LEADING = {ord(char): " " for char in "\"'(#/"}


_NAMING = (
    "name", "key", "variable", "id", "setting", "arg", "option", "field", "label", "type=", "title", "property", "param",
    "element", "attribute", "selector", '"k"', "'k'", "k: ", " k=", "{k:", "<k>",
)  # fmt: skip
"""What may stand before a name that is itself a value."""


def paired(text: str, lowered: str, name: Name, at: int) -> tuple[int, int] | None:
    """``name: DB_PASSWORD⏎value: …``, ``<add key="DbPassword" value="…"/>``, ``variable "db_password" { default = "…" }``."""
    start = _start_of_path(text, name)
    lead = lowered[max(0, start - 24) : start].replace("\\", "")
    if not any(map(lead.__contains__, _NAMING)):
        return next_element(text, name) if text.startswith("<", at) or text.startswith("<", name.end) else None
    if "name=" in lead and "form-data" in lowered[max(0, start - 60) : start]:
        return form_field(text, name, at)
    if text[at : at + 1] == ">" or lowered.startswith("</key>", name.end):
        return (
            named_element(text, lowered, name, at)
            or attribute_beside(text, lowered, name)
            or element_before(text, lowered, name, start)
        )
    if text.startswith("</", name.end):
        return next_element(text, name) or element_before(text, lowered, name, start)
    found = _place_of_value(lowered, at, is_variable="variable" in lead)
    if found >= 0:
        return _value_after(text, lowered, name, at + found)
    following = value_member(lowered, at)
    if following:
        span = _value_after(text, lowered, name, following)
        return span if span is not None and is_secret_text(name, text[span[0] : span[1]][:520]) else None
    return attribute_beside(text, lowered, name) or _value_before(text, lowered, name, start)


def _start_of_path(text: str, name: Name) -> int:
    """Where ``hibernate.connection.password`` begins."""
    start = name.start
    if text[start - 1 : start] not in (".", ":", "/"):
        return start
    first = max(0, start - 80)
    start = first + len(text[first:start].rstrip(_PATH_CHARS))
    while start > first and (text[start - 1].isalnum() or text[start - 1] in "_-.:/"):
        start -= 1
    return start


def _value_before(text: str, lowered: str, name: Name, start: int) -> tuple[int, int] | None:
    """``{"value": "…", "name": "DB_PASSWORD"}``, ``- value: …⏎  name: DB_PASSWORD``: the value of the member before."""
    found = member_before(lowered, start)
    span = _value_after(text, lowered, name, found) if found >= 0 else None
    if span is not None and span[1] > start:  # ParameterValue=…,ParameterKey=…
        span = span[0], text.find(",", span[0], start)
    if span is None or span[1] < span[0]:
        return None
    is_value = "value" in lowered[found : found + 24].partition(":")[0].partition("=")[0]
    return span if is_value or is_secret_member(text[span[0] : span[1]], name.kind) else None


def _place_of_value(lowered: str, at: int, *, is_variable: bool) -> int:
    """How far behind the name its ``value`` or ``default`` is; -1 if there is none."""
    window = lowered[at : at + 200]
    found = min((place for place in (window.find("value"), window.find("default")) if place >= 0), default=-1)
    if found < 0:
        return -1
    between = window[:found]
    if (between.count("\n") > 1 and not is_variable) or between.count("name") or ("}" in between):
        return -1
    if not is_variable and between.strip(" \t\r\n,\"'\\/>-:;{|" + "abcdefghijklmnopqrstuvwxyz="):
        return -1
    return found


def _value_after(text: str, lowered: str, name: Name, start: int) -> tuple[int, int] | None:
    end = start
    while end < len(text) and text[end].isalpha():
        end += 1
    inner = Name(name.text, start, end, name.kind, name.strength)
    if text[end : end + 1] == ">":
        return element(text, lowered, inner)
    if "from" in lowered[start:end]:
        return None  # valueFrom: a reference of Kubernetes
    while end < len(text) and text[end] in "\"'\\":
        end += 1
    place = skip_blanks(text, end)
    separator = separator_at(text, place)
    if not separator:
        return None
    value = skip_blanks(text, place + len(separator))
    if value >= len(text) or is_line_end(text, value):
        return value_on_lines(text, inner, value, ":") if value < len(text) else None
    span = quoted_value(text, value) or word(text, value)
    content = text[span[0] : min(span[1], span[0] + 520)]
    if not content or is_reference(content) or is_plain(content) or (is_code(content, name.text) and "." in content):
        return None
    return span if len(content) >= 3 and (name.strength == STRONG or is_secret_of_weak(name, content)) else None


def argument(text: str, name: Name, at: int, before: str) -> tuple[int, int] | None:
    """``define('DB_PASSWORD', '…')``: the next argument. In a list of names the next is another name."""
    start = _start_of_path(text, name) if before == "." else name.start
    if text[start - 1 : start] not in QUOTES and not (before == "." and name.text.isupper()):
        return None
    opening = start - 1
    while opening > 0 and text[opening - 1] in " \\":
        opening -= 1
    value = skip_blanks(text, at)
    span = quoted_value(text, after_prefix(text, value)) if value < len(text) else None
    if span is None or not is_secret_text(name, text[span[0] : span[1]][:520]):
        return None
    found = text[span[0] : span[1]]
    if name.strength != STRONG and not is_random(found, 10):
        return None
    if text[opening - 1 : opening] == "(":
        after = skip_blanks(text, span[1] + 1 + backslashes(text, span[1]))
        if text[after : after + 1] in (")", ","):
            return (
                span
                if not (found.isalpha() and (len(found) < 6 or found.isupper())) and not is_identifier_name(found)
                else None
            )
    return span if is_chosen(found) and not is_identifier(found) and not is_identifier_name(found) else None


def is_identifier_name(value: str) -> bool:
    """``client_id``, ``email``: the name of another field."""
    return "_" in value and value.replace("_", "").isalpha() and value.islower()


def call(text: str, name: Name, at: int) -> tuple[int, int] | None:
    """``setPassword("…")``, ``PASSWORD('…')``; what gets, checks or makes one is given something else."""
    if words_of(name.text)[:1] and words_of(name.text)[0] in _GETTERS:
        return None
    value = skip_blanks(text, at + 1)
    span = quoted_value(text, after_prefix(text, value)) if value < len(text) else None
    if span is None:
        return None
    found = text[span[0] : span[1]][:520]
    after = skip_blanks(text, span[1] + 1)
    if text[after : after + 1] == ",":  # changeUserPassword("app", "…")
        second = skip_blanks(text, after + 1)
        span = quoted_value(text, second) if second < len(text) and name.kind == "password" else None
        found = text[span[0] : span[1]][:520] if span is not None else ""
        return span if is_chosen(found or "-") and is_secret_text(name, found) else None
    if text[after : after + 1] not in (")", "\\", '"', "'"):
        return None
    return span if is_secret_text(name, found) and not is_identifier_name(found) else None


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
    end = _start_of_path(text, name) if text[name.start - 1 : name.start] == "." else name.start
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


_SURE = (" is", " was ", " ist ", " est ", " es ", " = ", "是", " 是", "为", " lautet", " to be ")
"""What follows these is the value, if it can be one; what follows others must look like one."""


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
