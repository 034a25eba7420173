"""What is in the place of the database file, or of its log, and no file, is refused at once: a pipe would hold its opener for ever."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from activity_mcp.errors import WarehouseRefused
from activity_mcp.operations.checks.storage import database
from activity_mcp.warehouse.duckdb.layout import foreign_tables
from activity_mcp.warehouse.duckdb.query import DuckDBQueries
from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse, is_deployed
from deployed import put_file
from patience import PATIENCE_S

OPENINGS: dict[str, Callable[[str], object]] = {
    "a flush": lambda path: DuckDBWarehouse(path).committed("channel"),
    "a query": lambda path: DuckDBQueries(path).query("SELECT 1", timeout_s=PATIENCE_S),
    "deploy": is_deployed,
    "a purge": foreign_tables,
}


@pytest.fixture(params=[f"{kind}{ending}" for kind in ("pipe", "socket") for ending in ("", ".wal")])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """The path of a database whose file, or log, is something else. The pipe has another end, so that nothing waits for it."""
    kind, _, log = request.param.partition(".")
    path = tmp_path / "a.duckdb"
    place = tmp_path / "a.duckdb.wal" if log else path
    if log:
        put_file(path)
    if kind == "pipe":
        os.mkfifo(place)
        end = os.open(place, os.O_RDWR | os.O_NONBLOCK)
        yield path
        os.close(end)
    else:
        with closing(socket.socket(socket.AF_UNIX)) as bound:
            bound.bind(str(place))
            yield path


@pytest.mark.parametrize("opening", OPENINGS)
def test_what_is_no_file_is_refused_by_everything_that_opens_it_and_stays(path: Path, opening: str) -> None:
    before = sorted(path.parent.iterdir())
    with pytest.raises(WarehouseRefused, match="is a pipe, a device or a socket") as refused:
        OPENINGS[opening](str(path))
    assert "move it away" in str(refused.value.hint)
    assert sorted(path.parent.iterdir()) == before


def test_doctor_names_it(path: Path) -> None:
    (check,) = database(str(path))
    assert (check.name, check.status) == ("database", "fail")
    assert str(path) in check.found


def test_doctor_says_nothing_of_a_file_or_of_none(tmp_path: Path) -> None:
    assert list(database(str(tmp_path / "none.duckdb"))) == []
    put_file(tmp_path / "a.duckdb")
    assert list(database(str(tmp_path / "a.duckdb"))) == []
