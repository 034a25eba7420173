"""What a context is asked about, found with the means of ``search``.

Words in any form (test, tests, tested) and with one typing mistake, "phrases", prefix*, file:name, tool:Bash, failed:; a text
with a word behind -not has nothing of it. Of a path the last part counts. Text of any kind is a focus; where it has no
word that can be looked for, nothing is ranked by it.
"""

from __future__ import annotations

from ..errors import InvalidInput
from ..language.query_language import Query, Term, parse
from ..language.words import forms, is_forgiven, is_near, words_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_TERMS = 16
FORM, MISTAKE = 0.9, 0.6
"""How much of a word another form of it, or one a typing mistake away, counts."""


class Focus:
    """What was asked for: a text or a path."""

    __slots__ = ("_excluded", "_terms")

    def __init__(self, text: str) -> None:
        query = _parsed(" ".join(map(_name_of, text.split())))
        terms = dict.fromkeys([*query.terms, *query.files, *map(_of_words, query.tools)])
        self._terms = tuple(terms)[:MAX_TERMS]
        self._excluded = query.excluded

    def share_in(self, *texts: str | None) -> float | None:
        """How much of it these texts have, from 0 to 1; None where the focus names nothing."""
        if not self._terms:
            return None
        words = words_of(" ".join(filter(None, texts)))
        if any(_found(term, words) == 1.0 for term in self._excluded):
            return 0.0
        return sum(_found(term, words) for term in self._terms) / len(self._terms)


def _parsed(text: str) -> Query:
    try:
        return parse(text)
    except InvalidInput:
        return Query()


def _name_of(word: str) -> str:
    """Of a path the name of the file or folder; anything else as it is."""
    if "/" not in word or '"' in word:
        return word
    field = "file:" if word.startswith("file:") else ""
    return field + word.rstrip("/").rpartition("/")[2]


def _of_words(text: str) -> Term:
    return Term(tuple(words_of(text)))


def _found(term: Term, words: Sequence[str]) -> float:
    """How well these words have the term, from 0 to 1."""
    if len(term.words) != 1:
        return float(_follows(term, words)) if term.words else 0.0
    wanted = term.words[0]
    if wanted in words or (term.prefix and any(word.startswith(wanted) for word in words)):
        return 1.0
    if term.quoted or term.prefix:
        return 0.0
    if not set(forms(wanted)).isdisjoint(words):
        return FORM
    return MISTAKE if is_forgiven(wanted) and any(is_near(wanted, word) for word in words) else 0.0


def _follows(term: Term, words: Sequence[str]) -> bool:
    """Whether the words of the term follow each other."""
    size, *_, last = len(term.words), *term.words
    for at in range(len(words) - size + 1):
        part = words[at : at + size]
        if tuple(part[:-1]) == term.words[:-1] and (part[-1] == last or (term.prefix and part[-1].startswith(last))):
            return True
    return False
