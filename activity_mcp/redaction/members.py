"""Objects and lists in which one member says what another is: ``{"element": "Password field", "text": "…"}``,
``{"k": "DB_PASSWORD", "v": "…"}``, ``["db_password", "…"]``."""

from __future__ import annotations

from .judging import is_secret_text
from .names import STRONG, Name, judge_name
from .patterns import words
from .randomness import has_odd_part
from .values import is_code

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    Judge = Callable[[str], tuple[str, int] | None]

VALUED = words("v val value newvalue new_value data content contents text answer input values default current response")
"""What the other member is called."""
_PLAINLY_VALUED = ("v", "val")
"""What it is called where each member has a line of its own: the lines of a file may have nothing to do with each other."""
_FORM_WORDS = words("field input box textbox textfield entry element form is your the a an value here prompt")
_MAX_NAME = 80
_MAX_BEFORE = 400
_MAX_MEMBERS = 3


def announced(members: Mapping[Any, Any], naming: frozenset[str], judge: Judge = judge_name) -> str | None:
    """The kind of secret that a member of the object says another is; None if none does."""
    for key, text in members.items():
        if isinstance(key, str) and key.lower() in naming and isinstance(text, str) and 2 < len(text) <= _MAX_NAME:
            parts = "".join(char if char.isalnum() or char in "_-" else " " for char in text).split()
            while len(parts) > 1 and parts[-1].lower() in _FORM_WORDS:
                parts.pop()
            judged = judge("_".join(parts[-2:]) if len(parts) > 1 and parts[-1].islower() else parts[-1]) if parts else None
            if judged is not None and judged[1] == STRONG:
                return judged[0]
    return None


def is_given(key: Any, value: Any, kind: str) -> bool:
    """Whether this member is the secret: it is called a value, and no sentence, no word and no reference."""
    return isinstance(key, str) and key.lower() in VALUED and isinstance(value, str) and is_secret_member(value, kind)


def paired(items: Sequence[Any], judge: Judge = judge_name) -> str | None:
    """The kind of the second item of two, of which the first is the name of a secret."""
    name, value = items
    if not (isinstance(name, str) and isinstance(value, str) and 2 < len(name) <= _MAX_NAME and len(value) >= 8):
        return None
    judged = judge(name)
    is_secret = judged is not None and judged[1] == STRONG and has_odd_part(value) and is_secret_member(value, judged[0])
    return judged[0] if judged is not None and is_secret else None


def is_secret_member(value: str, kind: str) -> bool:
    if " " in value and not has_odd_part(value):
        return False
    if value.isalpha() and is_code(value, kind):
        return False  # PasswordInput
    return len(value) <= 4096 and is_secret_text(Name(kind, 0, 0, kind, STRONG), value[:520])


def value_member(lowered: str, at: int) -> int:
    """Where the next member of the object begins, behind its quote, if it is called as a value is; 0 if it is not."""
    limit = min(len(lowered), at + 40)
    while at < limit and lowered[at] in " \t\r\n,;\"'\\":
        at += 1
    end = at
    while end < limit and (lowered[end].isalnum() or lowered[end] == "_"):
        end += 1
    rest = lowered[end : end + 4].lstrip("\"'\\ ")
    return at if lowered[at:end] in VALUED and rest[:1] in (":", "=") else 0


def member_before(lowered: str, start: int) -> int:
    """Where a member of the same object begins that is before the one whose value is here, and is called as a value is; -1 if
    none is. ``{"v": "…", "k": "DB_PASSWORD"}``, ``- value: …⏎  name: DB_PASSWORD``, ``ParameterValue=…,ParameterKey=…``."""
    first = max(0, start - _MAX_BEFORE)
    window = lowered[first:start]
    own = max(window.rfind(":"), window.rfind("="))
    for _ in range(_MAX_MEMBERS):
        separator = max(window.rfind(":", 0, own), window.rfind("=", 0, own)) if own > 0 else -1
        if separator < 0:
            return -1
        end = len(window[:separator].rstrip(" \t\"'\\"))
        begin = end
        while begin > 0 and (window[begin - 1].isalnum() or window[begin - 1] == "_"):
            begin -= 1
        called, between = window[begin:end], window[separator:]
        if called.endswith("value") or called in (_PLAINLY_VALUED if "\n" in between else VALUED):
            return first + begin if _is_one_object(between) else -1
        own = separator
    return -1


def _is_one_object(between: str) -> bool:
    """Whether what is between the value and the name of the secret is of one object: no other begins or ends, or is named."""
    named = between.count("name") + between.count("key")
    return named <= 1 and between.count("\n") <= 2 and not any(mark in between for mark in ("}", "<", "{", "\n-", "\n\n"))


def end_of_label(lowered: str, at: int) -> int:
    """Where the text ends that names a field, of which a secret name is before this blank: ``"Password field"``; else 0."""
    for _ in range(_MAX_MEMBERS):
        if lowered[at : at + 1] in ("'", '"', "\\"):
            return at
        end = at + 1
        while lowered[end : end + 1].isalpha():
            end += 1
        if lowered[at : at + 1] != " " or lowered[at + 1 : end] not in _FORM_WORDS:
            return 0
        at = end
    return 0
