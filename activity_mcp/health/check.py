"""What ``doctor`` looks at, one module for each part, and the shape in which each reports what it found.

    ok     as it should be
    warn   it works, and somebody should know
    fail   something does not work: ``doctor`` exits with 5

``found`` is what there is, as one line; ``hint`` is the next thing to do, empty where nothing is to be done.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Status = Literal["ok", "warn", "fail"]


class Check(NamedTuple):
    """One thing looked at. ``name`` stays the same from run to run: scripts select by it."""

    name: str
    status: Status
    found: str
    hint: str = ""

    def describe(self) -> str:
        """What was found and what to do, on one line."""
        return f"{self.found}: {self.hint}" if self.hint else self.found


__all__ = ["Check", "Status"]
