"""What both ways of finding have in common: patterns compiled when first needed, and values that are none."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re

_patterns: dict[str, re.Pattern[str]] = {}


def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, compiled once."""
    if pattern not in _patterns:
        import re  # not before a text needs it: its import is half of a hook's cost

        _patterns[pattern] = re.compile(pattern)
    return _patterns[pattern]


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PLAIN_WORDS = words(
    "none null nil true false str string bytes text bearer basic token secret password passwd hidden required optional"
    " undefined number object example unknown any bool boolean int integer value default missing invalid expired"
)
"""What stands where a secret would, and is none."""


def is_reference(value: str) -> bool:
    """``$TOKEN``, ``${TOKEN}``, ``{token}``, ``<your token>``, ``%s``, ``****``, ``xxxx``, and what is redacted already."""
    first = value[0]
    if first == "$":
        return len(value) > 1 and (value[1] in "{(_" or value[1].isalpha())
    if first in "<{%" or value.startswith(("[redacted:", "...")):
        return True
    return value[:5].lower() in ("your_", "your-") or not value.strip(first)
