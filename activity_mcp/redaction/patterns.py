"""Patterns compiled when first needed: the import of the regular expressions is half of a hook's cost."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re

_patterns: dict[str, re.Pattern[str]] = {}


def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, compiled once."""
    if pattern not in _patterns:
        import re

        _patterns[pattern] = re.compile(pattern)
    return _patterns[pattern]


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())
