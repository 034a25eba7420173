"""The sums of usage as a table on a terminal: what it cost, how much of that is an estimate, and what is in no sum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ..usage.sums import BY_TIME

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from ..claude_code.setup.reporting import Reports
    from ..usage.reconcile import Reconciled
    from ..usage.sums import Sum, Usage

_HEADS = {
    "daily": "Day", "weekly": "Week of", "monthly": "Month", "session": "Session", "project": "Project", "branch": "Branch",
    "model": "Model", "agent": "Asked by", "skill": "Skill", "mcp": "MCP server",
}  # fmt: skip
_MAX_NAMES = 3
_MAX_NAMES_WIDTH = 22
_NARROW_NAMES_WIDTH = 18
"""How wide the names of models are, at most; and where the terminal is narrow."""
_ANY_WIDTH = 1000
_SPARED = ("Models", "Last", "Cached", "estimated")
"""What a narrow terminal does without."""
_WHAT_REPORTS: dict[Reports, str] = {
    "here": "Claude Code reports every request here now; what it reported while no server ran it sent again, or dropped.",
    "elsewhere": "Claude Code's exporter reports elsewhere (`activity-mcp doctor` says where).",
    "nowhere": "`activity-mcp install --otel` has Claude Code report every request.",
}


def show_usage(found: Usage, out: Console, reports: Reports) -> None:
    """The table, with its total; below it, what a reader must know of the numbers. ``reports``: where Claude Code does now."""
    if not found.rows:
        out.print("No request to a model is recorded here yet. `activity-mcp import` reads what Claude Code has kept.")
        return
    out.print(_fitting(found, out))
    for note in _notes(found, reports):
        out.print(Text(note, style="dim"))


def _fitting(found: Usage, out: Console) -> Table:
    """The widest of three tables of which nothing is cut: tokens by class, their sum, and no more than what it cost."""
    room = out.options.update(max_width=_ANY_WIDTH)
    wide, plain = _table(found, "wide"), _table(found, "plain")
    if Measurement.get(out, room, wide).maximum <= out.width:
        return wide
    return plain if Measurement.get(out, room, plain).minimum <= out.width else _table(found, "short")


def _table(found: Usage, form: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_footer=True, footer_style="bold")
    columns = [column for column in _columns(found, by_class=form == "wide") if form != "short" or column[0] not in _SPARED]
    for head, value, style in columns:
        is_text = style == "text"
        table.add_column(
            head,
            footer=Text("Total") if head == columns[0][0] else Text("") if is_text else value(found.total),
            justify="left" if is_text else "right",
            overflow="ellipsis",
            no_wrap=not is_text,
            max_width=(_MAX_NAMES_WIDTH if form == "wide" else _NARROW_NAMES_WIDTH) if head == "Models" else None,
        )
    for one in found.rows:
        table.add_row(*(value(one) for _, value, _ in columns))
    return table


_Column = tuple[str, "Callable[[Sum], Text]", str]


def _columns(found: Usage, *, by_class: bool) -> list[_Column]:
    columns: list[_Column] = [(_HEADS[found.by], lambda one: Text(_key(found.by, one)), "text")]
    if found.by == "session":
        columns += [("Last", lambda one: Text((one.last_ts or "")[:16].replace("T", " ")), "text")]
        columns += [("Project", lambda one: Text(_folder(one.project)), "text")] if by_class else []
    elif found.by != "model":
        columns += [("Models", lambda one: Text(_names(one.models)), "text")]
    columns += [("Requests", lambda one: Text(f"{one.requests:,}"), "number")]
    if by_class:
        columns += [
            ("Input", lambda one: _tokens(one.prompt_tokens), "number"),
            ("Output", lambda one: _tokens(one.completion_tokens), "number"),
            ("Cache write", lambda one: _tokens(one.cache_creation_tokens), "number"),
            ("Cache read", lambda one: _tokens(one.cache_read_tokens), "number"),
        ]
    else:
        columns += [("Tokens", lambda one: _tokens(one.total_tokens), "number")]
    columns += [("Cached", lambda one: _share(one.cache_hit_share), "number"), (_cost_head(found.total), _cost, "number")]
    if found.total.cost_estimated_usd and not _is_all_estimated(found.total):
        columns += [("estimated", _estimated, "number")]
    return columns


def _cost_head(total: Sum) -> str:
    return "Cost (est.)" if _is_all_estimated(total) else "Cost"


def _is_all_estimated(total: Sum) -> bool:
    return total.cost_estimated_usd > 0 and round(total.cost_usd - total.cost_estimated_usd, 9) <= 0


def _key(by: str, one: Sum) -> str:
    if by == "session":
        return one.key[:8]
    if by == "project":
        return _folder(one.key)
    return _short(one.key) if by == "model" else one.key


def _folder(path: str | None) -> str:
    """The last two parts of a project's folder: what a person calls it."""
    return "/".join((path or "").rstrip("/").split("/")[-2:]) or "-"


