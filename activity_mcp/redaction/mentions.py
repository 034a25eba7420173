"""Names that are given their value without ``=`` or ``:``: elements, pairs of name and value, arguments. ``after_blank`` has
options, settings and sentences."""

from __future__ import annotations

from .elements import attribute_beside, element, element_before, form_field, named_element, next_element
from .judging import is_chosen, is_secret_of_weak, is_secret_text
from .members import is_secret_member, member_before, value_member
from .names import STRONG, Name, words_of
from .patterns import words
from .randomness import is_random
from .reading import (
    QUOTES,
    after_prefix,
    backslashes,
    is_line_end,
    quoted_value,
    separator_at,
    skip_blanks,
    word,
)
from .values import is_code, is_identifier, is_plain, is_reference
from .yaml_lines import value_on_lines

_GETTERS = words(
    "get fetch read load find lookup hash check verify is has create generate make new delete revoke require parse"
    " decode validate match compare refresh rotate request use test encrypt decrypt sign ask prompt ensure update"
    " compute build forgot reset"
)
_PATH_CHARS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:/"


_NAMING = (
    "name", "key", "variable", "id", "setting", "arg", "option", "field", "label", "type=", "title", "property", "param",
    "element", "attribute", "selector", '"k"', "'k'", "k: ", " k=", "{k:", "<k>",
)  # fmt: skip
"""What may precede a name that is itself a value."""


def paired(text: str, lowered: str, name: Name, at: int) -> tuple[int, int] | None:
    """``name: DB_PASSWORD⏎value: …``, ``<add key="DbPassword" value="…"/>``, ``variable "db_password" { default = "…" }``."""
    start = start_of_path(text, name)
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


def start_of_path(text: str, name: Name) -> int:
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
    start = start_of_path(text, name) if before == "." else name.start
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
