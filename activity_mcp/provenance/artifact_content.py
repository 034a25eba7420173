"""What goes into an artifact: rows or a content as columns, lines, sample and schema. Pure, and the same for every source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

SAMPLE_ROWS = 10
SAMPLE_BYTES = 48 << 10


def schema_of(rows: Iterable[Any], columns: list[str] | None = None) -> list[dict[str, str]]:
    """Name and JSON types of each column, found in the rows: of lists by ``columns``, of objects by their own members."""
    types: dict[str, set[str]] = {name: set() for name in columns or []}
    for row in rows:
        members = row.items() if isinstance(row, dict) else zip(columns or ["value"], row if columns else [row], strict=False)
        for name, value in members:
            types.setdefault(str(name), set()).add(_type_of(value))
    return [{"name": name, "type": " ".join(sorted(found)) or "unknown"} for name, found in types.items()]


def _type_of(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", tuple: "array", dict: "object"}
    return names.get(type(value), "unknown")


def lines_of(columns: list[str], rows: Iterable[Any]) -> Iterator[bytes]:
    """Rows as the file holds them, in pieces."""
    yield orjson.dumps(columns, option=orjson.OPT_APPEND_NEWLINE)
    for row in rows:
        yield orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def within(rows: Sequence[Any], most_bytes: int) -> list[Any]:
    kept, size = [], 0
    for row in rows:
        size += len(orjson.dumps(row)) + 1
        if size > most_bytes:
            break
        kept.append(row)
    return kept


def sample_of(rows: Sequence[Sequence[Any]], columns: list[str]) -> list[Any]:
    """The first rows as objects where the names of the columns allow it, as far as an event holds them."""
    first = rows[:SAMPLE_ROWS]
    named = [dict(zip(columns, row, strict=True)) for row in first] if len(set(columns)) == len(columns) else list(first)
    return within(named, SAMPLE_BYTES)


def rows_as_lists(rows: Sequence[Any]) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows of what was handed in: objects by their members, lists by position, anything else as one value."""
    if all(isinstance(row, dict) for row in rows):
        columns = list(dict.fromkeys(str(name) for row in rows for name in row))
        return columns, [[row.get(name) for name in columns] for row in rows]
    if all(isinstance(row, list) for row in rows):
        width = max((len(row) for row in rows), default=0)
        return [f"column_{number}" for number in range(1, width + 1)], [row + [None] * (width - len(row)) for row in rows]
    return ["value"], [[row] for row in rows]


def content_as_file(content: Any) -> tuple[str, list[bytes]]:
    """The suffix of a content's file, and its bytes."""
    if isinstance(content, str):
        return "txt", [content.encode("utf-8", "replace")]
    return "json", [orjson.dumps(content)]
