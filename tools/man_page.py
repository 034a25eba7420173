"""Renders the manual page, ``docs/activity-mcp.1``, from the commands' own help, the errors and the table of variables.

python tools/man_page.py --write     renders it
python tools/man_page.py             exits 1 if it is not what would be rendered; a test does the same

The wheel brings it as ``share/man/man1/activity-mcp.1``, which pipx links to where ``man`` looks.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import click  # noqa: E402

from activity_mcp.cli.commands import commands  # noqa: E402
from activity_mcp.errors import DOCS_URL  # noqa: E402

PAGE = ROOT / "docs" / "activity-mcp.1"
WIDTH = 78
_NAME = "activity-mcp"
_OPERATING = ROOT / "docs" / "operating.md"
_CONFIGURATION = ROOT / "docs" / "configuration.md"


def main(arguments: list[str]) -> int:
    if "--write" in arguments:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page():
        return 0
    print(f"{PAGE.relative_to(ROOT)} is not what would be rendered: python tools/man_page.py --write", file=sys.stderr)
    return 1


def page() -> str:
    """The page in the macros of man(7)."""
    return "\n".join([
        '.\\" Rendered by "python tools/man_page.py --write"; a test holds page and commands together.',
        '.TH ACTIVITY\\-MCP 1 "" "activity\\-mcp" "User Commands"',
        ".SH NAME",
        f"{_literal(_NAME)} \\-",
        *_filled(_first_sentence(commands)),
        ".SH SYNOPSIS",
        f".B {_literal(_NAME)}",
        ".RB [ \\-\\-version ]",
        ".RB [ \\-\\-help ]",
        ".I COMMAND",
        ".RI [ ARGUMENTS ]",
        ".SH DESCRIPTION",
        "Answers go to standard output, everything else to standard error.",
        "With",
        ".B \\-\\-json",
        "a command prints one JSON document.",
        ".SH COMMANDS",
        *_commands(commands, _NAME),
        ".SH EXIT STATUS",
        *_exit_codes(),
        ".SH ENVIRONMENT",
        *_filled("Read once, when a process starts. A value that cannot be used is an error that names the variable."),
        *_variables(),
        ".SH FILES",
        *_term("$XDG_STATE_HOME/activity-mcp", "The record, unless ACTIVITY_HOME names a place; default: ~/.local/state."),
        *_term("~/.claude.json, ~/.claude/settings.json", "Where install registers server and hooks; a backup beside each."),
        ".SH SEE ALSO",
        f".UR {_literal(DOCS_URL)}",
        "The documentation",
        ".UE",
        "",
    ])  # fmt: skip


# --- the commands


def _commands(command: click.Command, path: str) -> Iterator[str]:
    """A section of each command, those of a group after the group's own."""
    context = click.Context(command, info_name=path)
    if path != _NAME:
        yield from _section(command, context, path)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            if not inner.hidden:
                yield from _commands(inner, f"{path} {name}")


def _section(command: click.Command, context: click.Context, path: str) -> Iterator[str]:
    usage = " ".join([path.removeprefix(f"{_NAME} "), *command.collect_usage_pieces(context)])
    yield f'.SS "{_literal(usage)}"'
    yield from _paragraphs(command.help or "")
    options = [parameter.get_help_record(context) for parameter in command.params if isinstance(parameter, click.Option)]
    for names, meaning in filter(None, options):
        yield from _term(names, meaning)


def _paragraphs(said: str) -> Iterator[str]:
    """Paragraphs of a help; one that click prints as written, after its mark ``\\b``, stays as written here too."""
    for number, paragraph in enumerate(re.split(r"\n\s*\n", said.strip())):
        lines = [line.strip() for line in paragraph.splitlines()]
        if number:
            yield ".PP"
        if lines[0] == "\b":
            yield from (".nf", *map(_text, lines[1:]), ".fi")
        else:
            yield from _filled(" ".join(lines))


def _first_sentence(command: click.Command) -> str:
    first = (command.help or "").strip().partition("\n")[0].rstrip(".")
    return first[:1].lower() + first[1:]


# --- what the documents list


def _exit_codes() -> Iterator[str]:
    """``Exit codes: 0 done · 1 unexpected error · …`` of docs/operating.md, up to its full stop."""
    found = re.search(r"Exit codes: (.+?)\.\s", _OPERATING.read_text(encoding="utf-8"), re.S)
    if found is None:
        raise ValueError(f"{_OPERATING.name} lists no exit codes")
    for entry in found[1].split("·"):
        number, _, meaning = " ".join(entry.split()).partition(" ")
        yield from _term(number, meaning)


def _variables() -> Iterator[str]:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*?) ?\| (.+) \|$", _CONFIGURATION.read_text(encoding="utf-8"), re.M)
    if not rows:
        raise ValueError(f"{_CONFIGURATION.name} lists no variables")
    for name, default, meaning in rows:
        yield from _term(name, _plain(meaning) + (f" (default: {_plain(default)})" if default else ""))


def _plain(markdown: str) -> str:
    """The text of a cell, without code marks and without what refers to a page."""
    unreferred = re.sub(r",? \(?(?:see )?\[[^\]]+\]\([^)]*\)\)?", "", markdown)
    return unreferred.replace("`", "")


# --- roff


def _term(name: str, meaning: str) -> Iterator[str]:
    yield from (".TP", f'.B "{_literal(name)}"', *_filled(meaning))


def _filled(prose: str) -> Iterator[str]:
    """Prose in lines of the width that manual pages are written in; a hyphen within a word ends none."""
    yield from map(_text, textwrap.wrap(prose, WIDTH, break_long_words=False, break_on_hyphens=False))


def _text(line: str) -> str:
    """A line of prose: a backslash is one, and a control character at its beginning is none."""
    escaped = line.replace("\\", "\\e")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def _literal(words: str) -> str:
    """What is typed as it is written: hyphens are not made typographic, and quotes do not end a macro's argument."""
    return _text(words).replace("-", "\\-").replace('"', "\\(dq")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
