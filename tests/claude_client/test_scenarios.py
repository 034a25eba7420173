"""The genuine Claude Code in every scenario: each fact is recorded once and right, and no import adds what hooks said.

``make client`` runs all of them, on the oldest supported and the newest tried version; ``make client SHORT=1`` the short ones.
"""

from __future__ import annotations

import pytest

from claude_client import background, going_on, interactive, limits, others_hooks, printed, terminal, together, uncommon
from claude_client.lab import Lab
from claude_client.report import Report
from claude_client.scenario import SCENARIOS, Scenario, judge
from claude_client.versions import wanted_versions

pytestmark = pytest.mark.client
_ = (
    background,
    going_on,
    interactive,
    limits,
    others_hooks,
    printed,
    together,
    uncommon,
)  # importing them registers their scenarios


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    is_short = metafunc.config.getoption("--short-client")
    found = [each for each in SCENARIOS.values() if each.is_short or not is_short]
    metafunc.parametrize("found", found, ids=[each.name for each in found])
    metafunc.parametrize("version", wanted_versions()[-1:] if is_short else wanted_versions())


def test_each_fact_is_recorded_once_and_right(found: Scenario, version: str, lab: Lab, client_report: Report) -> None:
    if not found.runs_on(version):
        pytest.skip(f"Claude Code can do it since {found.since}")
    if found.needs_terminal and terminal.MISSING:
        pytest.skip(terminal.MISSING)
    verdict = judge(lab, found)
    client_report.add(version, found.name, verdict)
    assert verdict.faults == []
