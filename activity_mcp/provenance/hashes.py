"""What a finding rests on, as text that anybody can compute again: hashes of a question and of its answer, and ids from both.

    sql_sha256      SHA-256 of the statement without the blanks around it and its last semicolon
    result_sha256   SHA-256 of lines joined by newlines: the column names, then the rows in the order of their text
    query_id        who asked where, the statement and the result: the same question on unchanged data is the same query
    artifact_id     of a result: its query; of what was handed in: who, where, kind and content

A line is compact JSON in UTF-8 with sorted keys. Numbers are rounded to 12 digits in it, and a whole number has no fraction:
an engine that adds in another order, or answers a sum as a decimal, gives the same text. The order of rows is no part of a
result's hash, as a statement without ORDER BY has none.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from ..activity import EVENT_NAMES, derived_id, sha256_hex

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_WORDS = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
_VIEWS = {f"VW_{name.removesuffix('_event').upper()}_EVENTS": name for name in EVENT_NAMES} | {
    "VW_SQL_EVENTS_HISTORY": "sql_event"
}
_OF_ALL_EVENTS = {
    "CLAUDE_STREAM_V2",
    "VW_ACTIVITY_STREAM",
    "VW_PRODUCT_METRICS",
    "CONTEXT_CACHE",
    "CONTEXT_HOURS",
    "CONTEXT_ITEMS",
}


def statement_of(sql: str) -> str:
    """The statement as it is hashed and stored."""
    return sql.strip().rstrip(";").rstrip()


def sql_sha256(sql: str) -> str:
    return sha256_hex(statement_of(sql))


def result_sha256(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    return _digest([canonical(list(columns)), *sorted(canonical(row) for row in rows)])


def content_sha256(content: Any) -> str:
    """Of a text its own SHA-256, of anything else that of its line."""
    return sha256_hex(content) if isinstance(content, str) else _digest([canonical(content)])


def query_id_of(customer: str, project: str | None, sql_hash: str, result_hash: str) -> str:
    return derived_id("mcp_event", "query", "\0".join((customer, project or "", sql_hash, result_hash)))


def artifact_id_of_query(query_id: str) -> str:
    return derived_id("mcp_event", "artifact", query_id)


def artifact_id_of(customer: str, project: str | None, artifact_type: str, content_hash: str) -> str:
    return derived_id("mcp_event", "artifact", "\0".join((customer, project or "", artifact_type, content_hash)))


def insight_id_of(customer: str, project: str | None, subject: str, metric: str, grain: str | None) -> str:
    """One insight per subject, metric and grain of a place: a newer value takes the place of the older one."""
    return derived_id("mcp_event", "insight", "\0".join((customer, project or "", subject, metric, grain or "")))


def source_events_of(sql: str) -> list[str]:
    """The kinds of events a statement is derived from, by the views it names; of one on all events those it names in quotes.

    A name in a comment counts as well: too many sources quarantine an insight too early, too few too late.
    """
    words = {word.upper() for word in _WORDS.findall(sql)}
    found = {name for view, name in _VIEWS.items() if view in words}
    if words & _OF_ALL_EVENTS:
        named = {name for name in EVENT_NAMES if f"'{name}'" in sql}
        found |= named or set(EVENT_NAMES)
    return sorted(found)


def canonical(value: Any) -> str:
    """One line of the text that is hashed."""
    return json.dumps(_settled(value), ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _settled(value: Any) -> Any:
    if isinstance(value, float):
        rounded = float(f"{value:.12g}")
        return int(rounded) if rounded.is_integer() else rounded
    if isinstance(value, (list, tuple)):
        return [_settled(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _settled(item) for key, item in value.items()}
    return value


def _digest(lines: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for index, line in enumerate(lines):
        digest.update((f"\n{line}" if index else line).encode("utf-8", "replace"))
    return digest.hexdigest()
