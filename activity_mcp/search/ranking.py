"""Which hits come first, and why.

    words       BM25 (Robertson and Zaragoza 2009) with k1 = 1.2 and b = 0.5: a word counts by how rare it is, more often counts
                more but ever less, and in a short text more than in a long one. Another form of the word counts 0.8 of it, one
                a typing mistake away 0.6, a word in the path of the file 0.7.
    coverage    what has more of the words asked for comes before what repeats one; words of the same session count in part,
                because a session asks in one place and fails in another
    recency     up to half as much again, half of that after thirty days
    project     half as much again in the project one is in
    kind        what was asked, concluded or found weighs a little more than a call or a file by the way

Then sessions take turns: each further hit of a session counts 0.6 of the one before, so that the first hits are not one
session's. Everything is computed from the hits and the index; no model, and nothing learned.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ..language.words import words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..language.query_language import Term
    from .index import Stored

K1, B = 1.2, 0.5
TYPICAL_WORDS = 25
FORM, MISTAKE, PATH = 0.8, 0.6, 0.7
RECENT, HALF_LIFE_DAYS = 0.5, 30.0
OWN_PROJECT = 1.5
AGAIN = 0.6
_KINDS = {
    "asked": 1.2,
    "concluded": 1.2,
    "title": 1.2,
    "insight": 1.2,
    "sql": 1.1,
    "command": 1.0,
    "event": 1.0,
    "call": 0.8,
    "file": 0.8,
}
_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """A term, with the other words that are taken for its own, and how rare it is (``weight``, from its documents)."""

    term: Term
    weight: float
    forms: frozenset[str] = frozenset()
    mistakes: frozenset[str] = frozenset()


class Hit(NamedTuple):
    """A document with its score and what of the question it has: the terms, and the word it has for each."""

    document: Stored
    score: float
    matched: tuple[tuple[Term, str], ...]


def rarity(frequency: int, documents: int) -> float:
    """The weight of a word that is in so many of the documents (the idf of BM25)."""
    return math.log(1 + (documents - min(frequency, documents) + 0.5) / (min(frequency, documents) + 0.5))


def ranked(
    documents: Sequence[Stored], wanted: Sequence[Wanted], *, now_us: int, own_project: str | None, most: int
) -> list[Hit]:
    """The best hits, in their order."""
    whole = sum(want.weight for want in wanted) or 1.0
    hits = [_scored(doc, wanted, whole) for doc in documents]
    covered = _covered_by_session(hits, wanted, whole)
    made = []
    for hit in hits:
        doc = hit.document
        share = covered.get(doc.session_id or "", 0.0)
        score = hit.score * (0.6 + 0.4 * share) * recency(doc.ts_us, now_us) * _KINDS.get(doc.kind, 1.0)
        made.append(hit._replace(score=score * (OWN_PROJECT if own_project and doc.project == own_project else 1.0)))
    return _in_turns(made, most)


def recency(ts_us: int, now_us: int) -> float:
    days = max(0, now_us - ts_us) / _DAY_US
    return 1 + RECENT * 2 ** (-days / HALF_LIFE_DAYS)


def _scored(doc: Stored, wanted: Sequence[Wanted], whole: float) -> Hit:
    words, path = words_of(doc.text), words_of(doc.path or "")
    different, in_path = frozenset(words), frozenset(path)
    length = 1 - B + B * (len(words) + len(path)) / TYPICAL_WORDS
    score, covered, matched = 0.0, 0.0, []
    for want in wanted:
        times, as_word = _times(want, words, different)
        if not times and path:
            times, as_word = _times(want, path, in_path)
            times *= PATH
        if times:
            score += want.weight * times * (K1 + 1) / (times + K1 * length)
            covered += want.weight
            matched.append((want.term, as_word))
    if not wanted:
        score = covered = whole
    return Hit(doc, score * (0.3 + 0.7 * covered / whole), tuple(matched))


def _times(want: Wanted, words: list[str], different: frozenset[str]) -> tuple[float, str]:
    """How often a text has the term, other words for it counted in part; and the word it has in its place, if another.

    ``different`` are its words, each once: most texts have few of what is wanted, and this says so at once.
    """
    term = want.term
    if len(term.words) > 1 or term.prefix:
        may_be = term.prefix or term.words[0] in different
        return (float(_runs(term, words)) if may_be else 0.0), ""
    exact = term.words[0]
    if exact in different:
        return float(words.count(exact)), ""
    for others, share in ((want.forms, FORM), (want.mistakes, MISTAKE)):
        if not different.isdisjoint(others):
            best = max(sorted(others & different), key=words.count)
            return words.count(best) * share, best
    return 0.0, ""


def _runs(term: Term, words: list[str]) -> int:
    """How often the words of the term follow each other."""
    wanted, size = list(term.words), len(term.words)
    same: Callable[[list[str]], bool] = lambda part: part == wanted  # noqa: E731
    if term.prefix:
        same = lambda part: part[:-1] == wanted[:-1] and len(part) == size and part[-1].startswith(wanted[-1])  # noqa: E731
    return sum(same(words[at : at + size]) for at in range(len(words) - size + 1))


def _covered_by_session(hits: Sequence[Hit], wanted: Sequence[Wanted], whole: float) -> dict[str, float]:
    weights = {want.term.shown: want.weight for want in wanted}
    found: dict[str, set[str]] = {}
    for hit in hits:
        if hit.document.session_id:
            found.setdefault(hit.document.session_id, set()).update(term.shown for term, _ in hit.matched)
    return {session: sum(weights[shown] for shown in terms) / whole for session, terms in found.items()}


def _in_turns(hits: list[Hit], most: int) -> list[Hit]:
    """The best ones, each further one of a session by its share: what waits is weighed again where it comes to the top."""
    best = sorted(hits, key=lambda hit: (-hit.score, -hit.document.ts_us))[: max(most * 20, 200)]
    waiting = [(-hit.score, place, 1.0) for place, hit in enumerate(best)]  # in order, so a heap
    taken: list[Hit] = []
    shares: dict[str, float] = {}
    texts: set[tuple[str | None, str]] = set()
    while waiting and len(taken) < most:
        _, place, weighed = heapq.heappop(waiting)
        hit = best[place]
        doc = hit.document
        share = shares.get(doc.session_id or "", 1.0)
        if share != weighed:
            heapq.heappush(waiting, (-hit.score * share, place, share))
            continue
        said = (doc.session_id, doc.text or doc.path or "")
        if said in texts:  # the same command ten times in a session is one hit
            continue
        texts.add(said)
        if doc.session_id:
            shares[doc.session_id] = share * AGAIN
        taken.append(hit)
    return taken


def why(hit: Hit, *, age: str, own_project: str | None) -> str:
    """Why a hit is where it is, as a person reads it."""
    words = [f"{term.shown} (as {as_word})" if as_word else term.shown for term, as_word in hit.matched]
    parts = [f"has {', '.join(words)}"] if words else ["what the filters ask for"]
    if own_project and hit.document.project == own_project:
        parts.append("this project")
    return "; ".join([*parts, f"{age} ago"])
