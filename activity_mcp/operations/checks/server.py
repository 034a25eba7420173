"""Does the server answer before the SDK is loaded: only with the version of the SDK that its static answers were made with."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from ...health.check import Check
from ...server.front.table import Table, read_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .subject import Subject

NAME = "server start"


def checks(subject: Subject) -> Iterator[Check]:
    if read_table() is not None:
        yield Check(NAME, "ok", "the greeting is answered before the MCP SDK is loaded")
        return
    try:
        made_with = Table().made_with
    except (OSError, ValueError, KeyError):
        yield Check(
            NAME, "warn", "the static answers are missing, so that each start waits for the MCP SDK", "install it again"
        )
        return
    differs = [f"{name} {_installed(name)} instead of {version}" for name, version in made_with.items()]
    yield Check(
        NAME,
        "warn",
        f"each start waits for the MCP SDK, as its static answers are of another version ({', '.join(differs)})",
        "upgrade activity-mcp, or install the version of the SDK that it was made with",
    )


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"
