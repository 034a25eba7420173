from __future__ import annotations

from pathlib import Path

import pytest

from fakes import FakeClock


@pytest.fixture
def directory(tmp_path: Path) -> str:
    return str(tmp_path / "queue" / "duckdb-1")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
