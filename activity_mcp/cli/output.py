"""How commands speak: answers on stdout as JSON or as tables, progress and remarks on stderr.

Everything goes through here: an argument, a file's name or a recorded text may hold sequences that a terminal obeys, so what
would do that, or show nothing, is written as an escape (``visible.for_terminal``), in JSON as JSON's own.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import sys
from typing import TYPE_CHECKING, Any

import click
import orjson

from ..context.visible import for_terminal, for_terminal_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console
    from rich.segment import Segment


MAX_SECONDS = 86_400.0


def say(text: str, *, nl: bool = True) -> None:
    """A line of the answer."""
    click.echo(for_terminal(text), nl=nl)


class Seconds(click.FloatRange):
    """A time limit: a number of seconds up to a day."""

    def __init__(self, least: float = 0.1) -> None:
        super().__init__(min=least, max=MAX_SECONDS)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value} is no number of seconds.", param, ctx)
        return seconds


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    try:
        text = orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # a path or an argument that is not UTF-8
        text = json.dumps(document)
    click.echo(for_terminal_json(text))


def remark(text: str) -> None:
    """A line for the person, not for the pipe."""
    click.echo(for_terminal(text), err=True)


def show_usage_error(error: click.ClickException) -> None:
    """What click says of a wrong command line, which repeats it."""
    said = io.StringIO()
    error.show(said)
    click.echo(for_terminal(said.getvalue()), nl=False, err=True)


def console() -> Console:
    """The console for tables on stdout; as wide as the terminal, or 120 where there is none."""
    from rich.console import Console
    from rich.segment import Segment

    class Output(Console):
        def on_broken_pipe(self) -> None:  # rich would exit with 1: a reader that has seen enough is no error
            raise BrokenPipeError

        def render(self, renderable: Any, options: Any = None) -> Iterator[Segment]:
            for text, style, control in super().render(renderable, options):
                yield Segment(text if control else for_terminal(text), style, control)

    return Output(width=None if sys.stdout.isatty() else 120, highlight=False)


def folder(project: str) -> str:
    """A folder as a person at a terminal names it: from the current directory; ``*`` and names of no folder stay."""
    return as_recorded(os.path.abspath(project) if project != "*" and os.path.isdir(project) else project)


def as_recorded(text: str) -> str:
    """An argument as an event would hold it: what is not UTF-8 is replaced."""
    return text.encode("utf-8", "replace").decode()


@contextlib.contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr when it is a terminal; the function given takes (done, total)."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=max(total, 1))
