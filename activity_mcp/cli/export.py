"""``activity-mcp export``: a session or the record, for a person or for a program."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import click

from ..clock import iso
from ..errors import InvalidInput
from ..search.times import moment
from ..service import ActivityService
from ..sessions import export, rows
from ..sessions.markdown import counted
from .context_and_query import settle
from .output import folder, remark, say
from .progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..sessions.shapes import Event, Story

_MAX_STORIES = 1000


@click.command("export")
@click.option("--session", "session_id", help="This session; the beginning of its id will do.")
@click.option("--project", help="Only this project's directory.")
@click.option("--since", help="Not before: 2026-11-01, or how long ago: 24h, 7d.")
@click.option("--format", "form", type=click.Choice(export.FORMATS), default="md", show_default=True)
@click.option("-o", "--output", "path", type=click.Path(dir_okay=False), help="The file to write; default: standard output.")
def export_command(session_id: str | None, project: str | None, since: str | None, form: str, path: str | None) -> None:
    """Export a session, or the record: md and html to read, csv, json (one object a line) and parquet as data.

    Everything is as it was recorded: redacted where it was.
    """
    if form == "parquet" and path is None:
        raise InvalidInput("parquet is no text; nothing was exported", hint="name a file with -o")
    service = ActivityService.from_environ(source="cli")
    try:
        settle(service)
        with progress_bar("exporting") as progress:
            written = _Export(service, session_id, folder(project) if project else None, since, progress).write(form, path)
    finally:
        service.close()
    if path is not None:
        what = (
            counted(written, "sessions")
            if form in ("md", "html")
            else f"{written:,} {'activity' if written == 1 else 'activities'}"
        )
        remark(f"{what} in {path}, {os.path.getsize(path):,} bytes")


class _Export:
    """One export; counts what it gives out."""

    def __init__(
        self,
        service: ActivityService,
        session_id: str | None,
        project: str | None,
        since: str | None,
        progress: Callable[[int, int], None],
    ) -> None:
        self._service = service
        self._progress = progress
        self._reader = service.finding.sessions
        self._session = self._reader.whole(session_id) if session_id else None
        self._project = project
        self._since = since
        self._count = 0

    def write(self, form: str, path: str | None) -> int:
        if form == "parquet":
            return export.write_parquet(str(path), self._events())
        title = f"Session {self._session}" if self._session else f"Activity of {self._project or 'all projects'}"
        pieces = export.texts(form, self._stories(), self._events(), title)
        if path is None:
            for piece in pieces:
                say(piece, nl=False)
            return self._count
        done = False
        try:
            with open(path, "w", encoding="utf-8", newline="") as file:
                file.writelines(pieces)
            done = True
        finally:
            if not done:  # half an export would pass for a whole one
                with contextlib.suppress(OSError):
                    os.unlink(path)
        return self._count

    def _stories(self) -> Iterator[Story]:
        """The oldest first. Raises InvalidInput where there is none."""
        ids = [self._session] if self._session else self._newest()
        for number, session_id in enumerate(ids):
            story = self._reader.story(session_id)
            if story is not None:
                self._count += 1
                yield story
            self._progress(number + 1, len(ids))
        if not self._count:
            raise InvalidInput("no session is recorded that this selects; nothing was exported")

    def _newest(self) -> list[str]:
        found = self._reader.list(project=self._project, since=self._since, limit=_MAX_STORIES)
        if len(found) == _MAX_STORIES:
            remark(f"only the newest {_MAX_STORIES} sessions are exported; --since and --project select")
        return [session["session_id"] for session in reversed(found)]

    def _events(self) -> Iterator[Event]:
        since_us = moment("since", self._since, self._service.clock.time_us())
        where = rows.conditions(session=self._session, project=self._project, since=iso(since_us) if since_us else None)
        for event in export.pages(self._service.adapter.queries, where, self._progress):
            self._count += 1
            yield event
