"""Commands in their plainest form do what click would do with them, and load next to nothing for it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.__main__ import _read_by_click, run
from activity_mcp.cli.plain import run_plain

LOGGED = ["log", "tool_event", "--feature", "tool_name=deploy", "--feature", "success=true", "--feature", "attempts=3"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith(("ACTIVITY_", "CLAUDE_", "SNOW_", "QUEUE_DIR", "COLUMNS")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ACTIVITY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ACTIVITY_CUSTOMER", "ada@example.org")
    return tmp_path / "home"


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["-h"]])
def test_it_prints_what_click_prints(arguments: list[str], home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_plain(arguments) == 0
    plain = capsys.readouterr()
    assert _read_by_click(arguments) == 0
    assert capsys.readouterr() == plain


@pytest.mark.parametrize(("columns", "is_plain"), [("79", False), ("80", True), ("200", True), ("nonsense", True)])
def test_a_narrow_terminal_gets_the_help_that_fits_it(
    columns: str, is_plain: bool, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert (run_plain(["--help"]) == 0) is is_plain


@pytest.mark.parametrize("arguments", [["doctor"], ["doctor", "--json"], ["status"]])
def test_a_report_is_the_same_by_click(arguments: list[str], home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    codes = [run_plain(arguments), _read_by_click(arguments)]
    first, second = (re.sub(r"[0-9.]+ s old", "", text) for text in _halves(capsys.readouterr().out))
    assert (codes[0], first) == (codes[1], second)


def _halves(text: str) -> tuple[str, str]:
    lines = text.splitlines()
    return "\n".join(lines[: len(lines) // 2]), "\n".join(lines[len(lines) // 2 :])


def test_events_are_logged_as_click_has_them_logged(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = [*LOGGED, "--project", "*", "--activity", "used_deploy", "--link", "https://example.org/1"]
    assert (run_plain(more), _read_by_click(more)) == (0, 0)
    assert len(capsys.readouterr().out.split()) == 2
    [segment] = home.glob("queue/*/seg/*.ndjson")
    lines: list[dict[str, Any]] = [json.loads(line) for line in segment.read_bytes().splitlines()[1:]]
    own = ("activity_id", "ts", "_crc")
    plain, clicked = ({name: value for name, value in line.items() if name not in own} for line in lines)
    assert plain == clicked
    assert plain["feature_json"]["attempts"] == 3


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["status", "--help"], ["status", "--jsonx"], ["log"], ["log", "--help"], ["log", "tool_event", "--feature"], ["flush"],
        ["log", "tool_event", "--json", "-"], ["log", "--feature", "a=b", "tool_event"], ["log", "tool_event", "--feature=a=b"],
        ["log", "tool_event", "--", "x"], ["--help", "status"],
    ],
)  # fmt: skip
def test_whatever_is_written_otherwise_is_left_to_click(arguments: list[str], home: Path) -> None:
    assert run_plain(arguments) is None
    assert not home.exists()


def test_a_mistake_is_worded_alike(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["log", "nonsense_event"]) == run(["log", "--feature", "a=b", "nonsense_event"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[: len(said) // 2] == said[len(said) // 2 :]


# --- what each may load

EXPENSIVE = {
    "dataclasses",
    "inspect",
    "uuid",
    "asyncio",
    "logging",
    "subprocess",
    "tempfile",
    "socket",
    "ast",
    "platform",
    "click",
    "rich",
    "orjson",
}
if sys.version_info >= (3, 14):
    EXPENSIVE.remove("ast")  # part of `typing` there, by way of annotationlib, and without most of what made it dear
OURS_FOR_WORDS = {
    "activity_mcp", "activity_mcp.__main__", "activity_mcp.errors", "activity_mcp.cli", "activity_mcp.cli.plain", "activity_mcp.cli.output",
    "activity_mcp.context", "activity_mcp.context.visible", "activity_mcp.plain_json",
}  # fmt: skip


def loaded_by(arguments: list[str], home: Path) -> set[str]:
    """The modules that a process of this command has at its end."""
    code = (
        "import sys\nbefore = set(sys.modules)\nfrom activity_mcp import __main__ as m\ncode = m.run(sys.argv[1:])\n"
        "sys.stderr.write(' '.join(set(sys.modules) - before))\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [["--version"], ["--help"]])
def test_words_about_itself_load_nothing_of_its_rooms(arguments: list[str], home: Path) -> None:
    loaded = loaded_by(arguments, home)
    assert {name for name in loaded if name.startswith("activity_mcp")} <= OURS_FOR_WORDS
    assert loaded & EXPENSIVE == set()


@pytest.mark.parametrize(
    ("arguments", "rooms"),
    [
        (LOGGED, {"activity", "clock", "cli", "composition", "config", "context", "errors", "fs", "identity", "lazy", "package_files",
                  "plain_json", "project", "queue", "recording", "redaction", "schema", "service"}),
        (["status"], {"activity", "clock", "cli", "composition", "config", "context", "errors", "fs", "health", "identity", "lazy", "otlp",
                      "package_files", "plain_json", "project", "queue", "recall", "recording", "redaction", "schema", "service", "warehouse"}),
    ],
    ids=["log", "status"],
)  # fmt: skip
def test_a_short_command_loads_its_rooms_and_nothing_expensive(arguments: list[str], rooms: set[str], home: Path) -> None:
    loaded = loaded_by(arguments, home)
    assert loaded & (EXPENSIVE if arguments is LOGGED else EXPENSIVE - {"platform"}) == set()
    assert {name.split(".")[1] for name in loaded if name.startswith("activity_mcp.")} - {"__main__"} <= rooms
    foreign = {name.split(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {"activity_mcp"}
    assert foreign == set()


def test_doctors_first_line_is_printed_before_most_of_what_examines_is_loaded(home: Path) -> None:
    code = (
        "import sys\nbefore = set(sys.modules)\nwrite = sys.stdout.write\n"
        "class Once:\n"
        "    def write(self, text):\n"
        "        write(text + ' '.join(set(sys.modules) - before))\n"
        "        sys.stdout = sys.__stdout__\n"
        "    def flush(self): pass\n"
        "    def isatty(self): return False\n"
        "    def fileno(self): raise OSError\n"
        "from activity_mcp import __main__ as m\nsys.stdout = Once()\nm.run(['doctor'])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    line, loaded = said.splitlines()[0], set(said.splitlines()[1].partition("ok  ")[0].split())
    assert line.split() == ["ok", "configuration", *["every", "variable", "has", "a", "value", "that", "can", "be", "used"]]
    assert "activity_mcp.operations.doctor" in loaded
    assert loaded & (EXPENSIVE | {"activity_mcp.service", "activity_mcp.redaction", "duckdb"}) == set()


def test_a_context_that_is_at_hand_is_answered_without_the_warehouse(home: Path) -> None:
    run([*LOGGED])
    run(["context", "--json"])
    run([*LOGGED])
    loaded = loaded_by(["context", "--json"], home)
    assert loaded & {"duckdb", "_duckdb", "rich", "activity_mcp.pipeline.flusher", "activity_mcp.operations.drain"} == set()
