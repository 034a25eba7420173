"""Objects and lists in which one member says what another is: ``{"element": "Password field", "text": "…"}``,
``{"k": "DB_PASSWORD", "v": "…"}``, ``["db_password", "…"]``."""

from __future__ import annotations

from .judging import is_secret_text
from .names import STRONG, Name, judge_name
from .patterns import words
from .values import has_odd_part, is_code

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    Judge = Callable[[str], tuple[str, int] | None]

VALUED = words("v val value newvalue new_value data content contents text answer input values default current response")
"""What the other member is called."""
_FORM_WORDS = words("field input box textbox textfield entry element form is your the a an value here prompt")
_MAX_NAME = 80


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
    return isinstance(key, str) and key.lower() in VALUED and isinstance(value, str) and _is_secret(value, kind)


def paired(items: Sequence[Any], judge: Judge = judge_name) -> str | None:
    """The kind of the second item of two, of which the first is the name of a secret."""
    name, value = items
    if not (isinstance(name, str) and isinstance(value, str) and 2 < len(name) <= _MAX_NAME and len(value) >= 8):
        return None
    judged = judge(name)
    is_secret = judged is not None and judged[1] == STRONG and has_odd_part(value) and _is_secret(value, judged[0])
    return judged[0] if judged is not None and is_secret else None


def _is_secret(value: str, kind: str) -> bool:
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
