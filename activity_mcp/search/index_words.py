"""What of a document goes into the FTS5 table: its text and its path as words, and facets.

Facets are words that no text has, for kind, project, tool and failure: a filter is one more word of the match.
"""

from __future__ import annotations

import functools
import hashlib
import re
from typing import TYPE_CHECKING, Any

from ..language.words import MAX_WORD, ascii_words, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_TOO_LONG = re.compile(f"[A-Za-z0-9]{{{MAX_WORD + 1}}}")


def as_words(text: str | None) -> str:
    """The words of a text, with whatever FTS5 passes over between them.

    Of ASCII, FTS5's own tokenizer makes the same words as ``words_of``: but for one that is too long it need not be done twice.
    """
    if not text:
        return ""
    if text.isascii() and (len(text) <= MAX_WORD or not _TOO_LONG.search(text)):
        return text
    return " ".join(words_of(text))


def entries_of(rows: Iterable[Sequence[Any]]) -> list[tuple[int, str, str, str]]:
    """The FTS5 rows of rows of ``docs``: id, text, path, facets."""
    return [
        (doc_id, as_words(text), as_words(path), _facets(kind, project, tool, failed))
        for doc_id, _, _, _, kind, project, _, tool, failed, path, text in rows
    ]


def words_in(entries: Iterable[tuple[int, str, str, str]]) -> set[str]:
    """The different words of texts and paths."""
    words = set[str]()
    for _, text, path, _ in entries:  # one by one: of all at once, one call would keep every other thread waiting
        both = f"{text} {path}"
        words.update(ascii_words(both) if both.isascii() else both.split())
    return words


@functools.lru_cache(1024)
def _facets(kind: str, project: str | None, tool: str | None, failed: int) -> str:
    facets = [kind_facet(kind), failed_facet(bool(failed))]
    facets += [project_facet(project)] if project else []
    facets += tool_facets(tool) if tool else ()
    return " ".join(facets)


def kind_facet(kind: str) -> str:
    return f"zzkind{kind}"


def failed_facet(failed: bool) -> str:
    return f"zzfailed{int(failed)}"


@functools.lru_cache(256)
def project_facet(project: str) -> str:
    return f"zzproject{hashlib.blake2b(project.encode('utf-8', 'replace'), digest_size=8).hexdigest()}"


@functools.lru_cache(256)
def tool_facets(tool: str) -> tuple[str, ...]:
    return tuple(f"zztool{word}" for word in words_of(tool))
