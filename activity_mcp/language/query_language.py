"""What a person may write to search.

    coverage report        both words, in any order; where too little has both, those that have some of them
    "exit code 2"          these words, one after the other; a quote that is never closed ends with the text
    migrat*                words that begin so
    -draft, -"old name"    not with this word; what begins with two hyphens (--force) is a word
    file:cache.py          about a file whose path has these words, one after the other
    tool:Bash              of this tool
    failed:  failed:no     that failed; that did not

What is not one of these is words, whatever its signs: a regular expression, a stack trace, a path, SQL. Of a long text the
first ``MAX_TERMS`` different words count. No text is an error but one without any word, or with exclusions alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from .words import UNASKED, is_single, unfold, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_QUERY = 8192
MAX_TERMS = 24
MAX_PHRASE = 32
HINT = 'write words, "a phrase", prefix*, -not, file:name, tool:Bash or failed:'
_PART = re.compile(
    r'(?P<minus>-(?=[^\s-]))?(?:(?P<field>file|tool|failed):)?(?:"(?P<quoted>[^"]*)(?:"|$)|(?P<plain>[^\s"]*))', re.I
)
_BREAK = re.compile(r"""[\s!$%&()+,;<=>?\[\]^`{|}~"]+|[-./:@#'’\\]{2,}""")
_YES, _NO = ("", "yes", "true", "1", "on"), ("no", "false", "0", "off")


@dataclass(frozen=True, slots=True)
class Term:
    """Words that must follow each other; of a ``prefix`` the last one may go on. ``quoted``: taken as it is written."""

    words: tuple[str, ...]
    prefix: bool = False
    quoted: bool = False

    @property
    def shown(self) -> str:
        """As a person wrote it, about."""
        gap = "" if all(map(is_single, self.words)) else " "
        return gap.join(map(unfold, self.words)) + ("*" if self.prefix else "")


@dataclass(frozen=True, slots=True)
class Query:
    """A question, parsed. ``is_shortened``: more was written than is looked for."""

    terms: tuple[Term, ...] = ()
    excluded: tuple[Term, ...] = ()
    files: tuple[Term, ...] = ()
    tools: tuple[str, ...] = ()
    failed: bool | None = None
    is_shortened: bool = False


def parse(text: str) -> Query:
    """The question. Raises InvalidInput where nothing is asked."""
    if not text.strip():
        raise InvalidInput("the search is empty; nothing was looked for", hint=HINT)
    terms: list[Term] = []
    excluded: list[Term] = []
    files: list[Term] = []
    tools: list[str] = []
    failed: bool | None = None
    for part in _PART.finditer(text[:MAX_QUERY]):
        field, quoted = (part["field"] or "").lower(), part["quoted"]
        value = quoted if quoted is not None else part["plain"]
        if field == "tool" and value:
            tools.append(value)
        elif field == "file":
            files += _terms(value, quoted is not None)
        elif field == "failed" and value.lower() in (*_YES, *_NO):
            failed = value.lower() in _YES
        else:
            failed = True if field == "failed" else failed
            (excluded if part["minus"] else terms).extend(_terms(value, quoted is not None))
    asked = _worth_asking(dict.fromkeys(terms))
    if not (asked or files or tools or failed is not None):
        what = "only says what is not wanted" if excluded else "holds no word to look for"
        raise InvalidInput(f"the search {what}; nothing was looked for", hint=HINT)
    is_shortened = len(text) > MAX_QUERY or len(asked) > MAX_TERMS
    return Query(
        tuple(asked[:MAX_TERMS]), tuple(excluded[:MAX_TERMS]), tuple(files[:4]), tuple(tools[:4]), failed, is_shortened
    )


def _worth_asking(terms: Iterable[Term]) -> list[Term]:
    """Without the words that every question has, unless there are no others."""
    terms = list(terms)
    kept = [term for term in terms if term.quoted or term.prefix or len(term.words) > 1 or term.words[0] not in UNASKED]
    return kept or terms


def _terms(value: str, is_quoted: bool) -> list[Term]:
    if is_quoted:
        words = tuple(words_of(value)[:MAX_PHRASE])
        return [Term(words, quoted=True)] if words else []
    made: list[Term] = []
    pieces = re.split(r"(\*+)", value)
    for at, piece in enumerate(pieces):
        is_prefix = at + 1 < len(pieces) and pieces[at + 1].startswith("*") and piece[-1:].isalnum()
        made += _joined(piece, is_prefix)
    return made


def _joined(piece: str, is_prefix: bool) -> list[Term]:
    """The terms of a text without spaces: a path or a name is one, a regular expression as many as it has parts."""
    terms: list[Term] = []
    for part in _BREAK.split(piece):
        words = tuple(words_of(part)[:MAX_PHRASE])
        if len(words) > 2 and all(map(is_single, words)):
            terms += [
                Term(pair) for pair in pairwise(words)
            ]  # no spaces say where a word ends: each two that follow each other
        elif words:
            terms.append(Term(words))
    if is_prefix and terms:
        terms[-1] = Term(terms[-1].words, prefix=True)
    return terms
