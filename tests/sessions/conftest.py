"""Commands run in the process of the tests, as those of ``cli`` are."""

from __future__ import annotations

from cli.conftest import call, home

__all__ = ["call", "home"]
