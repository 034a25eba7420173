"""``activity-mcp import``: the sessions of Claude Code, or of another agent, backfilled."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ..clock import parse_iso
from ..errors import ActivityError, InvalidInput
from ..identity import is_paused
from ..operations.agents import AGENTS
from ..operations.import_transcripts import TranscriptImport
from ..operations.shipping import ShippingProcess
from ..service import ActivityService
from .output import console, print_json, remark
from .progress import progress_bar

if TYPE_CHECKING:
    from ..claude_code.transcripts import TranscriptReport
    from ..operations.shipping import Shipping

_FLUSH_S = 60.0


@click.command("import")
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--since", metavar="DATE", help="Leave out what is older, such as 2026-11-01.")
@click.option("--from", "agent", type=click.Choice(list(AGENTS)), default="claude", show_default=True, help="Whose sessions.")
@click.option("--history", is_flag=True, help="Also the prompts of Claude Code's history whose transcripts are deleted.")
@click.option("--dry-run", is_flag=True, help="Read and count, record nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def import_command(paths: tuple[str, ...], since: str | None, agent: str, history: bool, dry_run: bool, as_json: bool) -> int:
    """Import Claude Code's transcripts, or Codex's: files, folders, or (default) the agent's own folder. Again adds nothing."""
    if history and agent != "claude":
        raise InvalidInput("--history is Claude Code's; nothing was imported", hint="leave out --from, or --history")
    service = ActivityService.from_environ(source="cli")
    if not service.config.record:
        raise InvalidInput("recording is off (ACTIVITY_RECORD=off); nothing was imported", hint="set ACTIVITY_RECORD=on")
    if is_paused(service.config.home):
        raise InvalidInput("recording is paused; nothing was imported", hint="`activity-mcp pause --off` records again")
    shipping = ShippingProcess(service)
    try:
        with progress_bar("importing") as on_progress:
            importing = TranscriptImport(service, on_progress=on_progress, shipping=shipping, agent=AGENTS[agent])
            report = importing.run(paths or None, since_us=_since(since), dry_run=dry_run, history=history)
        if not dry_run and (report.activities or _left_over(service)):
            _flush(shipping)
    finally:
        shipping.close()
        service.close()
    if report.too_old:
        days = service.config.retention_days
        remark(f"warning: {report.too_old} of the activities are older than ACTIVITY_RETENTION_DAYS ({days}): the daily")
        remark("  retention removes them; an import with a longer retention brings them again")
    if not report.files:
        remark(f"no transcripts (*.jsonl) were found in {', '.join(report.folders)}")
    if as_json:
        print_json(_document(report, dry_run))
    else:
        _show(report, dry_run)
    if report.unreadable and len(report.unreadable) == report.files:
        return InvalidInput.exit_code
    return 0


def _since(text: str | None) -> int | None:
    try:
        return parse_iso(text) if text else None
    except ValueError as error:
        raise InvalidInput(f"--since: {error}", hint="write it as 2026-11-01 or 2026-11-01T09:00:00Z") from None


def _left_over(service: ActivityService) -> bool:
    """Whether events wait that this import did not bring, such as those of one that was killed in its flush."""
    waiting = service.local_events.urgent()
    if waiting:
        remark("events of an earlier run were still waiting in the queue; they are flushed now")
    return waiting


def _flush(shipping: Shipping) -> None:
    try:
        shipping.drain(_FLUSH_S, verify=True)
    except ActivityError as error:
        remark(f"imported into the queue, not yet into the warehouse: {error.describe()}")


def _document(report: TranscriptReport, dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "files": report.files,
        "unchanged_files": report.unchanged,
        "lines": report.lines,
        "activities": dict(report.activities),
        "already_imported": report.already,
        "not_recorded": report.ignored,
        "forgotten": report.forgotten,
        "before_since": report.before_since,
        "older_than_retention": report.too_old,
        "folders": report.folders,
        "malformed_lines": report.malformed,
        "mended_lines": report.mended,
        "unknown_line_types": dict(report.unknown_types),
        "partly_usable_lines": dict(report.problems),
        "sessions": len(report.sessions),
        "tokens": {model: dict(tokens) for model, tokens in report.tokens.items()},
        "unreadable": report.unreadable,
        "near_deletion": asdict(report.expiring) if report.expiring else None,
    }


def _show(report: TranscriptReport, dry_run: bool) -> None:
    from rich import box
    from rich.table import Table

    out = console()
    made = sum(report.activities.values())
    verb = "would be imported" if dry_run else "imported"
    out.print(f"{made} activities {verb} from {report.files} files, {report.lines} lines, {len(report.sessions)} sessions")
    if report.activities:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("event")
        table.add_column("count", justify="right")
        for name, count in sorted(report.activities.items()):
            table.add_row(name, str(count))
        out.print(table)
    if report.tokens:
        out.print(_token_table(report))
    for count, what in (
        (report.unchanged, "files: nothing new in them"),
        (report.already, "activities: imported before"),
        (report.ignored, "activities: of projects that are not recorded"),
        (report.forgotten, "activities: forgotten on request"),
        (report.before_since, "activities: older than --since"),
        (report.malformed, "lines: not JSON objects"),
        (report.mended, "lines: damaged; what is whole of them was taken"),
        (sum(report.problems.values()), "lines: usable only in part"),
        *((count, f"lines: of the unknown type {name!r}") for name, count in report.unknown_types.most_common(5)),
    ):
        if count:
            out.print(f"{count:>6} {what}", style="dim", markup=False)
    for line in report.unreadable:
        remark(f"cannot be read: {os.path.relpath(line) if line.startswith('/') else line}")

    if report.expiring is not None:
        expiring = report.expiring.describe()
        if dry_run:
            remark(f"warning: {expiring}; import them before")
        else:
            remark(f"warning, as it was before this import: {expiring}")
            remark("  import every week, or raise cleanupPeriodDays in Claude Code's settings")


def _token_table(report: TranscriptReport) -> object:
    from rich import box
    from rich.table import Table

    title = "tokens by model, as the transcripts give them: compactions are in none of them"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("model")
    for title in ("calls", "prompt", "completion", "cache read", "cache creation"):
        table.add_column(title, justify="right")
    for model, tokens in sorted(report.tokens.items()):
        names = ("calls", "prompt_tokens", "completion_tokens", "cache_read_tokens", "cache_creation_tokens")
        table.add_row(model, *(str(tokens[name]) for name in names))
    return table
