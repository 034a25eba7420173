"""The context and query results as tables on a terminal. Recorded text is data: shown on one line, never as markup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import Console


_TITLES = {
    "budgets": "Budgets",
    "commands": "Commands that work here",
    "refused": "Refused",
    "recent_sessions": "Recent sessions",
    "recent_errors": "Recent errors",
    "recent_files": "Recent files",
    "insights": "Insights",
    "recent_queries": "Recent queries",
    "tool_usage": "Tools, last 24 h",
    "activity_counts": "Activities, last 24 h",
    "llm_usage": "Language models (compactions not counted)",
}
_NARROWEST = 12  # a column with less room than this shows letters, not values
_HIDDEN = {"recorded_at", "watermark"}
_NOT_IN_TABLES = {"session_id", "activity_id"}


def show_context(answer: dict[str, Any], out: Console) -> None:
    """The answer of get_context: one line about it, then a table for each section that holds anything."""
    out.print(_headline(answer))
    context = answer["context"]
    for name, section in context.items():
        if name in _HIDDEN or not section:
            continue
        rows = _as_rows(section)
        if name == "recent_sessions":
            _show_sessions(rows, out)
        elif rows:
            out.print(Text(_TITLES.get(name, name), style="bold"))
            out.print(_table(rows))
    if not any(context.get(name) for name in _TITLES):
        out.print("Nothing is known yet.")
    if answer["truncated"]:
        out.print(Text(f"left out for size: {', '.join(answer['truncated'])}", style="dim"))


def show_rows(found: Mapping[str, Any], out: Console) -> None:
    """The rows of a query's answer: a table where its columns fit, else one block a row."""
    if len(found["columns"]) * _NARROWEST > out.width:
        for number, row in enumerate(found["rows"], 1):
            _show_block(number, found["columns"], row, out)
    else:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for column in found["columns"]:
            table.add_column(column, overflow="fold")
        for row in found["rows"]:
            table.add_row(*(_cell(value) for value in row))
        out.print(table)
    more = ", and there are more" if found["truncated"] else ""
    out.print(Text(f"{len(found['rows'])} rows{more}, {found['elapsed_ms']:.0f} ms", style="dim"))
    if found["artifact_id"]:
        out.print(Text(f"artifact {found['artifact_id']}, kept until {found['expires_at']}: {found['link']}", style="dim"))


def _show_block(number: int, columns: Sequence[str], row: Sequence[Any], out: Console) -> None:
    out.print(Text(f"row {number}", style="bold"))
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for column, value in zip(columns, row, strict=True):
        if value is not None:
            table.add_row(column, _cell(value))
    out.print(table)


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


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    found = list(dict.fromkeys(name for row in rows for name, value in row.items() if value not in (None, [], "")))
    columns = [name for name in found if name not in _NOT_IN_TABLES and not (name == "ts" and "age" in found)]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        numeric = all(isinstance(row.get(name), (int, float, type(None))) for row in rows)
        table.add_column(name.replace("_", " "), justify="right" if numeric else "left", overflow="fold", max_width=72)
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in columns))
    return table


def _show_sessions(sessions: list[dict[str, Any]], out: Console) -> None:
    """A session holds sentences: shown one below the other, not squeezed into columns."""
    out.print(Text("Recent sessions", style="bold"))
    for session in sessions:
        head = [str(session.get("session_id", ""))[:8], session.get("project"), session.get("git_branch"), _ago(session)]
        out.print(Text("  " + "  ".join(_line(part) for part in head if part), style="cyan"))
        for name in ("asked", "concluded", "stopped", "open", "background", "files", "failed_commands", "why"):
            value = session.get(name)
            for number, item in enumerate(value if isinstance(value, list) else [value] if value else []):
                label = name.replace("_", " ") if number == 0 else ""
                table = Table(box=None, show_header=False, padding=(0, 1, 0, 4), pad_edge=True)
                table.add_column(width=16, style="dim")
                table.add_column(overflow="fold")
                table.add_row(label, _cell(item))
                out.print(table)
    out.print()


def _ago(session: dict[str, Any]) -> str:
    return f"{session['age']} ago" if session.get("age") else str(session.get("ended") or session.get("started") or "")


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
