"""Data: what is kept, where and how large; recording paused and taken up; forgetting, with its dry run first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from starlette.responses import RedirectResponse

from ...clock import iso
from ...errors import InvalidInput
from ...operations.own_files import own_files
from ..child import run_command
from ..statements import where
from ..tables import Column, Table
from ..view import View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.datastructures import FormData
    from starlette.responses import Response

    from ...config import Config
    from ..view import Look

FORGET_WITHIN_S, LOOK_WITHIN_S = 900.0, 120.0
CONDITIONS = ("session", "project", "before", "match")
_WHAT = (
    (r"\.duckdb", "Warehouse"),
    (r"/queue/", "Queue, contexts and search index"),
    (r"/artifacts(/|$)", "Artifacts: results of queries"),
    (r"/dropped$", "Count of what hooks could not record"),
)


def load(look: Look) -> dict[str, Any]:
    config = look.sources.config
    kept = look.ask(_KEPT.format(where=where(look.conditions(days=False))))
    files = [
        {"what": _what(held.path), "path": held.path, "files": len(held.files), "bytes": held.size}
        for held in own_files(config)
    ]
    return {
        "paused_since": look.sources.status()["paused_since"],
        "facts": _facts(config, look),
        "bytes": sum(row["bytes"] for row in files),
        "given": {name: look.filters.get(name) or "" for name in CONDITIONS},
        "found": None,
        "done": look.filters.get("done"),
        "tables": [_kept(kept.rows), _files(files)],
    }


_KEPT = """\
SELECT event_name, COUNT(*) AS events, MIN(ts) AS oldest, MAX(ts) AS newest
FROM VW_ACTIVITY_STREAM
{where}
GROUP BY event_name
ORDER BY event_name"""


def _facts(config: Config, look: Look) -> list[tuple[str, str, str]]:
    """What decides what is kept: a name, its value, and where it is set."""
    days, warehouse = config.retention_days, look.sources.status()["warehouse"]
    return [
        ("Directory", config.home, "ACTIVITY_HOME"),
        (
            "Warehouse",
            str(warehouse.get("path") or f"Snowflake, by the connection {warehouse.get('connection')}"),
            "ACTIVITY_DB",
        ),
        ("Kept for", f"{days:,} days" if days else "ever", "ACTIVITY_RETENTION_DAYS"),
        ("Prompts", {"excerpt": "their beginning", "hash": "as a hash", "full": "whole"}[config.prompts], "ACTIVITY_PROMPTS"),
        ("Secrets", "redacted before they reach the disk" if config.redact else "NOT redacted", "ACTIVITY_REDACT"),
        ("Recorded as", look.customer, "ACTIVITY_CUSTOMER"),
    ]


def _what(path: str) -> str:
    return next((name for pattern, name in _WHAT if re.search(pattern, path)), "Settings")


def _kept(rows: Any) -> Table:
    columns = [
        Column("event_name", "Kind", "code"),
        Column("events", "Events", "number"),
        Column("oldest", "Oldest", "time"),
        Column("newest", "Newest", "time"),
    ]
    return Table("kept", "By kind", columns, list(rows), order="-events", empty="Nothing is in the warehouse yet.")


def _files(rows: list[dict[str, Any]]) -> Table:
    columns = [
        Column("what", "What"),
        Column("path", "Where", "code"),
        Column("files", "Files", "number"),
        Column("bytes", "Size", "bytes"),
    ]
    return Table("files", "Files on this machine", columns, rows, order="-bytes")


# --- actions


def _pause(look: Look, form: FormData) -> Response:
    if form.get("off"):
        span = look.sources.pause.end()
        said = f"recording again; nothing was recorded from {iso(span[0])} to {iso(span[1])}" if span else ""
    else:
        look.sources.pause.begin()
        said = "recording is paused"
    return RedirectResponse(look.filters.link("/data", done=said), 303)


def _look(look: Look, form: FormData) -> Mapping[str, Any]:
    """The dry run: what would be forgotten, and the form that forgets it."""
    given = _given(form)
    found = run_command(["forget", *_options(given), "--dry-run", "--json"], look.sources.environ, LOOK_WITHIN_S)
    return {"given": given, "found": found, "count": sum(found["rows"].values()) + found["lines"]}


def _forget(look: Look, form: FormData) -> Response:
    """What the dry run has shown. It takes as long as it takes: the warehouse is rewritten."""
    given = _given(form)
    if form.get("sure") != "yes":
        raise InvalidInput("nothing was forgotten", hint="look at it first, then say that you are sure")
    found = run_command(["forget", *_options(given), "--json"], look.sources.environ, FORGET_WITHIN_S)
    count = sum(found["rows"].values()) + found["lines"]
    left = f"; {len(found['left'])} files hold some of it still, see `activity-mcp forget`" if found["left"] else ""
    return RedirectResponse(look.filters.link("/data", done=f"{count:,} events are forgotten{left}"), 303)


def _given(form: FormData) -> dict[str, str]:
    values = {name: form.get(name) for name in CONDITIONS}
    given = {name: value.strip() for name, value in values.items() if isinstance(value, str) and value.strip()}
    if not given:
        raise InvalidInput("nothing is selected; nothing was forgotten", hint="fill in at least one of the fields")
    return {name: given.get(name, "") for name in CONDITIONS}


def _options(given: Mapping[str, str]) -> list[str]:
    return [f"--{name}={value}" for name, value in given.items() if value]


VIEW = View("data", "Data", "/data", load, actions={"pause": _pause, "look": _look, "forget": _forget})
