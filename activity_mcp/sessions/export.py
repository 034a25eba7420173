"""A session, or the record, in a form of its own: for a person (Markdown, HTML) or for a program (CSV, NDJSON, Parquet).

Everything is as it was recorded, redacted where that was. A program's forms have one row per activity, the oldest first, with
the members of ``rows.MEMBERS``; ``feature_json`` is an object in NDJSON and its JSON text in the two others. Rows are read a
page at a time, bounded in rows and in bytes, so that a large record needs no large memory; Parquet is written by DuckDB, out of
a temporary file beside it.
"""

from __future__ import annotations

import csv
import io
import os
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import orjson

from ..fs import LOCAL
from . import rows
from .html import html_of
from .markdown import markdown_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ..warehouse.base import QueryEngine
    from .shapes import Event, Story

FORMATS = ("md", "html", "csv", "json", "parquet")
PAGE, PAGE_BYTES = 20_000, 16 << 20
_TABLE_PIECE = 1 << 16
_TYPES = {name: "TIMESTAMP" if name == "ts" else "VARCHAR" for name in rows.MEMBERS}


def pages(engine: QueryEngine, where: list[str], on_progress: Callable[[int, int], None]) -> Iterator[Event]:
    """The events for which every condition holds, page by page. Raises a WarehouseError.

    Each statement asks for a span of whole hours, so that the engine reads that part of the record and not all of it again.
    """
    hours = rows.by_hour(engine, where)
    total, done = sum(events for _, events in hours), 0
    for span in _spans(hours):
        last: tuple[str, str] | None = None
        is_more = True
        while is_more:
            page, is_more = rows.page(engine, [*where, *span, *_behind(last)], limit=PAGE, max_bytes=PAGE_BYTES)
            yield from page
            done += len(page)
            on_progress(done, total)
            if not page:
                break
            last = (page[-1]["ts"][:-1], page[-1]["activity_id"])


def _spans(hours: list[tuple[str, int]]) -> Iterator[list[str]]:
    """Conditions for spans of hours, the oldest first, each of about a page; the last one has no end."""
    begins, held = [], PAGE
    for began, events in hours:
        if held + events > PAGE:
            begins.append(f"'{began[:-1]}'::TIMESTAMP_NTZ")
            held = 0
        held += events
    for low, high in zip_longest(begins, begins[1:]):
        yield [f"ts >= {low}", *([f"ts < {high}"] if high else [])]


def _behind(last: tuple[str, str] | None) -> list[str]:
    """The condition that an event comes after the last one of a page."""
    if last is None:
        return []
    ts, activity_id = f"'{last[0]}'::TIMESTAMP_NTZ", rows.quoted(last[1])
    return [f"(ts > {ts} OR (ts = {ts} AND activity_id > {activity_id}))"]


def texts(form: str, stories: Iterable[Story], events: Iterable[Event], title: str) -> Iterator[str]:
    """The export as text, piece by piece; not for Parquet."""
    if form == "md":
        for number, story in enumerate(stories):
            yield ("\n---\n\n" if number else "") + markdown_of(story)
    elif form == "html":
        yield from html_of(stories, title)
    elif form == "json":
        yield from (orjson.dumps(_as_object(event), option=orjson.OPT_APPEND_NEWLINE).decode() for event in events)
    else:
        yield from _table(events)


def _as_object(event: Event) -> dict[str, Any]:
    return {**event, "feature_json": orjson.Fragment(event["feature_json"])}


def _table(events: Iterable[Event]) -> Iterator[str]:
    """CSV with a first line of names, a few hundred rows at a time."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(rows.MEMBERS)
    for event in events:
        table.writerow([_cell(event.get(name)) for name in rows.MEMBERS])
        if text.tell() > _TABLE_PIECE:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def write_parquet(path: str, events: Iterable[Event]) -> int:
    """Write the events to ``path``; how many. What was written of a failure is removed."""
    import duckdb

    between, count = f"{path}.{os.getpid()}.tmp", 0
    try:
        with open(between, "wb") as file:
            for event in events:
                file.write(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE))
                count += 1
        columns = ", ".join(f"{name}: '{kind}'" for name, kind in _TYPES.items())
        with duckdb.connect(":memory:", config={"threads": 1}) as connection:
            connection.execute("SET enable_progress_bar = false")
            source = f"read_json({rows.sql_text(between)}, format = 'newline_delimited', columns = {{{columns}}})"
            copy = f"COPY (SELECT * FROM {source}) TO {rows.sql_text(path)} (FORMAT parquet, COMPRESSION zstd)"  # noqa: S608
            connection.execute(copy)
    finally:
        LOCAL.unlink(between)
    return count


def _cell(value: Any) -> str:
    """A value as a spreadsheet may open it: what it would take for a formula begins with an apostrophe."""
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in "=+-@\t\r" and text else text
