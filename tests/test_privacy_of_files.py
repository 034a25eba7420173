"""Whatever one of our processes writes, others cannot read: DuckDB's log, its copies and what it spills as well."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from patience import PATIENCE_S

WRITES = "open({path!r}, 'w').close(); os.mkdir({path!r} + '.d')"
PROCESSES = {
    "a command": "import activity_mcp.__main__ as m\nm.run = lambda arguments: exec(made)\nm.main()",
    "a hook": "import activity_mcp.claude_code.hooks.hook as m\nm.run = lambda data, environ: exec(made) or b''\nm.main()",
}


@pytest.mark.parametrize("process", PROCESSES)
def test_what_a_library_writes_in_our_processes_is_private(tmp_path: Path, process: str) -> None:
    path = tmp_path / "made"
    code = f"import os\nos.umask(0o022)\nmade = {WRITES.format(path=str(path))!r}\n{PROCESSES[process]}"
    subprocess.run([sys.executable, "-c", code], input=b"", check=False, timeout=PATIENCE_S)
    assert [found.stat().st_mode & 0o777 for found in (path, Path(f"{path}.d"))] == [0o600, 0o700]


def test_every_file_of_a_warehouse_in_a_public_directory_is_private(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("ACTIVITY_", "QUEUE_", "SNOW_"))},
        "ACTIVITY_HOME": str(tmp_path / "home"), "ACTIVITY_DB": str(shared / "a.duckdb"), "ACTIVITY_CUSTOMER": "ada@example.com",
    }  # fmt: skip
    for command in (
        ["log", "tool_event", "--feature", "tool_name=x", "--feature", "success=true"], ["flush"], ["forget", "--match", "no such"],
    ):  # fmt: skip
        called = [sys.executable, "-m", "activity_mcp", *command]
        subprocess.run(called, env=environ, check=True, timeout=PATIENCE_S, capture_output=True, umask=0o022)
    found = [path for root in (shared, tmp_path / "home") for path in root.rglob("*")]
    assert shared / "a.duckdb" in found
    assert {path: oct(path.stat().st_mode) for path in found if path.stat().st_mode & 0o077} == {}
