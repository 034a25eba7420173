"""The core alone: everything embedded works, and where Snowflake is asked for, one line names the extra that is missing."""

from __future__ import annotations

import ast
import json
import re
import sys
from importlib import metadata
from pathlib import Path

import pytest

import activity_mcp
from activity_mcp.__main__ import run
from activity_mcp.operations.checks.installation import EXTRAS
from activity_mcp.warehouse.snowflake.extra import EXTRA, PACKAGES, missing_packages

PACKAGE = Path(activity_mcp.__file__).parent
LOG = ["log", "tool_event", "--feature", "tool_name=deploy", "--feature", "success=true"]


@pytest.fixture
def core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in which nothing of the extra can be imported, as where it was not installed."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ACTIVITY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "300")
    for name in [name for name in sys.modules if name.split(".")[0] == "snowflake"]:
        monkeypatch.delitem(sys.modules, name)
    for name in PACKAGES:
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.usefixtures("core")
def test_the_embedded_warehouse_needs_no_extra(capfd: pytest.CaptureFixture[str]) -> None:
    for command in (LOG, ["flush"], ["context"], ["query", "SELECT COUNT(*) FROM VW_TOOL_EVENTS"], ["deploy", "--dry-run"]):
        assert run(command) == 0, command
    assert EXTRA not in capfd.readouterr().err
    run(["doctor", "--json"])
    checks = {check["name"]: check for check in json.loads(capfd.readouterr().out)["checks"]}
    assert checks["extras"]["status"] == "ok"
    assert "snowflake is not installed (snowflake-connector-python, snowpipe-streaming)" in checks["extras"]["found"]
    assert activity_mcp.__version__ in checks["installation"]["found"]


@pytest.mark.usefixtures("core")
@pytest.mark.parametrize("command", [["flush"], ["query", "SELECT 1"], ["deploy"], ["drift"], ["migrate", "status"]])
def test_where_snowflake_is_asked_for_one_line_names_the_extra(
    command: list[str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(LOG) == 0
    monkeypatch.setenv("SNOW_CONNECTION", "claude")
    capfd.readouterr()
    assert run(command) != 0
    error, hint = [line for line in capfd.readouterr().err.splitlines() if line.startswith(("error:", "hint:"))]
    assert f"Snowflake needs the extra {EXTRA}: snowflake-connector-python" in error
    assert EXTRA in hint


@pytest.mark.usefixtures("core")
def test_an_event_is_recorded_though_the_extra_of_its_warehouse_is_missing(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNOW_CONNECTION", "claude")
    assert run(LOG) == 0
    capfd.readouterr()
    run(["doctor", "--json"])
    checks = {check["name"]: check for check in json.loads(capfd.readouterr().out)["checks"]}
    assert checks["extras"]["status"] == "fail"
    assert EXTRA in checks["extras"]["hint"]


def test_doctor_knows_every_extra_and_every_package_of_it() -> None:
    required = metadata.requires("activity-mcp") or []
    by_extra = {
        name: {re.split(r"[<>=~! ;]", line, maxsplit=1)[0] for line in required if re.search(rf"extra == .{name}.", line)}
        for name in set(metadata.metadata("activity-mcp").get_all("Provides-Extra") or []) - {"test", "lint"}
    }
    assert by_extra == {name: set(packages.values()) for name, packages in EXTRAS.items()}


def test_an_extra_that_is_installed_is_seen() -> None:
    there = {name.lower() for name in (distribution.name for distribution in metadata.distributions()) if name}
    assert missing_packages() == [package for package in PACKAGES.values() if package not in there]


def test_what_an_extra_brings_is_imported_behind_its_guard_only() -> None:
    """A query of Snowflake begins with a connection, and that is where the missing extra is named."""
    unguarded = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:  # of the module itself: it would fail when the module is imported
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            unguarded += [f"{path}: {name}" for name in names if name.split(".")[0] == "snowflake"]
    assert unguarded == []
