"""The README cannot drift: its commands run, and its demo works and prints what its picture shows."""

from __future__ import annotations

import html
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from rich.text import Text

import demo_picture
from activity_mcp.cli.commands import commands
from cli.conftest import call, home
from cli.outcome import Call
from web.browser import serving

__all__ = ["call", "home"]  # fixtures: commands run in the process of the tests

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
OPERATING = ROOT / "docs" / "operating.md"
pytestmark = pytest.mark.skipif(not README.exists(), reason="the README is not part of the wheel; run from a checkout")


def text() -> str:
    return README.read_text(encoding="utf-8")


def shown_commands() -> list[str]:
    """Every ``activity-mcp …`` line of a code block of the README, then of the page on operating it, without its remark."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text() + OPERATING.read_text(encoding="utf-8"), re.S | re.M)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("activity-mcp ")]


def run(home: Path, line: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ACTIVITY_", "CLAUDE_"))}
    environ = {**kept, "ACTIVITY_HOME": str(home / "state"), "HOME": str(home), "COLUMNS": str(demo_picture.COLUMNS)}
    command = [sys.executable, "-m", "activity_mcp", *shlex.split(line)[1:]]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=1200, cwd=home)


def test_the_first_two_blocks_are_the_two_commands() -> None:
    first, second = re.findall(r"^```(?:sh|bash|console|shell)\n(.*?)^```", text(), re.S | re.M)[:2]
    assert first.strip().splitlines()[-1] == "make demo"
    assert second.strip() == "make test"


def test_every_command_shown_works_in_the_order_shown(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = shown_commands()
    assert len(shown) >= 6
    monkeypatch.chdir(tmp_path)
    call("log", "tool_event", "--feature", "tool_name=first", "--feature", "success=true")
    for line in shown:
        if line.startswith("activity-mcp web"):  # serves until a signal comes, on a port that may be another's here
            with serving(os.environ) as address:
                assert address.startswith("http://127.0.0.1:")
            continue
        done = call(*shlex.split(line)[1:])
        assert done.code == 0, f"{line}\n{done.err}"


def test_what_claude_is_asked_to_start_or_to_fetch_is_there() -> None:
    """What its commands name, without it: ``make client`` installs the plugin by the genuine one."""
    reported = [line.split("  #")[0].strip() for line in text().splitlines() if line.startswith("claude ")]
    assert reported == [
        "claude plugin install activity-mcp --marketplace activity-mcp/activity-mcp",
        "claude mcp add --scope user activity -- activity-mcp serve",
    ]
    marketplace = json.loads((README.parent / ".claude-plugin" / "marketplace.json").read_text())
    assert reported[0].split()[3] == marketplace["plugins"][0]["name"] == marketplace["name"]
    assert f"github.com/{reported[0].split()[-1]}.git" in text()
    assert commands.get_command(None, reported[1].split()[-1]) is not None  # type: ignore[arg-type]


def test_every_command_there_is_is_named() -> None:
    names = commands.list_commands(None)  # type: ignore[arg-type]
    assert [name for name in names if name not in text()] == []


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--quick", ""], ids=["quick", "whole"])
def test_the_demo_shows_the_context_and_what_it_cost(tmp_path: Path, option: str) -> None:
    done = run(tmp_path, f"activity-mcp demo {option}")
    assert done.returncode == 0, done.stderr
    for expected in (
        "Recent sessions",
        "fresh",
        "durable: True",
        "get_context p95",
        "flush of 1,000 events",
        "floor in the same run",
        "peak memory importing",
    ):
        assert expected in done.stdout
    assert "Traceback" not in done.stderr
    assert_is_shown(demo_picture.excerpt(done.stdout))


def assert_is_shown(lines: list[Text]) -> None:
    """That the README's pictures show what this run printed: nine words of ten, as hashes and the ends of cut lines differ. Where
    a line of a table ends depends on its numbers, so on the machine."""
    printed = {word for line in lines for word in words_of(line.plain)}
    for name in demo_picture.THEMES:
        path = f"docs/pictures/demo-{name}.svg"
        assert path in text()
        svg = (ROOT / path).read_text(encoding="utf-8")
        rows = dict.fromkeys(re.findall(r'<text [^>]* y="([\d.]+)"', svg))
        shown = [html.unescape("".join(re.findall(rf'<text [^>]* y="{row}"[^>]*>([^<]*)<', svg))) for row in rows]
        words = {word for line in shown for word in words_of(line)}
        assert len(words) > 30
        assert len(words - printed) * 10 <= len(words), f"`make screenshots` takes {path} again: {words - printed}"


def words_of(line: str) -> set[str]:
    return set(re.findall(r"[A-Za-z_]{4,}", line)) - {"this"}
