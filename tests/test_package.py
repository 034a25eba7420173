"""What is installed: the package with its types, its SQL, its schemas and its example, and commands that start."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import activity_mcp
from activity_mcp import package_files
from activity_mcp.warehouse.duckdb import generated_sql, layout

CHECKOUT = Path(__file__).resolve().parents[1]


def test_the_suite_runs_against_the_built_wheel_where_it_is_meant_to() -> None:
    if not os.environ.get("ACTIVITY_TEST_WHEEL"):
        pytest.skip("only `make test` installs the wheel first")
    assert Path(activity_mcp.__file__).parent != CHECKOUT / "activity_mcp"
    assert Path(package_files.path_of("sql")).parent == Path(activity_mcp.__file__).parent


def test_every_file_the_package_reads_is_there() -> None:
    assert (Path(activity_mcp.__file__).parent / "py.typed").exists()
    for kind, names in {
        "schemas": ["event_schemas.json"],
        "sql": ["01_migration_setup.sql", "02_artifacts.sql", "03_streams_tasks.sql", "04_typed_views.sql"],
        "examples": ["session.jsonl"],
    }.items():
        for name in names:
            assert package_files.read_bytes(kind, name) == (CHECKOUT / kind / name).read_bytes()
    assert len(layout.deployment_files()) >= 5
    assert generated_sql.statements_of(generated_sql.REFRESH_FILE)


def test_a_file_that_is_missing_says_what_to_do() -> None:
    with pytest.raises(FileNotFoundError, match="install activity-mcp again"):
        package_files.path_of("sql", "99_no_such.sql")


def test_the_command_is_installed_and_prints_the_version_of_the_package() -> None:
    command = shutil.which("activity-mcp", path=os.path.dirname(sys.executable))
    if command is None:
        pytest.skip("the package is not installed here; `make test` installs it")
    reported = subprocess.run([command, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    assert reported == activity_mcp.__version__ == metadata.version("activity-mcp")


def test_constraints_hold_every_package_that_is_asked_for_in_a_range_that_allows_it() -> None:
    """What constraints.txt leaves out is another version on every machine and day."""
    lines = (CHECKOUT / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    held = {canonicalize_name(name): version for name, version in pins.items()}
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    asked = [Requirement(line) for group in groups for line in group]
    assert [str(wanted) for wanted in asked if held.get(canonicalize_name(wanted.name), "") not in wanted.specifier] == []
