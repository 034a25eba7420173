"""Finds values that have the shape of a secret by a pattern, tried only where its literal is and its hint agrees (``rules``).

Every run in a pattern is possessive or bounded, so that none can search the same characters again and again.
"""

from __future__ import annotations

from .patterns import compiled
from .rules import IN_TOKENS
from .tokens import ALPHABETS
from .values import is_code, is_plain, is_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator

    from .rules import Hint, Rule
    from .sight import Sight

    Span = tuple[int, int, str]

HINT_WINDOW = 420


def matches(sight: Sight, rules: Iterable[Rule]) -> Iterator[Span]:
    """Where the text has a secret by one of the rules, which are those that are open for it."""
    text, lowered = sight.text, sight.lowered
    for rule in rules:
        kind, literals, pattern = rule[:3]
        hint = rule[3] if len(rule) == 5 else None
        for literal in literals:
            at = lowered.find(literal)
            while at >= 0:
                end = at + 1
                if hint is None or _may_match(lowered, at, len(literal), hint):
                    match = compiled(pattern).match(text, at)
                    if match is not None:
                        end = max(match.end(), end)
                        yield from _found(match, text, kind, judge=hint is not None)
                at = lowered.find(literal, end)
        if not literals:
            for match in compiled(pattern).finditer(text):
                yield from _found(match, text, kind, judge=False)


_BACKWARDS = frozenset(
    (
        "telegram_token", "azure_secret", "maxmind_key", "mailchimp_key", "salesforce_token", "azure_devops_token",
        "newrelic_key", "authress_key", "terraform_token",
    )
)  # fmt: skip
"""Kinds whose pattern begins in the middle: the whole token goes."""


def _found(match: re.Match[str], text: str, kind: str, *, judge: bool) -> Iterator[Span]:
    """The secret of a match, unless it is a reference or a word; what a user's own pattern finds is never judged."""
    group = 1 if match.re.groups else 0
    start, end = match.span(group)
    found = match[group] or ""
    if judge and kind in _BACKWARDS:
        start = _start_of_token(text, start)
    elif judge and (not found or is_reference(found[:600]) or is_plain(found) or (kind == "authorization" and is_code(found))):
        return
    if end > start and not found.startswith("[redacted:"):
        yield start, end, kind


def _start_of_token(text: str, at: int) -> int:
    first = max(0, at - 120)
    while at > first and (text[at - 1] in ALPHABETS["W"] or text[at - 1] == "~"):
        at -= 1
    return at


def _may_match(lowered: str, at: int, length: int, hint: Hint) -> bool:
    """Whether a shape can be here, by its hint: as cheap as can be, for most literals are in ordinary words."""
    after = at + length
    if isinstance(hint, str):
        return lowered.find(hint, at + 1, after + HINT_WINDOW) >= 0
    if not isinstance(hint, int):
        return hint(lowered, at)
    if hint > 0 and at and lowered[at - 1].isalnum():
        return False
    min_chars = abs(hint)
    return len(lowered) - after >= min_chars and not lowered[after : after + min_chars].strip(IN_TOKENS)
