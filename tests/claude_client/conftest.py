"""Prints the table of ``make client`` at the end of the run."""

from __future__ import annotations

import pytest

from claude_client.report import Report

_REPORT = pytest.StashKey[Report]()


@pytest.fixture(scope="session")
def client_report(pytestconfig: pytest.Config) -> Report:
    return pytestconfig.stash.setdefault(_REPORT, Report())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    report = config.stash.get(_REPORT, None)
    for line in report.lines() if report else ():
        terminalreporter.write_line(line)
