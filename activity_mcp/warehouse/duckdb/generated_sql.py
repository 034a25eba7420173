"""The generated statements of ``generated/``, which the wheel holds: read once, in order, without understanding SQL.

A line ``-- statement`` precedes each statement. Of a sequence, a first line ``-- asks: a b`` names the facts that the
query gives, in the order of its columns; ``-- needs: a b`` says that the statement changes nothing unless one of them is true.
"""

from __future__ import annotations

import functools
import os

GENERATED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "generated")
REFRESH_FILE = "03_refresh.sql"

_SEPARATOR = "-- statement\n"


@functools.cache
def statements_of(name: str) -> tuple[str, ...]:
    """The statements of one generated file, in order."""
    with open(os.path.join(GENERATED, name), encoding="utf-8") as file:
        _, *statements = file.read().split(_SEPARATOR)
    return tuple(statement.strip().rstrip(";") for statement in statements)


def facts_of(text: str, word: str) -> tuple[str, ...]:
    """The facts that a statement ``asks`` or ``needs``, by its first line; none where it has no such line."""
    first = text.split("\n", 1)[0]
    start = f"-- {word}: "
    return tuple(first.removeprefix(start).split()) if first.startswith(start) else ()
