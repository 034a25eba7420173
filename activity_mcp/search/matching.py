"""What a search looks for, as expressions of FTS5: words with their forms and likely mistakes, the rare ones, the facets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..language.query_language import Term
from ..language.words import UNASKED, forms, is_forgiven, is_single
from .index_words import failed_facet, kind_facet, project_facet, tool_facets
from .ranking import Wanted, rarity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..language.query_language import Query
    from .index import SearchIndex

_RARE_SHARE, _RARE = 0.02, 500
_KNOWN_WELL = 3


def parts(term: Term, indexes: Sequence[SearchIndex]) -> list[Term]:
    """The term, or where no text has its words one after the other, each of them: in a name that is written from memory
    (``rotate_key.sh``) some are right, and a mistake in one is forgiven."""
    is_name = len(term.words) > 1 and not (term.prefix or term.quoted or all(map(is_single, term.words)))
    if not is_name or any(index.has(_words(f'"{" ".join(term.words)}"')) for index in indexes):
        return [term]
    return [Term((word,)) for word in term.words if word not in UNASKED] or [term]


def wanted_of(term: Term, indexes: Sequence[SearchIndex]) -> Wanted:
    """The term as it is looked for: with its other forms, and where hardly a text has it, what it may be a mistake for."""
    size = max(1, sum(index.size for index in indexes))
    word = term.words[0]
    if len(term.words) > 1 or term.prefix or term.quoted:
        rarest = min(sum(index.frequency(part) for index in indexes) for part in term.words)
        return Wanted(term, rarity(rarest, size))
    others = forms(word)
    frequency = sum(index.frequency(word) for index in indexes)
    in_forms = max((sum(index.frequency(form) for index in indexes) for form in others), default=0)
    mistakes: set[str] = set()
    if frequency + in_forms < _KNOWN_WELL and is_forgiven(word):
        mistakes = {near for index in indexes for near in index.near(word)}
        in_forms = max([in_forms, *(index.frequency(near) for near in mistakes for index in indexes)])
    return Wanted(term, rarity(max(frequency, in_forms), size), frozenset(others), frozenset(mistakes - set(others)))


def rare(wanted: Sequence[Wanted], size: int) -> list[Wanted]:
    """The words that narrow a search most: those in few documents, or the three rarest."""
    least = rarity(max(_RARE, int(size * _RARE_SHARE)), max(size, 1))
    rarest = sorted(wanted, key=lambda each: -each.weight)
    return [each for each in rarest if each.weight >= least] or rarest[:3]


def expression(wanted: Wanted) -> str:
    """An FTS5 expression. Words are letters and digits, so nothing in it can be anything else."""
    words = f'"{" ".join(wanted.term.words)}"' + (" *" if wanted.term.prefix else "")
    others = sorted(wanted.forms | wanted.mistakes)
    either = " OR ".join([words, *(f'"{word}"' for word in others)])
    return _words(either)


def _words(expression: str) -> str:
    """The expression, of words and not of facets."""
    return f"{{text path}} : ({expression})"


def match(words: str, query: Query, *, kind: str | None, project: str | None, failed: bool | None) -> str:
    """The whole FTS5 expression: ``words`` (an expression; empty for any), and the other conditions of the query."""
    conditions = [f"({words})"] if words else []
    conditions += [f'path : ("{" ".join(term.words)}" *)' for term in query.files]
    facets = [facet for tool in query.tools for facet in tool_facets(tool)]
    facets += [kind_facet(kind)] if kind else []
    facets += [project_facet(project)] if project else []
    facets += [failed_facet(failed)] if failed is not None else []
    found = " AND ".join([*conditions, *(f'"{facet}"' for facet in facets)])
    excluded = " OR ".join(f'"{" ".join(term.words)}"' + (" *" if term.prefix else "") for term in query.excluded)
    return f"({found}) NOT ({{text path}} : ({excluded}))" if excluded else found
