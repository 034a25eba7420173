"""The site: its reference is what is there, its navigation names every page, and the commands of its quick starts run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest
import yaml

import man_page
import reference
from activity_mcp.__main__ import run
from activity_mcp.cli.commands import commands

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
STARTS = sorted((DOCS / "start").glob("*.md"))
pytestmark = pytest.mark.skipif(not STARTS, reason="the documents are not part of the wheel; run from a checkout")


@pytest.mark.parametrize("name", sorted(reference.pages()))
def test_a_page_of_the_reference_is_what_would_be_rendered(name: str) -> None:
    assert (DOCS / "reference" / name).read_text(encoding="utf-8") == reference.pages()[name]


def test_the_manual_page_is_what_would_be_rendered() -> None:
    assert man_page.PAGE.read_text(encoding="utf-8") == man_page.page()


def test_the_manual_page_has_every_command_option_variable_and_exit_code() -> None:
    text = man_page.page().replace("\\-", "-")
    assert [
        name for name in commands.list_commands(click.Context(commands)) if not re.search(rf'^\.SS "{name}\b', text, re.M)
    ] == []
    listed = re.findall(r"^\| `([A-Z_]+)` \|", (DOCS / "configuration.md").read_text(encoding="utf-8"), re.M)
    options = re.findall(r"^\| `(--[\w-]+)", reference.pages()["commands.md"], re.M)
    bold = "\n".join(re.findall(r'^\.B "(.*)"$', text, re.M))
    assert [name for name in [*listed, *options, *"012345"] if name not in bold] == []


@pytest.mark.skipif(not shutil.which("mandoc"), reason="no mandoc here")
def test_a_reader_of_manual_pages_finds_no_fault_in_it() -> None:
    """But for the date, which a page of every build would have another of."""
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", man_page.PAGE], capture_output=True, text=True, check=False)
    assert [line for line in done.stdout.splitlines() if "missing date" not in line] == []


def test_the_reference_leaves_nothing_out() -> None:
    pages = reference.pages()
    created = {
        name
        for path in (ROOT / "sql").glob("*.sql")
        for name in re.findall(r"^CREATE .*?\b(V[W]?_\w+)", path.read_text(), re.M)
    }
    assert [name for name in created if f"| `{name}` | view | " not in pages["sql.md"]] == []
    assert "| view |  |" not in pages["sql.md"]
    errors = re.findall(r"^class (\w+)\(", (ROOT / "activity_mcp" / "errors.py").read_text(), re.M)
    assert set(errors) == set(re.findall(r"^\| `(\w+)`", pages["errors.md"], re.M))


def test_the_navigation_names_every_page_once() -> None:
    named: list[str] = []

    def walk(entries: object) -> None:
        if isinstance(entries, str):
            named.append(entries)
        for entry in entries.values() if isinstance(entries, dict) else entries if isinstance(entries, list) else ():
            walk(entry)

    walk(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    assert sorted(named) == sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


@pytest.mark.parametrize("page", STARTS, ids=lambda path: path.stem)
def test_every_command_of_a_quick_start_runs_in_the_order_shown(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in os.environ if name.startswith(("ACTIVITY_", "CLAUDE_", "SNOW"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    project = tmp_path / "orders-api"
    transcript = tmp_path / ".claude" / "projects" / "-orders-api" / "6f0c1d52-0000-4000-8000-000000000000.jsonl"
    for folder in (project / ".git", transcript.parent):
        folder.mkdir(parents=True)
    transcript.write_bytes((ROOT / "examples" / "session.jsonl").read_bytes())
    monkeypatch.chdir(project)
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M)
    lines = [line for block in blocks for line in block.splitlines()]
    assert lines
    for line in lines:
        command, _, otherwise = line.partition(" || ")
        program, *arguments = shlex.split(command)
        code = run(arguments)
        assert program == "activity-mcp"
        assert code == 0 or otherwise == "true", f"{line}\n{capfd.readouterr().err}"
