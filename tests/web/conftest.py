"""The page over one seeded warehouse for the whole run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from web.paged import Paged


@pytest.fixture(scope="session")
def paged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paged]:
    """Read only: a test that records something makes a Paged of its own."""
    pytest.importorskip("jinja2", reason="needs the extra: pip install 'activity-mcp[web]'")
    with Paged(dict(os.environ), tmp_path_factory.mktemp("page") / "home", sessions=24) as made:
        yield made
