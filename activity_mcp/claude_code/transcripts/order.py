"""The order in which the lines of a transcript are taken: as written, unless the file was put out of order.

Claude Code appends, so a file's order is the conversation's, even where a clock was set back: a line names the one it follows
(``parentUuid``). Only where times run backwards and the line does not follow an earlier one was the file put
together from pieces (merged, restored, written by two processes); then its lines are taken in the order of their times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...clock import parse_iso
from .key_set import KeySet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .lines import Piece


def is_in_order(pieces: Iterable[Piece]) -> bool:
    """Whether times run forwards, or every line where they do not follows an earlier line."""
    known = KeySet()
    missing: set[int] = set()
    now_us = 0
    for piece in pieces:
        line = piece.content if isinstance(piece.content, dict) else {}
        parents, time_us = _parents(line), _time_of(line)
        unknown = [parent for parent in parents if parent not in known] if parents else parents
        if time_us is not None:
            if time_us < now_us and len(unknown) == len(parents):
                return False
            now_us = time_us
        if unknown:
            missing.update(unknown)
        if isinstance(uuid := line.get("uuid"), str):
            key = hash(uuid)
            if missing and key in missing:
                return False
            known.add(key)
    return True


def by_time(pieces: Iterable[Piece]) -> list[Piece]:
    """The pieces by their times, without their contents; one without a time of its own has that of the one before it."""
    found: list[tuple[int, Piece]] = []
    now_us = 0
    for piece in pieces:
        time_us = _time_of(piece.content) if isinstance(piece.content, dict) else None
        now_us = now_us if time_us is None else time_us
        found.append((now_us, piece._replace(content="")))
    return [piece for _, piece in sorted(found, key=lambda entry: entry[0])]


def _parents(line: dict[str, Any]) -> list[int]:
    parent, logical = line.get("parentUuid"), line.get("logicalParentUuid")
    if parent is None and logical is None:
        return []
    return [hash(name) for name in (parent, logical) if isinstance(name, str)]


def _time_of(line: dict[str, Any]) -> int | None:
    text = line.get("timestamp")
    try:
        return parse_iso(text) if isinstance(text, str) else None
    except ValueError:
        return None
