"""Options of the whole suite, and fixtures that more than one directory needs."""

from __future__ import annotations

import gc
import itertools
import os
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from activity_mcp.warehouse.duckdb import query, refresh, warehouse
from activity_mcp.warehouse.snowflake import snowpipe
from deployed import attach_deployed
from lengths import LONG

if TYPE_CHECKING:
    from machines import Machine
    from server.house import House
    from standins.started import StandIn
    from standins.warm_queries import WarmQueries

SHORT_CRASH_S = 3.0

DEPLOYING = {"crash", "sql", "test_deployment.py", "test_duckdb.py", "test_layouts.py"}
"""Rooms and files whose tests deploy each new warehouse: how that goes is what they test, or can be disturbed there."""

ROWS_ONLY = {
    "search", "sessions", "test_follower.py", "test_history.py", "test_hook_story.py", "test_import_command.py", "test_survey.py",
    "test_usage_command.py",
}  # fmt: skip
"""Rooms and files whose tests look at what was recorded, and at no context; one that does asks for ``whole_folds``."""

_numbers = itertools.count(1)
_START_CHILD = query.start_child
_REFRESH_SEQUENCE = refresh.refresh_sequence

# No test fails because the machine is busy: neither an example nor the making of examples has a deadline.
settings.register_profile(
    "untimed", max_examples=200 if LONG else 30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--crash-seconds", type=float, default=SHORT_CRASH_S, help="how long the kill loops run, together")
    parser.addoption("--conformance", action="store_true", help="run the protocol's own test suites, from npm")
    parser.addoption("--short-client", action="store_true", help="of Claude Code's scenarios the short ones, newest version")
    parser.addoption("--crash-seed", type=int, default=None, help="repeat the kill loops of this seed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Workers begin with a part each, in this order, and who has done his takes from the end of another's."""
    items.sort(key=lambda item: item.get_closest_marker("first") is None)
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("long")  # five times the examples


def pytest_collection_finish() -> None:
    """A full collection would look through five thousand tests, and all that they import, again and again."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Extensions report what is still there at the end as leaks."""
    gc.unfreeze()


@pytest.fixture
def crash_seconds(request: pytest.FixtureRequest) -> float:
    return float(request.config.getoption("--crash-seconds"))


@pytest.fixture
def crash_seed(request: pytest.FixtureRequest) -> int:
    """Printed, so that a failure can be repeated."""
    given = request.config.getoption("--crash-seed")
    seed = random.SystemRandom().randrange(1_000_000) if given is None else int(given)
    print(f"--crash-seed {seed}")
    return seed


@pytest.fixture
def anyio_backend() -> str:
    """What the SDK's clients run on."""
    return "asyncio"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Servers over one state directory and one warehouse in memory, driven turn by turn."""
    from machines import Machine

    made = Machine(tmp_path / "home")
    yield made
    for service in made.services:
        service.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """The real service on a DuckDB file, and an MCP client in memory."""
    from server.house import House  # it brings the SDK, which most tests do without

    made = House(tmp_path / "home")
    yield made
    for service in made.opened:
        service.close()


@pytest.fixture(scope="session")
def _warm_queries() -> Iterator[WarmQueries]:
    from standins.warm_queries import WarmQueries

    made = WarmQueries()
    yield made
    made.close()


@cache
def _without_contexts() -> tuple[refresh.Step, ...]:
    return tuple(step for step in _REFRESH_SEQUENCE() if "MERGE INTO CONTEXT_" not in step.statement.query)


@pytest.fixture(autouse=True)
def spared(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the test's own process, but where they are what is tested: a query does without the start of an interpreter, a new
    warehouse without its deployment, and a fold without the statements that write contexts (what it does beside them, it does),
    which are most of what the suite would do."""
    if not DEPLOYING & set(request.path.parts):
        monkeypatch.setattr(warehouse, "_attach", attach_deployed)
    if "warehouse" not in request.path.parts:
        monkeypatch.setattr(query, "start_child", request.getfixturevalue("_warm_queries").start)
    if ROWS_ONLY & set(request.path.parts):
        monkeypatch.setattr(refresh, "refresh_sequence", _without_contexts)


@pytest.fixture
def cold_queries(spared: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a test of the child's own start and end outside ``tests/warehouse``."""
    monkeypatch.setattr(query, "start_child", _START_CHILD)


@pytest.fixture
def whole_folds(spared: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a test of contexts in a room of ``ROWS_ONLY``."""
    monkeypatch.setattr(refresh, "refresh_sequence", _REFRESH_SEQUENCE)


@pytest.fixture(scope="session")
def snowflake_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """One stand-in for Snowflake for the whole run. Its CA must be known before the first client of the process is made."""
    pytest.importorskip("snowflake.ingest", reason="needs the extra: pip install 'activity-mcp[snowflake]'")
    from standins.started import StandIn

    service = StandIn(tmp_path_factory.mktemp("snowflake"))
    os.environ["SSL_CERT_FILE"] = str(service.authority)
    yield service
    service.kill()
    del os.environ["SSL_CERT_FILE"]


@pytest.fixture
def snowflake(snowflake_process: StandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """The stand-in without faults; the SDK tries again at once, where it would wait for a second each time."""
    from standins.started import IMPATIENCE

    for name, value in IMPATIENCE.items():
        monkeypatch.setitem(snowpipe.PATIENCE, name, value)
    yield snowflake_process
    snowflake_process.clear()


@pytest.fixture
def database() -> str:
    """The name of a database that no other test uses."""
    return f"TEST_{next(_numbers)}"
