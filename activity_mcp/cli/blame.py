"""``activity-mcp blame COMMIT``: the sessions whose edits a commit may hold."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from ..service import ActivityService
from ..sessions import blame
from .context_and_query import settle
from .output import console, print_json

if TYPE_CHECKING:
    from ..sessions.shapes import CommitSession

_STYLES = {"certain": "bold green", "likely": "yellow", "possible": "dim"}


@click.command("blame")
@click.argument("commit", default="HEAD")
@click.option("--json", "as_json", is_flag=True, help="Print {commit, subject, files, sessions: […]} as JSON.")
def blame_command(commit: str, as_json: bool) -> None:
    """The sessions whose edits COMMIT (default: HEAD) of this repository may hold, and how sure that is.

    certain: git printed its id to the session, or the session ran git commit then with this subject, or edited files of it
    and ended a turn on it. likely: it ran git commit then, ended a turn on it, or edited at least half of the files since the
    commit before. possible: it edited some of them.
    """
    read = blame.read_commit(os.getcwd(), commit)
    service = ActivityService.from_environ(source="cli")
    try:
        settle(service)
        found = blame.sessions_of(service.adapter.queries, read) if service.adapter.exists() else []
    finally:
        service.close()
    if as_json:
        files = sorted(os.path.relpath(path, read.root) for path in read.files)
        print_json({"commit": read.sha, "subject": read.subject, "files": files, "sessions": found})
    else:
        _show(read, found)


def _show(commit: blame.Commit, found: list[CommitSession]) -> None:
    from rich.text import Text

    out = console()
    out.print(Text.assemble((commit.sha[:12], "bold"), " ", commit.subject))
    for session in found:
        out.print(Text.assemble((f"  {session['sure']:<9}", _STYLES[session["sure"]]), session["why"]))
        out.print(Text(f"           {', '.join(session['files'][:8])}", style="dim") if session["files"] else "", end="\n")
        out.print(Text(f"           {session['resume']}", style="dim"))
    if not found:
        out.print("No session that is recorded edited these files before it.")
