"""Renders ``docs/reference/`` from what is there: tools, commands, events, metrics, errors, and the objects of the SQL.

python tools/reference.py --write     renders the pages
python tools/reference.py             exits 1 if a page is not what would be rendered; a test does the same
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import click  # noqa: E402

from activity_mcp import errors  # noqa: E402
from activity_mcp.cli.commands import commands  # noqa: E402
from activity_mcp.recording.call_log import MethodTotals  # noqa: E402
from activity_mcp.server.http.metrics import exposition  # noqa: E402
from activity_mcp.server.tools import ToolSpec, specs  # noqa: E402
from activity_mcp.server.tools.arguments import input_schema  # noqa: E402

PAGES = ROOT / "docs" / "reference"
_MADE = "<!-- Rendered by `python tools/reference.py --write`; a test holds page and code together. -->"
_CREATED = re.compile(
    r"^CREATE (?:OR REPLACE )?(?:SECURE |TRANSIENT )*"
    r"(TABLE|VIEW|PROCEDURE|FUNCTION|STREAM|TASK|ROLE|MASKING POLICY|ROW ACCESS POLICY)"
    r" (?:IF NOT EXISTS )?([A-Z][A-Z0-9_]*)",
    re.M,
)
_COMMENT = re.compile(r"COMMENT = '((?:[^']|'')*)'")
_ERROR_LINE = re.compile(r"^[\s│├└─]*(\w+?)(?: +exit (\d))?(?: {2,}(.+))?$")


def main(arguments: list[str]) -> int:
    stale = [name for name, text in pages().items() if not (PAGES / name).exists() or (PAGES / name).read_text() != text]
    if "--write" in arguments:
        PAGES.mkdir(parents=True, exist_ok=True)
        for name, text in pages().items():
            (PAGES / name).write_text(text, encoding="utf-8")
        return 0
    for name in stale:
        print(f"docs/reference/{name} is not what would be rendered: python tools/reference.py --write", file=sys.stderr)
    return 1 if stale else 0


def pages() -> dict[str, str]:
    """Each page by its name."""
    made = {
        "tools.md": _tools(),
        "commands.md": _commands(),
        "events.md": _events(),
        "metrics.md": _metrics(),
        "errors.md": _errors(),
        "sql.md": _sql(),
    }
    return {name: "\n".join((title, "", _MADE, "", *rest)).rstrip() + "\n" for name, (title, *rest) in made.items()}


# --- the tools


def _tools() -> Iterator[str]:
    yield from ("# Tools", "What the server offers a model. Each answer is structured content with the members listed.", "")
    for spec in offered_tools():
        takes = input_schema(spec.arguments)
        yield from (f"## `{spec.name}`", "", *_quoted(spec.description), "")
        yield from _members("argument", takes["properties"], takes.get("required", []))
        yield from (
            "",
            "The answer:",
            "",
            *_members("member", spec.output_schema["properties"], spec.output_schema["required"]),
            "",
        )


def offered_tools() -> list[ToolSpec]:
    """Every tool as it is published, in order."""
    return list(specs(cast("Any", _Nothing())))


class _Nothing:
    """In the place of the service, of which the descriptions of the tools need nothing."""

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self


def _quoted(text: str) -> Iterator[str]:
    yield from (f"> {line}".rstrip() for line in text.strip().splitlines())


def _members(what: str, properties: dict[str, Any], required: list[str]) -> Iterator[str]:
    if not properties:
        yield f"No {what}s."
        return
    yield from (f"| {what} | type | |", "|---|---|---|")
    for name, schema in properties.items():
        types = schema.get("type", "any JSON")
        said = [schema.get("description", "")]
        said += [f"One of {', '.join(f'`{value}`' for value in schema['enum'])}."] if "enum" in schema else []
        said += [f"Default `{schema['default']}`."] if "default" in schema else []
        mark = "" if name in required else ", optional" if what == "argument" else ", may be left out"
        kind = types if isinstance(types, str) else " or ".join(types)
        yield f"| `{name}` | {kind}{mark} | {_cell(' '.join(filter(None, said)))} |"


# --- the commands


def _commands() -> Iterator[str]:
    yield from ("# Commands", "Answers go to stdout, everything else to stderr; [errors](errors.md) has the exit codes.", "")
    yield from _command(commands, "activity-mcp", 2)


def _command(command: click.Command, path: str, depth: int) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            if not inner.hidden:
                yield from _command(inner, f"{path} {name}", depth)
        if path == "activity-mcp" or not command.params:
            return
    yield from (
        f"{'#' * depth} `{path}`",
        "",
        "```text",
        f"{path} {' '.join(command.collect_usage_pieces(context))}",
        "```",
        "",
    )
    yield from (*(line.strip().replace("\b", "") for line in (command.help or "").strip().splitlines()), "")
    options = [param.get_help_record(context) for param in command.params if isinstance(param, click.Option)]
    shown = [f"| {_code(names)} | {_cell(text)} |" for names, text in filter(None, options)]
    if shown:
        yield from ("| option | |", "|---|---|", *shown, "")


# --- the events


def _events() -> Iterator[str]:
    document = json.loads((ROOT / "schemas" / "event_schemas.json").read_text(encoding="utf-8"))
    yield "# Events"
    yield "What `feature_json` holds, by `event_name`. More members are welcome; those listed are typed in the views."
    yield "What the program reports of itself is in [System events](../events.md)."
    for name, schema in document["$defs"].items():
        yield from ("", f"## `{name}`", "", schema["description"], "")
        yield from _members("member", schema["properties"], schema["required"])


# --- the metrics


def _metrics() -> Iterator[str]:
    yield from ("# Metrics", "`/metrics` of `activity-mcp serve --transport http`, in Prometheus' text format.", "")
    yield from ("| metric | type | |", "|---|---|---|")
    reported = exposition(_any_status(), {"tools/call": MethodTotals()}).decode()
    for name, text in re.findall(r"^# HELP (\S+) (.+)$", reported, re.M):
        kind = re.findall(rf"^# TYPE {name} (\w+)$", reported, re.M)[0]
        yield f"| `{name}` | {kind} | {_cell(text)} |"


def _any_status() -> dict[str, Any]:
    """A document in which every number is known, so that every metric has a sample."""
    queue = {"depth_events": 1, "depth_bytes": 1, "max_bytes": 1, "oldest_age_s": 1, "refused": 0, "quarantined": 0}
    leader = {"present": True, "last_progress_age_s": 1}
    rest = {"warehouse": {"rejected": 0}, "context": {"age_ms": 1}, "health": "ok", "checks": {"queue": "ok"}}
    return {"queue": queue, "leader": leader, **rest}


# --- the errors


def _errors() -> Iterator[str]:
    yield from (
        "# Errors",
        "Every error says what happened, what it means for the data, and what to do. A command exits with the code.",
        "",
    )
    yield from ("| error | is a | exit code | |", "|---|---|---|---|")
    for line in (errors.__doc__ or "").splitlines():
        found = _ERROR_LINE.match(line)
        kind = getattr(errors, found[1], None) if found else None
        if found and isinstance(kind, type) and issubclass(kind, errors.ActivityError):
            above = kind.__bases__[0].__name__ if kind is not errors.ActivityError else ""
            yield f"| `{kind.__name__}` | {f'`{above}`' if above else ''} | {kind.exit_code} | {_cell(found[3] or '')} |"


# --- the SQL


def _sql() -> Iterator[str]:
    yield "# Objects of the warehouse"
    yield "The same in Snowflake and, translated, in the embedded DuckDB, which has no streams, tasks, roles and policies."
    for path in sorted([*(ROOT / "sql").glob("*.sql"), *(ROOT / "sql" / "optional").glob("*.sql")]):
        text = path.read_text(encoding="utf-8")
        found = list(_CREATED.finditer(text))
        if found:
            yield from ("", f"## `{path.relative_to(ROOT).as_posix()}`", "", "| object | kind | |", "|---|---|---|")
            ends = [*(each.start() for each in found[1:]), len(text)]
            yield from _objects(text, zip(found, ends, strict=True))


def _objects(text: str, found: Iterable[tuple[re.Match[str], int]]) -> Iterator[str]:
    for each, end in found:
        comment = _COMMENT.search(text, each.end(), end)
        said = comment[1].replace("''", "'") if comment else ""
        yield f"| `{each[2]}` | {each[1].lower()} | {_cell(said)} |"


def _code(text: str) -> str:
    """Code in a table: with a bar, as the element, since not every renderer of Markdown takes an escaped bar there."""
    escaped = _cell(text).replace("\\|", "&#124;")
    return f"<code>{escaped}</code>" if "|" in text else f"`{escaped}`"


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("``", "`").replace("|", "\\|").replace("<", "&lt;").strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
