"""What ``activity-mcp doctor`` says of a registration, beside what the genuine client says of the same."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from claude_client.lab import PRODUCT, TIMEOUT_S, Lab
from claude_client.scenario import CHECKOUT
from claude_client.versions import wanted_versions

pytestmark = pytest.mark.client
_PROJECT_SETTINGS = {
    "approved": {"enabledMcpjsonServers": ["activity"]},
    "all approved": {"enableAllProjectMcpServers": True},
    "rejected": {"disabledMcpjsonServers": ["activity"]},
    "pending": {},
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    left_out = pytest.param("", marks=pytest.mark.skip(reason="left out of the short form"))
    metafunc.parametrize("version", [left_out] if metafunc.config.getoption("--short-client") else wanted_versions())


def _said(lab: Lab, *command: str) -> str:
    """What a command prints, whatever its exit code: doctor's says how it goes."""
    done = subprocess.run(
        command, cwd=lab.project, env=lab.environ, text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=TIMEOUT_S
    )
    return done.stdout


def _checks(lab: Lab) -> dict[str, tuple[str, str]]:
    """Status and finding of each check, by name."""
    found = json.loads(_said(lab, str(PRODUCT / "activity-mcp"), "doctor", "--json"))["checks"]
    return {check["name"]: (check["status"], check["found"]) for check in found}


def _listed(lab: Lab) -> list[str]:
    """How the client lists our server."""
    return [line for line in _said(lab, str(lab.claude), "mcp", "list").splitlines() if "activity-mcp" in line]


@pytest.mark.parametrize("state", _PROJECT_SETTINGS)
def test_a_project_s_server_is_approved_or_not_as_the_client_says(version: str, lab: Lab, state: str) -> None:
    lab.onboard()
    shutil.copy(CHECKOUT / "examples" / ".mcp.json", lab.project)
    settings = lab.project / ".claude"
    settings.mkdir()
    shutil.copy(CHECKOUT / "examples" / "settings.json", settings)
    (settings / "settings.local.json").write_text(json.dumps(_PROJECT_SETTINGS[state]))
    status, finding = _checks(lab)["server registered"]
    is_connected = any("Connected" in line for line in _listed(lab))
    assert is_connected == ("approved" in state)
    assert status == ("ok" if is_connected else "warn"), finding
    words = {"pending": "has not been approved here yet", "rejected": "rejected in this project"}
    assert words.get(state, "always loaded") in finding


def test_an_installed_server_is_connected_and_nothing_that_a_command_of_the_client_does_is_recorded(
    version: str, lab: Lab
) -> None:
    """``claude mcp list`` reports the end of a session that never began."""
    lab.environ["PATH"] = f"{Path(lab.claude).parent}:{lab.environ['PATH']}"
    lab.product("install")
    assert any("Connected" in line for line in _listed(lab))
    assert lab.rows() == []
    checks = _checks(lab)
    assert checks["server registered"][0] == checks["hooks registered"][0] == checks["hooks allowed"][0] == "ok"
    assert checks["claude version"] == ("ok", version)


def test_the_plugin_beside_the_settings_is_reported_as_twice(version: str, lab: Lab) -> None:
    for command in (("marketplace", "add", str(CHECKOUT)), ("install", "activity-mcp@activity-mcp")):
        lab.run(str(lab.claude), "plugin", *command)
    assert _checks(lab)["server registered"] == ("ok", "by the plugin activity-mcp@activity-mcp")
    lab.product("install")
    assert len(_listed(lab)) == 2
    status, finding = _checks(lab)["server registered"]
    assert (status, finding.partition(":")[0]) == ("warn", "registered 2 times")