def _names(models: list[str]) -> str:
    shown = [_short(model) for model in models[:_MAX_NAMES]]
    more = len(models) - len(shown)
    return ", ".join(shown) + (f" +{more}" if more else "")


def _short(model: str) -> str:
    name = model.removeprefix("claude-")
    head, _, date = name.rpartition("-")
    return head if head and len(date) == 8 and date.isdigit() else name


def _tokens(count: int) -> Text:
    for bound, unit in ((10**9, "B"), (10**6, "M"), (10**4, "k")):
        if count >= bound:
            return Text(f"{count / (1000 if unit == 'k' else bound):,.1f}{unit}")
    return Text(f"{count:,}")


def _share(share: float | None) -> Text:
    return Text("-" if share is None else f"{share:.0%}")


def _cost(one: Sum) -> Text:
    if not one.has_cost:
        return Text("no price", style="yellow")
    return Text(f"{dollars(one.cost_usd)}{'+' if one.requests_without_cost else ''}")


def _estimated(one: Sum) -> Text:
    return Text(dollars(one.cost_estimated_usd) if one.cost_estimated_usd else "-", style="dim")


def dollars(amount: float) -> str:
    """Cents, and below a dollar as many digits as matter."""
    if 0 < amount < 0.0001:
        return "<$0.0001"
    if 0 < amount < 0.1:
        return f"${amount:.4f}"
    return f"${amount:,.2f}"


def _notes(found: Usage, reports: Reports) -> list[str]:
    total, notes = found.total, []
    if total.has_cost and total.cost_estimated_usd:
        part = "all of it" if _is_all_estimated(total) else f"of which {dollars(total.cost_estimated_usd)}"
        notes.append(f"{dollars(total.cost_usd)}, {part} estimated from a list of prices.")
    if found.unpriced_models:
        named = ", ".join(f"{_short(model)} ({count:,})" for model, count in sorted(found.unpriced_models.items()))
        notes.append(f"Requests without a price, in no sum of dollars: {named}.")
    if total.requests_auxiliary:
        notes.append(
            f"Claude Code asked for {total.requests_auxiliary:,} requests itself (compactions, titles …): "
            f"{dollars(total.cost_auxiliary_usd)} of the sum."
        )
    if total.requests_measured < total.requests:
        unmeasured = f"{total.requests - total.requests_measured:,} of {total.requests:,} requests"
        notes.append(
            f"What a compaction costs is in no transcript, from which {unmeasured} are known. {_WHAT_REPORTS[reports]}"
        )
    if found.by == "session":
        notes.append("A session's sum includes its subagents.")
    if found.by in BY_TIME:
        notes.append("Days are those of UTC.")
    return notes


def show_reconciled(sessions: list[Reconciled], out: Console, reports: Reports) -> None:
    """Each session's sums side by side, then what each difference comes from. ``reports``: where Claude Code does now."""
    if not sessions:
        out.print("No session with a request or a sum is recorded here yet.")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in ("Session", "Exported", "Transcript (est.)", "Counted", "Claude Code's sum", "Difference", "Why"):
        is_text = head in ("Session", "Why")
        table.add_column(head, justify="left" if is_text else "right", no_wrap=head != "Why")
    for each in sessions:
        amounts = (each.exported_usd, each.transcript_usd, each.counted_usd, each.client_usd)
        style = {True: "green", False: "yellow", None: "dim"}[each.agrees]
        table.add_row(
            each.session_id[:8],
            *(Text("-" if amount is None else dollars(amount)) for amount in amounts),
            Text(_signed(each.difference_usd), style=style),
            Text(each.reason(), style=style),
        )
    out.print(table)
    agreeing = sum(each.agrees is True for each in sessions)
    compared = sum(each.agrees is not None for each in sessions)
    out.print(Text(f"{agreeing} of {compared} sessions with a sum of Claude Code's own agree to the cent.", style="dim"))
    if any(not each.exported_requests for each in sessions):
        out.print(Text(f"Of some sessions nothing was exported. {_WHAT_REPORTS[reports]}", style="dim"))


def _signed(amount: float | None) -> str:
    if amount is None:
        return "-"
    return f"{'-' if amount < 0 else '+' if amount > 0 else ''}{dollars(abs(amount))}"
