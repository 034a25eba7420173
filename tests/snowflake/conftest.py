from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from snowflake_recording import Recording
from standins.started import StandIn


@pytest.fixture
def recording(tmp_path: Path, snowflake: StandIn, database: str) -> Iterator[Recording]:
    made = Recording(tmp_path, snowflake, database)
    yield made
    made.close()
