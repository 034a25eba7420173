"""The protocol as others test it: the official conformance suite and the Inspector, both from npm, against a real server.

They need the network and minutes, so they run only when asked: ``make conformance``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from patience import PATIENCE_S
from server.wire import ENVIRON
from web.site import Site

SUITE = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
INSPECTOR = "@modelcontextprotocol/inspector@0.15.0"
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
"""The suite and the Inspector have no way to send a token, and ``completion-complete`` asks about a prompt by a name of its own
(for one that does not exist the protocol asks for the error that this server gives)."""


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


def run(packages: Path, script: str, *arguments: str, environ: dict[str, str] | None = None) -> str:
    command = [str(packages / "node_modules/node/bin/node"), str(packages / "node_modules" / script), *arguments]
    done = subprocess.run(command, env={**ENVIRON, **(environ or {})}, capture_output=True, text=True, timeout=PATIENCE_S)
    return done.stdout + done.stderr


@pytest.mark.parametrize(("scenario", "version"), [(name, version) for name, found in SCENARIOS.items() for version in found])
def test_the_conformance_suite_passes(packages: Path, site: Site, scenario: str, version: str) -> None:
    script = "@modelcontextprotocol/conformance/dist/index.js"
    reported = run(packages, script, "server", "--url", site.url, "--scenario", scenario, "--spec-version", version)
    found = re.search(r"Passed: (\d+)/(\d+), (\d+) failed, (\d+) warnings", reported)
    assert found, reported
    assert (found[1], found[3], found[4]) == (found[2], "0", "0"), reported
    assert int(found[1]) > 0


INSPECT = "@modelcontextprotocol/inspector/cli/build/cli.js"


def test_the_inspector_lists_and_calls_tools_over_stdio(packages: Path, environ: dict[str, str]) -> None:
    serve = ["--cli", shutil.which("activity-mcp", path=os.environ["PATH"]) or "activity-mcp", "serve"]
    listed = run(packages, INSPECT, *serve, "--method", "tools/list", environ=environ)
    assert [name for name in ("get_context", "log_event", "query", "health") if f'"name": "{name}"' not in listed] == []
    assert '\\"health\\":\\"' in run(
        packages, INSPECT, *serve, "--method", "tools/call", "--tool-name", "health", environ=environ
    )


def test_the_inspector_lists_and_calls_tools_over_sse(packages: Path, environ: dict[str, str]) -> None:
    with Site("sse", environ, starts=WITHOUT_TOKEN) as site:
        where = ["--cli", site.url, "--transport", "sse"]
        listed = run(packages, INSPECT, *where, "--method", "tools/list")
        assert '"name": "get_context"' in listed
        called = run(packages, INSPECT, *where, "--method", "tools/call", "--tool-name", "get_context")
        assert '\\"freshness\\":\\"' in called
