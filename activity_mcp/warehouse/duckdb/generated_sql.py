"""The generated statements of ``generated/``, which the wheel holds: read once, in order, without understanding SQL.

A line ``-- statement`` stands before each statement; a first line ``-- if: SELECT …`` says that the statement changes nothing
when that query has no row.
"""

from __future__ import annotations

import functools
import os

GENERATED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "generated")
REFRESH_FILE = "03_refresh.sql"

_SEPARATOR = "-- statement\n"
_CONDITION = "-- if: "


@functools.cache
def statements_of(name: str) -> tuple[str, ...]:
    """The statements of one generated file, in order."""
    with open(os.path.join(GENERATED, name), encoding="utf-8") as file:
        _, *statements = file.read().split(_SEPARATOR)
    return tuple(statement.strip().rstrip(";") for statement in statements)


def condition_of(text: str) -> str | None:
    """The query a statement is run for, or None where it always is."""
    first = text.split("\n", 1)[0]
    return first.removeprefix(_CONDITION) if first.startswith(_CONDITION) else None
