"""The files that ship with the package: the event schemas, the SQL, the example session.

In a wheel they lie inside the package; in a checkout at the top level. Asked for by name, read once.
"""

from __future__ import annotations

import os

_PACKAGE = os.path.dirname(os.path.abspath(__file__))
_PLACES = (_PACKAGE, os.path.dirname(_PACKAGE))


def path_of(kind: str, name: str = "") -> str:
    """Where the file ``name`` of ``kind`` (``schemas``, ``sql``, ``examples``) lies. Raises FileNotFoundError."""
    for place in _PLACES:
        path = os.path.join(place, kind, name)
        if os.path.exists(path):
            return path
    raise FileNotFoundError(f"{kind}/{name} is missing from this installation; install activity-mcp again")


def read_bytes(kind: str, name: str) -> bytes:
    with open(path_of(kind, name), "rb") as file:
        return file.read()
