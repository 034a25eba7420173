"""The page over one seeded warehouse for the whole run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from web.browser import environment_of
from web.paged import Paged
from web.seed import Seeded, seed


@pytest.fixture(scope="session")
def seeded_month(tmp_path_factory: pytest.TempPathFactory) -> Seeded:
    """Read only: a process that serves it, or a test that records something, takes a copy."""
    home = tmp_path_factory.mktemp("page") / "home"
    return Seeded(home, seed(environment_of(home), sessions=24))


@pytest.fixture(scope="session")
def paged(seeded_month: Seeded) -> Iterator[Paged]:
    """Read only: a test that records something makes a Paged of its own."""
    pytest.importorskip("jinja2", reason="needs the extra: pip install 'activity-mcp[web]'")
    with Paged(dict(os.environ), seeded_month.home, seeded=seeded_month) as made:
        yield made
