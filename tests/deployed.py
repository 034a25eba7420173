"""A warehouse file that is deployed already, for tests in which its first deployment is not the matter: half a second each."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse


def put_warehouse(home: Path) -> None:
    """``home``, made where it is missing, with an empty warehouse of this version in it."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    put_file(home / "activity.duckdb")


def put_file(path: Path) -> None:
    """The same as a file alone."""
    path.touch(mode=0o600)
    path.write_bytes(_deployed())


@cache
def _deployed() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "activity.duckdb")
        warehouse = DuckDBWarehouse(str(path))
        with warehouse.transaction():
            pass  # opening it deploys
        warehouse.close()
        return path.read_bytes()
