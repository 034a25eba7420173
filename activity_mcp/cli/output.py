"""How commands speak: answers on stdout as JSON or as tables, progress and remarks on stderr.

Everything goes through here: an argument, a file's name or a recorded text may hold sequences that a terminal obeys, so what
would do that, or show nothing, is written as an escape (``visible.for_terminal``), in JSON as JSON's own.
"""

from __future__ import annotations

import os
import sys

from ..context.visible import for_terminal, for_terminal_json
from ..plain_json import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    import click
    from rich.console import Console
    from rich.segment import Segment


def say(text: str, *, nl: bool = True) -> None:
    """A line of the answer."""
    _write(for_terminal(text), nl=nl)


def say_row(name: str, text: str, *, width: int) -> None:
    """A name, in bold on a terminal, and what there is to say of it."""
    _write(f"{_styled(for_terminal(name.ljust(width)), '1')}  {for_terminal(text)}".rstrip())


def say_parts(*parts: tuple[str, str]) -> None:
    """A line of (text, style): the number of an ANSI style, which a terminal gets, or nothing."""
    _write("".join(_styled(for_terminal(text), style) if style else for_terminal(text) for text, style in parts).rstrip())


def say_problem(text: str) -> None:
    """A line that asks for attention: yellow on a terminal."""
    _write(_styled(for_terminal(text), "33"))


def print_json(document: Any) -> None:
    """One JSON document on stdout, whatever orjson can write."""
    import json

    import orjson

    try:
        text = orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # a path or an argument that is not UTF-8
        text = json.dumps(document)
    _write(for_terminal_json(text))


def print_plain_json(document: Any) -> None:
    """The same of a document that is JSON as it is, without loading orjson for it."""
    _write(for_terminal_json(dumps(document)))


def remark(text: str) -> None:
    """A line for the person, not for the pipe."""
    _write(for_terminal(text), err=True)


def show_usage_error(error: click.ClickException) -> None:
    """What click says of a wrong command line, which repeats it."""
    import io

    said = io.StringIO()
    error.show(said)
    _write(for_terminal(said.getvalue()), nl=False, err=True)


def _write(text: str, *, nl: bool = True, err: bool = False) -> None:
    stream = sys.stderr if err else sys.stdout
    stream.write(f"{text}\n" if nl else text)
    stream.flush()


def _styled(text: str, code: str) -> str:
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{code}m{text}\x1b[0m"


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


def error_console() -> Console:
    """The console for what moves on stderr."""
    from rich.console import Console

    return Console(stderr=True)


def folder(project: str) -> str:
    """A folder as a person at a terminal names it: from the current directory; ``*`` and names of no folder stay."""
    return as_recorded(os.path.abspath(project) if project != "*" and os.path.isdir(project) else project)


def as_recorded(text: str) -> str:
    """An argument as an event would hold it: what is not UTF-8 is replaced."""
    return text.encode("utf-8", "replace").decode()
