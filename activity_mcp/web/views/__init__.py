"""The views, each in a module of its own whose ``VIEW`` it is."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..view import View

NAMES = (
    "overview", "sessions", "tools", "files", "errors", "insights", "search", "sql", "health", "data", "session", "insight",
)  # fmt: skip
"""In the order of the navigation. A route with a parameter comes after those that it would hide."""


def all_views() -> list[View]:
    return [import_module(f"{__name__}.{name}").VIEW for name in NAMES]
