"""``activity-mcp sessions`` and ``session ID``: the list, and one session's story in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..errors import InvalidInput
from ..service import ActivityService
from ..sessions.markdown import counted
from ..sessions.shapes import COUNTS, ENDS
from .context_and_query import settle
from .output import console, folder, print_json, remark

if TYPE_CHECKING:
    from rich.console import Console

    from ..sessions.shapes import SessionSummary, Step, Story

_TABLE_WIDTH = 110
_OUTCOMES = {"ok": ("✓", "green"), "failed": ("✗", "red"), "denied": ("⊘", "yellow"), "interrupted": ("…", "yellow")}


@click.command("sessions")
@click.option("--project", help="Only this project's directory; default: all.")
@click.option("--since", help="Not before: 2026-11-01, or how long ago: 24h, 7d.")
@click.option("--limit", default=30, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--json", "as_json", is_flag=True, help="Print {sessions: […]} as JSON.")
def sessions_command(project: str | None, since: str | None, limit: int, as_json: bool) -> None:
    """The newest sessions: when, where, what was asked, how long, calls, errors, cost."""
    service = ActivityService.from_environ(source="cli")
    try:
        settle(service)
        found = service.finding.sessions.list(project=folder(project) if project else None, since=since, limit=limit)
    finally:
        service.close()
    if as_json:
        print_json({"sessions": found})
    else:
        show_sessions(found, console())


@click.command("session")
@click.argument("session_id")
@click.option("--max-bytes", type=click.IntRange(min=2048), help="At most so many bytes of JSON; default: all of it.")
@click.option("--json", "as_json", is_flag=True, help="Print the story as JSON.")
def session_command(session_id: str, max_bytes: int | None, as_json: bool) -> None:
    """One session's story. SESSION_ID may be its beginning, as far as it names one session."""
    service = ActivityService.from_environ(source="cli")
    try:
        settle(service)
        story = service.finding.sessions.story(session_id, max_bytes=max_bytes)
    finally:
        service.close()
    if story is None:
        raise InvalidInput(f"no session {session_id!r} is recorded", hint="`activity-mcp sessions` lists them")
    for note in story["notes"]:
        remark(f"note: {note}")
    if as_json:
        print_json(story)
    else:
        show_story(story, console())


def show_sessions(found: list[SessionSummary], out: Console) -> None:
    """A table; where a line has no room for one, two lines a session."""
    if found and out.width < _TABLE_WIDTH:
        _show_blocks(found, out)
    else:
        _show_table(found, out)


def _show_blocks(found: list[SessionSummary], out: Console) -> None:
    from rich.padding import Padding
    from rich.text import Text

    for session in found:
        started, name, place, what = _row(session)
        done = [span(session["duration_s"]), counted(session["calls"], "calls"), money(session["cost_usd"])]
        line = Text.assemble(
            (f"{started}  ", "dim"), (f"{name}  ", "cyan"), (place, "bold"), "  ", ", ".join(filter(None, done))
        )
        if session["errors"]:
            line.append(f", {counted(session['errors'], 'errors')}", "red")
        out.print(line, no_wrap=True, overflow="ellipsis")
        if what:
            out.print(Padding(Text(_cut(what, 2 * (out.width - 4))), (0, 0, 0, 4)))


def _row(session: SessionSummary) -> tuple[str, str, str, str]:
    """When it began, the beginning of its id, where, and what it is about."""
    place = str(session["project"] or "").rstrip("/").rpartition("/")[2]
    what = " ".join(str(session["title"] or session["asked"] or "").split())
    return session["started"][:16].replace("T", " "), session["session_id"][:8], place, what


def _show_table(found: list[SessionSummary], out: Console) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title, justify in (("started", "left"), ("session", "left"), ("project", "left"), ("asked first", "left")):
        table.add_column(title, justify=justify, no_wrap=title != "asked first", max_width=60 if title == "asked first" else 18)  # type: ignore[arg-type]
    for title in ("for", "calls", "errors", "cost"):
        table.add_column(title, justify="right", no_wrap=True)
    for session in found:
        started, name, place, what = _row(session)
        errors = Text(str(session["errors"] or ""), style="red")
        table.add_row(
            started, name, Text(place), Text(_cut(what, 110)),
            span(session["duration_s"]), str(session["calls"]), errors, money(session["cost_usd"]),
        )  # fmt: skip
    out.print(table if found else "No session is recorded.")


def show_story(story: Story, out: Console) -> None:
    from rich.padding import Padding
    from rich.text import Text

    head = f"{story['title'] or 'Session'} {story['session_id']}"
    out.print(Text(head, style="bold"))
    out.print(Text(headline(story), style="dim"))
    root = f"{story['project']}/"
    for turn in story["story"]:
        out.print()
        asked = Text.assemble(
            (f"{turn['ts'][11:16]}  ", "dim"), (_one_line(turn["asked"] or "(before the first question)"), "bold cyan")
        )
        out.print(asked)
        for step in turn["steps"]:
            out.print(Padding(_step(step, root), (0, 0, 0, 11 if step.get("agent") else 7)))
            if step["outcome"] == "failed" and step.get("error"):
                out.print(Padding(Text(_cut(_one_line(step["error"]), 400), style="red"), (0, 0, 0, 11)))
        for name, style in zip(ENDS, ("green", "yellow"), strict=True):
            if text := turn.get(name):
                out.print(Padding(Text.assemble((f"{name}: ", style), _one_line(text)), (0, 0, 0, 7)))
        if turn.get("git_commit"):
            out.print(Padding(Text(f"at commit {turn['git_commit'][:12]}", style="dim"), (0, 0, 0, 7)))
    if story["files"]:
        out.print()
        files = [path.removeprefix(root) for path in story["files"]]
        more = f" and {len(files) - 20} more" if len(files) > 20 else ""
        out.print(Text(f"changed: {', '.join(files[:20])}{more}", style="dim"))
    if story["resume"]:
        out.print(Text(story["resume"], style="dim"))


def headline(story: Story) -> str:
    """The sums of a session on one line."""
    tokens = sum(story["tokens"].values())
    parts = [str(story["project"] or ""), str(story["git_branch"] or ""), str(story["started"] or "")[:16].replace("T", " ")]
    parts += [
        span(story["duration_s"]),
        *(counted(story[name], name) for name in COUNTS),
    ]
    parts += [f"{tokens:,} tokens" if tokens else "", money(story["cost_usd"])]
    return " · ".join(part for part in parts if part)


def _step(step: Step, root: str) -> Any:
    from rich.text import Text

    mark, style = _OUTCOMES.get(step["outcome"], ("?", "dim"))
    agent = f"{step['agent']}: " if step.get("agent") else ""
    taken = f"  {step['latency_ms'] / 1000:.1f} s" if step.get("latency_ms", 0) >= 1000 else ""
    return Text.assemble(
        (f"{mark} ", style),
        (agent, "magenta"),
        (f"{step.get('tool')} ", "bold"),
        _cut(step["what"].removeprefix(root), 160),
        (taken, "dim"),
    )


def span(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes = int(seconds // 60)
    return f"{minutes // 60} h {minutes % 60:02d}" if minutes >= 60 else f"{minutes} min" if minutes else f"{seconds:.0f} s"


def money(usd: float | None) -> str:
    return f"${usd:.2f}" if usd else ""


def _one_line(text: str) -> str:
    return " ".join(str(text).split())


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
