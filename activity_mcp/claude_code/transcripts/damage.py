"""What can be had from a line that is no JSON object: one bad byte costs one byte, and a torn record costs itself.

Seen in transcripts: two records on one line (the newline between them was lost), runs of NUL behind a record or within it
(a crash), the beginning of a record with a whole one behind it (a torn write), bytes of a tool's output that are not UTF-8,
and control characters as they are, a line break in the middle of a text among them.

Only what is whole is taken, each record once. Of a record that is torn, ``lost`` keeps the text: it may name the call that it
was the result of.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from ...plain_json import MAX_NESTING, bounded, is_nested_deeper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MAX_ATTEMPTS = 1000
"""How many beginnings of a record are tried on one line."""
_PADDING = "\0 \t\r\n,"
_DECODER = json.JSONDecoder(strict=False)  # control characters in a text are no reason to refuse it
_CONTROLS = {code: None for code in range(32) if code not in (9, 10, 13)}


class Found(NamedTuple):
    """The records of a line. ``is_mended``: something was repaired or passed over to get them; ``lost`` is what was passed
    over, empty when it was only padding.
    """

    records: list[dict[str, Any]]
    is_mended: bool = False
    lost: str = ""


def records_of(line: bytes, loads: Callable[[bytes], Any]) -> Found:
    """The whole records of a line, and the text of what is torn."""
    for attempt in (loads, json.loads):  # JavaScript writes half a character as a lone surrogate, which a strict parser refuses
        try:
            found = bounded(attempt, line)
        except ValueError:
            continue
        return Found([found]) if isinstance(found, dict) else _listed(found, line)
    best = Found([])
    for text in _readings(line):
        found = _scan(text)
        if len(found.records) > len(best.records) or not (best.records or best.lost):
            best = found
        if not found.lost:
            break
    return best


def _listed(found: Any, line: bytes) -> Found:
    """The records of a line that is one JSON list of them, as some programs export a transcript."""
    members = found if isinstance(found, list) else []
    records = [member for member in members if isinstance(member, dict) and _is_record(member)]
    is_whole = bool(records) and len(records) == len(members)
    return Found(records, is_mended=True, lost="" if is_whole else line.decode("utf-8", "replace"))


def _readings(line: bytes) -> Iterator[str]:
    """The line as text: bad bytes replaced, as in a hook; else they and control characters left out, if they broke the JSON."""
    text = line.decode("utf-8", "replace").strip(_PADDING)
    yield text
    bare = line.decode("utf-8", "ignore").translate(_CONTROLS)
    if bare != text:
        yield bare


def _scan(text: str) -> Found:
    records: list[dict[str, Any]] = []
    lost: list[str] = []
    at = torn = attempts = 0
    while 0 <= at < len(text) and attempts < _MAX_ATTEMPTS:
        attempts += 1
        found, end = _decoded(text, at)
        if isinstance(found, dict) and (torn == at or _is_record(found)):
            records.append(found)
            lost.append(text[torn:at])
            torn = end = _after_padding(text, end)
        at = text.find('{"', max(end, at + (end == at)))
    lost.append(text[torn:])
    return Found(records, is_mended=True, lost="".join(piece for piece in lost if piece.strip(_PADDING)))


def _decoded(text: str, at: int) -> tuple[Any, int]:
    """The value that begins at ``at``, and where it ends; None, and ``at``, where none can be read."""
    try:
        found, end = _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return None, at
    return (None, at) if is_nested_deeper(found, MAX_NESTING) else (found, end)


def _after_padding(text: str, at: int) -> int:
    while at < len(text) and text[at] in _PADDING:
        at += 1
    return at


def _is_record(found: dict[str, Any]) -> bool:
    """Whether an object behind a torn one is a line of its own, not a part of the torn one."""
    return isinstance(found.get("type"), str) and isinstance(found.get("sessionId"), str)
