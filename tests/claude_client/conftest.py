"""Prints the table of ``make client`` at the end of the run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from claude_client.lab import Lab
from claude_client.report import Report
from claude_client.versions import Unavailable, client

_REPORT = pytest.StashKey[Report]()


@pytest.fixture(scope="session")
def client_report(pytestconfig: pytest.Config) -> Report:
    return pytestconfig.stash.setdefault(_REPORT, Report())


@pytest.fixture
def lab(version: str, tmp_path: Path) -> Iterator[Lab]:
    try:
        claude = client(version)
    except Unavailable as error:
        pytest.skip(str(error))
    made = Lab(tmp_path / "lab", claude)
    yield made
    made.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    report = config.stash.get(_REPORT, None)
    for line in report.lines() if report else ():
        terminalreporter.write_line(line)
