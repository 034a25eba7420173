"""The plugin by the genuine Claude Code: installed in one line, it says what to run where the command is missing, and works with it.

Part of ``make client``; nothing is asked of a model.
"""

from __future__ import annotations

import subprocess

import pytest

import test_plugin
from activity_mcp.claude_code.versions import NEEDS
from claude_client import terminal
from claude_client.lab import Lab
from claude_client.scenario import CHECKOUT
from claude_client.terminal import Terminal
from claude_client.versions import number_of, wanted_versions

pytestmark = pytest.mark.client
[ONE_LINE_SINCE] = [need.since for need in NEEDS if "--marketplace" in need.what]
TO_RUN = "uv tool install activity-mcp"
BARE_PATH = "/usr/local/bin:/usr/bin:/bin"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    is_short = metafunc.config.getoption("--short-client")
    metafunc.parametrize("version", wanted_versions()[-1:] if is_short else wanted_versions())


def claude(lab: Lab, *arguments: str) -> str:
    done = subprocess.run(
        [lab.claude, *arguments],
        cwd=lab.project,
        env=lab.environ,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
    return done.stdout + done.stderr


def is_newer(version: str) -> bool:
    return number_of(version) >= ONE_LINE_SINCE


def install_plugin(lab: Lab, version: str) -> None:
    if is_newer(version):
        said = claude(lab, "plugin", "install", "activity-mcp", "--marketplace", str(CHECKOUT))
    else:
        claude(lab, "plugin", "marketplace", "add", str(CHECKOUT))
        said = claude(lab, "plugin", "install", "activity-mcp@activity-mcp")
    assert "Successfully installed plugin: activity-mcp@activity-mcp" in said


def test_the_plugin_connects_where_the_command_is_and_is_all_that_doctor_asks_for(version: str, lab: Lab) -> None:
    install_plugin(lab, version)
    assert "Connected" in claude(lab, "mcp", "list")
    assert "by the plugin activity-mcp@activity-mcp" in lab.product("doctor")


def test_the_plugin_without_the_command_says_what_to_run(version: str, lab: Lab) -> None:
    lab.environ["PATH"] = BARE_PATH
    install_plugin(lab, version)
    if terminal.MISSING:
        pytest.skip(terminal.MISSING)
    lab.onboard()
    with Terminal(lab, mode="default") as first:
        first.wait_for(TO_RUN)
        first.wait_until_idle()
        first.enter("/mcp")
        first.wait_for("plugin:activity-mcp:activity")
        first.press("Enter")
        first.wait_for("-32001" if is_newer(version) else "failed")  # an older /mcp shows no reason
    with Terminal(lab, mode="default") as second:
        second.wait_until_ready()
        second.wait_until_idle()
        assert TO_RUN not in second.screen()


def test_doctor_of_another_installation_says_that_the_plugins_command_is_missing(version: str, lab: Lab) -> None:
    install_plugin(lab, version)
    lab.environ["PATH"] = BARE_PATH
    with pytest.raises(subprocess.CalledProcessError) as failed:
        lab.product("doctor")
    assert "activity-mcp is neither on PATH" in " ".join(str(failed.value.stdout).split())


def test_the_plugin_is_valid_to_the_client(version: str, lab: Lab) -> None:
    said = claude(lab, "plugin", "validate", str(test_plugin.PLUGIN))
    assert "Validation passed" in said
