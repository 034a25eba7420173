"""``activity-mcp forget``: what was recorded of a session, of a project, before a time, or with a text, is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..operations.erase import Forgetter
from ..operations.selection import Selection
from ..project import project_of
from ..service import ActivityService
from .output import as_recorded, folder, print_json, remark, say
from .progress import progress_bar

if TYPE_CHECKING:
    from ..operations.erase import Forgotten

_SNOWFLAKE = """\
DELETE FROM {table}
WHERE {condition}
    AND NOT EXISTS (
        SELECT 1
        FROM LEGAL_HOLDS AS hold
        WHERE hold.released_at IS NULL
            AND COALESCE(hold.customer = {table}.customer, hold.customer IS NULL)
            AND COALESCE(hold.org_id = {table}.org_id, hold.org_id IS NULL)
            AND COALESCE(hold.project = {table}.project, hold.project IS NULL)
            AND COALESCE(hold.session_id = {table}.session_id, hold.session_id IS NULL)
            AND COALESCE(hold.from_ts <= {table}.ts, TRUE)
            AND COALESCE(hold.until_ts > {table}.ts, TRUE)
    );"""


@click.command("forget")
@click.option("--session", help="What belongs to this session.")
@click.option("--project", help="What belongs to this project: its folder.")
@click.option("--before", metavar="DATE", help="What is older, such as 2026-11-01.")
@click.option("--match", metavar="RE", help="What holds a text that this regular expression finds.")
@click.option("--dry-run", is_flag=True, help="Count what would be forgotten, change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
def forget_command(
    session: str | None, project: str | None, before: str | None, match: str | None, dry_run: bool, as_json: bool
) -> None:
    """Remove what was recorded from queue, dead letters, contexts, artifacts and the embedded warehouse, for good.

    Several conditions hold together. A later import does not bring it back. Where Snowflake is used, the SQL for it is printed.
    """
    place = project_of(folder(project)) if project and folder(project).startswith("/") else project
    selection = Selection.of(session and as_recorded(session), place, before, match and as_recorded(match))
    service = ActivityService.from_environ(source="cli")
    try:
        with progress_bar("forgetting") as on_progress:
            forgetter = Forgetter(service, selection, on_progress=on_progress)
            found = forgetter.dry_run() if dry_run else forgetter.run()
        if as_json:
            print_json(_document(found, dry_run, selection, has_snowflake=_has_snowflake(service, found)))
        else:
            _show(found, dry_run, selection, has_snowflake=_has_snowflake(service, found))
    finally:
        service.close()


def _document(found: Forgotten, dry_run: bool, selection: Selection, *, has_snowflake: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "rows": found.rows,
        "held": found.held,
        "lines": found.lines,
        "removed": found.removed,
        "untouched_queues": found.untouched,
        "set_aside": found.set_aside,
        "left": found.left,
        "snowflake_sql": snowflake_sql(selection) if has_snowflake else None,
    }


def _has_snowflake(service: ActivityService, found: Forgotten) -> bool:
    """Whether anything may have been sent to Snowflake from here: it is configured, or a queue of it is there."""
    return not service.config.is_embedded or any("snowflake-" in path for path in found.untouched)


def _show(found: Forgotten, dry_run: bool, selection: Selection, *, has_snowflake: bool) -> None:
    verb = "would be forgotten" if dry_run else "forgotten"
    say(f"{sum(found.rows.values())} rows of the warehouse and {found.lines} events still in the queue {verb}")
    for name, count in sorted(found.rows.items()):
        say(f"{count:>8} {name}")
    for path in found.removed:
        say(f"{'would be removed' if dry_run else 'removed'}: {path}")
    if found.held:
        remark(f"{found.held} rows stay: a legal hold names them (LEGAL_HOLDS)")
    for path in found.untouched:
        remark(f"not looked at: {path} is the queue of another warehouse; give the command with that one's settings too")
    for path in found.set_aside:
        remark(f"not looked at: {path} could not be read when it was set aside; delete it yourself if it may hold it")
    for path in found.left:
        remark(f"still there: {path} holds it all the same (a legal hold, another queue, or an event recorded since)")
    if has_snowflake:
        say(f"\n-- What was sent to Snowflake is forgotten there by:\n{snowflake_sql(selection)}")


def snowflake_sql(selection: Selection) -> str:
    """The statements for Snowflake: the stream, then what the daily and the triggered task do not derive from it again."""
    condition = selection.snowflake_sql()
    stream = _SNOWFLAKE.format(table="CLAUDE_STREAM_V2", condition=condition)
    return f"{stream}\n{_DERIVED}"


_DERIVED = """\
-- Then what is derived from it. Contexts begin again with the next events of their project.
DELETE FROM SUPERSEDED WHERE (channel_id, stream_offset) NOT IN (SELECT channel_id, stream_offset FROM CLAUDE_STREAM_V2);
DELETE FROM EXPORTED_CALLS WHERE (channel_id, stream_offset) NOT IN (SELECT channel_id, stream_offset FROM CLAUDE_STREAM_V2);
DELETE FROM INSIGHT_ATOMS WHERE (channel_id, stream_offset) NOT IN (SELECT channel_id, stream_offset FROM CLAUDE_STREAM_V2);
DELETE FROM ARTIFACTS WHERE (channel_id, stream_offset) NOT IN (SELECT channel_id, stream_offset FROM CLAUDE_STREAM_V2);
DELETE FROM SCHEMA_DRIFT WHERE first_activity_id NOT IN (SELECT activity_id FROM CLAUDE_STREAM_V2);
TRUNCATE TABLE IF EXISTS CONTEXT_COUNTS;
TRUNCATE TABLE IF EXISTS CONTEXT_HOURS;
TRUNCATE TABLE IF EXISTS CONTEXT_ITEMS;
TRUNCATE TABLE IF EXISTS REREAD_HOURS;
TRUNCATE TABLE IF EXISTS CONTEXT_CACHE;"""
