"""The protocol as others test it: the official conformance suite and the Inspector, both from npm, against a real server.

They need the network and minutes, so they run only when asked: ``make conformance``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from patience import PATIENCE_S
from server.wire import ENVIRON
from web.site import Site

SUITE = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
INSPECTOR = "@modelcontextprotocol/inspector@2.12.0"
NODE = "node@22"
OLDER, NEWER = "2025-11-25", "2026-07-28"
SCENARIOS = {
    "server-initialize": (OLDER,),
    "server-session-lifecycle": (OLDER,),
    "ping": (OLDER,),
    "tools-list": (OLDER, NEWER),
    "resources-list": (OLDER, NEWER),
    "prompts-list": (OLDER, NEWER),
    "completion-complete": (OLDER,),
    "dns-rebinding-protection": (OLDER, NEWER),
    "server-sse-multiple-streams": (OLDER, NEWER),
    "sep-2164-resource-not-found": (NEWER,),
    "caching": (NEWER,),
    "http-header-validation": (NEWER,),
    "input-required-result-unsupported-methods": (NEWER,),
}
"""Those that need no fixtures in the server, and the protocol versions they exist in."""


WITHOUT_TOKEN = [
    sys.executable, "-c",
    (
        "from activity_mcp.server.http.guard import Guard\n"
        "from activity_mcp.server import resources\n"
        "Guard._proven = lambda *_: True\n"
        "prompt = resources.PROMPTS[0].model_copy(update={'name': 'test_prompt_with_arguments'})\n"
        "resources.PROMPTS = (*resources.PROMPTS, prompt)\n"
        "from activity_mcp.__main__ import main; main()"
    ),
]  # fmt: skip
"""The suite has no way to send a token, and ``completion-complete`` asks about a prompt by a name of its own (for one that does
not exist the protocol asks for the error that this server gives)."""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """Where the two and a Node of the version they need are installed."""
    if not request.config.getoption("--conformance"):
        pytest.skip("needs the network and minutes; run it with --conformance (make conformance)")
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("there is no npm here")
    place = tmp_path_factory.mktemp("npm")
    (place / "package.json").write_text("{}")
    done = subprocess.run([npm, "install", NODE, SUITE, INSPECTOR], cwd=place, capture_output=True, text=True, timeout=600)
    if done.returncode:
        pytest.skip(f"npm could not install them: {done.stderr.strip()[-300:]}")
    return place


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {"ACTIVITY_HOME": str(tmp_path_factory.mktemp("home")), "ACTIVITY_CUSTOMER": "me@example.com"}


@pytest.fixture(scope="module")
def site(packages: Path, environ: dict[str, str]) -> Iterator[Site]:
    with Site("http", environ, starts=WITHOUT_TOKEN) as site:
        yield site


def run(packages: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(packages / "node_modules/node/bin/node"), str(packages / "node_modules" / script), *arguments]
    return subprocess.run(command, env=ENVIRON | {"HOME": str(packages)}, capture_output=True, text=True, timeout=PATIENCE_S)


@pytest.mark.parametrize(("scenario", "version"), [(name, version) for name, found in SCENARIOS.items() for version in found])
def test_the_conformance_suite_passes(packages: Path, site: Site, scenario: str, version: str) -> None:
    script = "@modelcontextprotocol/conformance/dist/index.js"
    reported = run(packages, script, "server", "--url", site.url, "--scenario", scenario, "--spec-version", version).stdout
    found = re.search(r"Passed: (\d+)/(\d+), (\d+) failed, (\d+) warnings", reported)
    assert found, reported
    assert (found[1], found[3], found[4]) == (found[2], "0", "0"), reported
    assert int(found[1]) > 0


INSPECT = "@modelcontextprotocol/inspector/clients/cli/build/index.js"
ERAS = ("legacy", "modern")
"""What the Inspector calls the protocol's versions with a handshake and without one."""


def inspected(packages: Path, *arguments: str) -> dict[str, Any]:
    done = run(packages, INSPECT, *arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)["result"]
    return answer


def lists_and_calls(packages: Path, *server: str) -> None:
    """``--strict``: a schema of a tool that a client could not take is an error."""
    listed = inspected(packages, *server, "--method", "tools/list", "--strict")
    assert {"get_context", "log_event", "query", "health"} <= {tool["name"] for tool in listed["tools"]}
    called = inspected(packages, *server, "--method", "tools/call", "--tool-name", "get_context")
    assert called["structuredContent"]["freshness"]


@pytest.mark.parametrize("era", ERAS)
def test_the_inspector_lists_and_calls_tools_over_stdio(packages: Path, environ: dict[str, str], era: str) -> None:
    command = shutil.which("activity-mcp", path=os.environ["PATH"]) or "activity-mcp"
    handed = [part for name, value in environ.items() for part in ("-e", f"{name}={value}")]
    lists_and_calls(packages, command, "serve", *handed, "--protocol-era", era)


@pytest.mark.parametrize(("transport", "era"), [("http", era) for era in ERAS] + [("sse", "legacy")])
def test_the_inspector_lists_and_calls_tools_with_a_token(
    packages: Path, environ: dict[str, str], transport: str, era: str
) -> None:
    with Site(transport, environ) as site:
        shown = ["--header", f"Authorization: Bearer {site.token}"]
        lists_and_calls(packages, site.url, "--transport", transport, *shown, "--protocol-era", era)
