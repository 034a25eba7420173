"""A warehouse file that is deployed already, for tests in which its first deployment is not the matter: half a second each."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse, _attach

if TYPE_CHECKING:
    import duckdb

_is_deploying: list[str] = []


def put_warehouse(home: Path) -> None:
    """``home``, made where it is missing, with an empty warehouse of this version in it."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    put_file(home / "activity.duckdb")


def put_file(path: Path) -> None:
    """The same as a file alone."""
    path.touch(mode=0o600)
    path.write_bytes(_deployed())


def attach_deployed(connection: duckdb.DuckDBPyConnection, path: str, patience_s: float) -> None:
    """What a warehouse attaches: where there is no file yet, one that is deployed already."""
    if not os.path.exists(path) and not _is_deploying:
        beside = f"{path}.{os.getpid()}.{threading.get_ident()}.tmp"
        put_file(Path(beside))
        with contextlib.suppress(FileExistsError):  # another was first
            os.link(beside, path)
        os.unlink(beside)
    _attach(connection, path, patience_s)


@cache
def _deployed() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "activity.duckdb")
        _is_deploying.append(str(path))
        try:
            warehouse = DuckDBWarehouse(str(path))
            with warehouse.transaction():
                pass  # opening it deploys
            warehouse.close()
        finally:
            _is_deploying.pop()
        return path.read_bytes()
