"""The context and query results as tables on a terminal. Recorded text is data: shown on one line, never as markup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from ..warehouse import QueryResult

_TITLES = {
    "recent_sessions": "Recent sessions",
    "recent_errors": "Recent errors",
    "recent_files": "Recent files",
    "insights": "Insights",
    "recent_queries": "Recent queries",
    "tool_usage": "Tools, last 24 h",
    "activity_counts": "Activities, last 24 h",
    "llm_usage": "Language models",
}
_HIDDEN = {"recorded_at", "watermark"}


def show_context(answer: dict[str, Any], out: Console) -> None:
    """The answer of get_context: one line about it, then a table for each section that holds anything."""
    out.print(_headline(answer))
    context = answer["context"]
    for name, section in context.items():
        if name in _HIDDEN or not section:
            continue
        rows = _as_rows(section)
        if rows:
            out.print(_table(_TITLES.get(name, name), rows))
    if not any(context.get(name) for name in _TITLES):
        out.print("Nothing is known yet.")
    if answer["truncated"]:
        out.print(Text(f"left out for size: {', '.join(answer['truncated'])}", style="dim"))


def show_rows(result: QueryResult, out: Console) -> None:
    """The rows of a query."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in result.columns:
        table.add_column(column, overflow="fold")
    for row in result.rows:
        table.add_row(*(_cell(value) for value in row))
    out.print(table)
    more = ", and there are more" if result.truncated else ""
    out.print(Text(f"{len(result.rows)} rows{more}, {result.elapsed_ms:.0f} ms", style="dim"))


def _headline(answer: dict[str, Any]) -> Text:
    age = f", verified {answer['age_ms'] / 1000:.1f} s ago" if answer.get("age_ms") is not None else ""
    line = Text.assemble(
        ("Context of ", "bold"), (str(answer["customer"]), "bold"), f", project {answer['project']}: ",
        (str(answer["freshness"]), "green" if answer["freshness"] == "fresh" else "yellow"), f"{age}, from {answer['source']}",
    )  # fmt: skip
    if answer["pending_local"]:
        line.append(f", {answer['pending_local']} local events not shown yet")
    if answer.get("reason"):
        line.append(f" ({answer['reason']})", style="dim")
    return line


def _as_rows(section: Any) -> list[dict[str, Any]]:
    """A section as rows: a list of objects is that; an object of objects gets its keys as a first column."""
    if isinstance(section, list):
        return [row if isinstance(row, dict) else {"value": row} for row in section]
    if isinstance(section, dict) and all(isinstance(value, dict) for value in section.values()):
        return [{"name": name, **value} for name, value in section.items()]
    return [{"name": name, "value": value} for name, value in section.items()] if isinstance(section, dict) else []


def _table(title: str, rows: Sequence[dict[str, Any]]) -> Table:
    columns = list(dict.fromkeys(name for row in rows for name, value in row.items() if value not in (None, [], "")))
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        numeric = all(isinstance(row.get(name), (int, float, type(None))) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold", max_width=48)
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in columns))
    return table


def _cell(value: Any) -> Text:
    if value is None:
        return Text("")
    if isinstance(value, float):
        return Text(f"{value:g}" if abs(value) < 1e6 else f"{value:,.0f}")
    if isinstance(value, list):
        return Text("\n".join(_line(item) for item in value))
    if isinstance(value, dict):
        return Text(", ".join(f"{key} {_line(item)}" for key, item in _pairs(value)))
    return Text(_line(value))


def _pairs(value: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    return ((key, item) for key, item in value.items() if item is not None)


def _line(value: Any) -> str:
    """One line, control characters gone, long texts cut."""
    text = "".join(character if character.isprintable() else " " for character in str(value))
    return text if len(text) <= 300 else f"{text[:299]}…"
