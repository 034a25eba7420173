"""A table: as the page shows it, ordered and paged by the URL, and as CSV, whole."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .filters import ROWS_PER_PAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .filters import Filters

    Row = dict[str, Any]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Column:
    """``kind`` says how a value is shown (a filter of ``formats``: text, code, number, money, tokens, duration, ms, bytes,
    percent, figure, time, outcome; any: the row's own ``kind``); ``link(row)`` where it leads."""

    key: str
    title: str
    kind: str = "text"
    link: Callable[[Row], str | None] | None = None
    hint: str = ""
    is_minor: bool = False
    """Left out on a narrow screen."""
    is_wide: bool = False
    """Shown on a wide screen alone."""

    @property
    def classes(self) -> str:
        """For its cells: how they are set, and on which screens they are shown."""
        return " ".join(
            name for name, holds in (("number", self.is_number), ("minor", self.is_minor), ("wide", self.is_wide)) if holds
        )

    @property
    def is_number(self) -> bool:
        return self.kind in {"number", "money", "tokens", "duration", "ms", "bytes", "percent", "figure"}


@dataclass(frozen=True, slots=True)
class Table:
    """``name`` is what its CSV is asked for by. ``empty`` says what to do where there is no row. ``order`` is a column's key,
    with ``-`` in front for descending; None: as given. ``rows`` may be those of a page alone (``total``: of how many)."""

    name: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    empty: str = "Nothing is recorded of this yet."
    order: str | None = None
    per_page: int = ROWS_PER_PAGE
    foot: Row | None = None
    keys: frozenset[str] = field(default=frozenset(), init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", frozenset(column.key for column in self.columns))

    @property
    def sort_name(self) -> str:
        """The name of its order in the URL."""
        return f"{self.name}.sort"

    @property
    def page_name(self) -> str:
        return f"{self.name}.page"

    def chosen_order(self, filters: Filters) -> str | None:
        given = filters.get(self.sort_name)
        return given if given and given.removeprefix("-") in self.keys else self.order

    def ordered(self, filters: Filters) -> list[Row]:
        """All rows in the order that the URL asks for; what has no value comes last either way."""
        order = self.chosen_order(filters)
        if order is None:
            return list(self.rows)
        key = order.removeprefix("-")
        known = [row for row in self.rows if row.get(key) is not None]
        known.sort(key=lambda row: _comparable(row[key]), reverse=order.startswith("-"))
        return known + [row for row in self.rows if row.get(key) is None]

    def shown(self, filters: Filters) -> Shown:
        rows = self.ordered(filters)
        pages = max(1, -(-len(rows) // self.per_page))
        page = min(filters.page(self.page_name), pages)
        start = (page - 1) * self.per_page
        return Shown(rows[start : start + self.per_page], start, len(rows), page, pages)

    def sort_link(self, column: Column, filters: Filters) -> str:
        """Where the head of a column leads: the other direction of it, the largest first for numbers."""
        now = self.chosen_order(filters)
        first, second = (
            (f"-{column.key}", column.key) if column.is_number or column.kind == "time" else (column.key, f"-{column.key}")
        )
        return filters.link(None, **{self.sort_name: second if now == first else first, self.page_name: None})

    def direction(self, column: Column, filters: Filters) -> str | None:
        """``ascending`` or ``descending`` of the column that orders the rows, else None."""
        order = self.chosen_order(filters)
        if order is None or order.removeprefix("-") != column.key:
            return None
        return "descending" if order.startswith("-") else "ascending"

    def csv(self, filters: Filters) -> Iterator[str]:
        """All rows, the values as they are, in the order of the page."""
        yield _line([column.key for column in self.columns])
        yield from (_line([_cell(row.get(column.key)) for column in self.columns]) for row in self.ordered(filters))


@dataclass(frozen=True, slots=True)
class Shown:
    """The rows of one page: from which on, and of how many."""

    rows: list[Row]
    start: int
    total: int
    page: int
    pages: int


def _comparable(value: Any) -> tuple[int, Any]:
    """Values of one column may be of several types: numbers before texts."""
    return (0, float(value)) if isinstance(value, (int, float)) else (1, str(value).casefold())


def _line(values: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue()


def _cell(value: Any) -> str:
    """A value as a spreadsheet may open it: a text that it would take for a formula begins with an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value))
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
