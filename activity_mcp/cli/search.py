"""``activity-mcp search``: ranked hits, and the command that opens the session again."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import click

from ..errors import ActivityError
from ..service import ActivityService
from .output import console, folder, print_json, remark

if TYPE_CHECKING:
    from rich.console import Console

    from ..search.answers import SearchAnswer

_BUILD_S = 20.0
_MARKED = re.compile(r"\*\*(.+?)\*\*")


@click.command("search", context_settings={"ignore_unknown_options": True})
@click.argument("text", nargs=-1, required=True)
@click.option("--kind", help="asked, concluded, title, command, call, file, sql, insight, event; or failed.")
@click.option("--project", help="Only this project's directory; default: all.")
@click.option("--since", help="Not before: 2026-11-01, or how long ago: 24h, 7d.")
@click.option("--until", help="Before: the same.")
@click.option("--limit", default=10, show_default=True, type=click.IntRange(1, 100))
@click.option("--json", "as_json", is_flag=True, help="Print the search tool's answer as JSON.")
def search_command(
    text: tuple[str, ...],
    kind: str | None,
    project: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """Find what was asked, concluded, run, failed, changed or queried.

    TEXT holds words, "a phrase", prefix*, -not, file:name, tool:Bash, failed:. A typing mistake is forgiven in words of six
    letters or more.
    """
    service = ActivityService.from_environ(source="cli")
    try:
        _complete_index(service)
        answer = service.search(
            " ".join(text), kind=kind, project=folder(project) if project else None, since=since, until=until, limit=limit
        )
    finally:
        service.close()
    for note in answer["notes"]:
        remark(f"note: {note}")
    if as_json:
        print_json(answer)
    else:
        show_hits(answer, console())


def _complete_index(service: ActivityService) -> None:
    """Where no server leads, read into the index what it does not have yet; what takes too long goes on another time."""
    feed = service.finding.feed
    if feed is None or feed.is_complete() or not service.lease.try_acquire():
        return
    deadline = time.monotonic() + _BUILD_S
    remark("building the search index")
    try:
        while feed.read_slice() and time.monotonic() < deadline:
            pass
    except ActivityError as error:
        remark(f"the index is not complete: {error.describe()}")
    finally:
        service.warehouse.release()
        service.lease.release()


def show_hits(answer: SearchAnswer, out: Console) -> None:
    """One block a hit: when and where, what, and how to go back."""
    from rich.text import Text

    for hit in answer["hits"]:
        place = str(hit["project"] or "").rstrip("/").rpartition("/")[2]
        head = [(f"{hit['age']:>6} ago  ", "dim"), (f"{hit['kind']:<9} ", "red" if hit["failed"] else "cyan"), (place, "bold")]
        out.print(Text.assemble(*head, "  ", (hit["why"].rpartition("; ")[0], "dim")))
        out.print(_marked(hit["snippet"]), soft_wrap=False)
        if hit["resume"]:
            out.print(Text(f"            {hit['resume']}", style="dim"))
        out.print()
    shown = len(answer["hits"])
    if not shown:
        out.print("Nothing was found.")
    elif answer["truncated"]:
        out.print(Text(f"{shown} of {answer['total']} hits; --limit shows more", style="dim"))


def _marked(snippet: str) -> Any:
    from rich.padding import Padding
    from rich.text import Text

    text, at = Text(), 0
    for found in _MARKED.finditer(snippet):
        text.append(snippet[at : found.start()])
        text.append(found[1], "bold yellow")
        at = found.end()
    text.append(snippet[at:])
    return Padding(text, (0, 0, 0, 12))
