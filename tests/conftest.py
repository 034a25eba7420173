"""Options of the whole suite."""

from __future__ import annotations

import random

import pytest

SHORT_CRASH_S = 20.0


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--crash-seconds", type=float, default=SHORT_CRASH_S, help="how long the kill loops run, together")
    parser.addoption("--crash-seed", type=int, default=None, help="repeat the kill loops of this seed")


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
